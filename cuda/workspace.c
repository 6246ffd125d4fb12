/* SPDX-License-Identifier: ISC */
/* Allocates and divides the GPU's memory of one network. */
#include "workspace.h"

#include <stdlib.h>
#include <string.h>

#include "device/carve.h"
#include "signal/frames.h"

/* Frames that one call transforms, however many a block has. The number is even, so that what each
 * call of cuFFT gets is aligned to a complex number. */
enum { FFT_BATCH = 64 };

size_t bsm_cuda_state_size(const bsm_config *config)
{
    return config->d_state * bsm_config_d_inner(config);
}

size_t bsm_cuda_tail_size(const bsm_config *config)
{
    return (config->d_conv - 1) * bsm_config_conv_dim(config);
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t round_up(size_t count, size_t step)
{
    return (count + step - 1) / step * step;
}

/* ---- Chunks ---- */

enum { SMALL_CHUNK = 32 };

/* Short sequences are cut into chunks of half the length if that leaves less padding. */
bsm_steps bsm_cuda_steps(size_t steps, size_t split)
{
    size_t before = split ? split : steps, behind = steps - before;
    size_t whole = round_up(before, BSM_MAX_CHUNK) + round_up(behind, BSM_MAX_CHUNK);
    size_t half = round_up(before, SMALL_CHUNK) + round_up(behind, SMALL_CHUNK);
    bool small = steps <= BSM_MAX_CHUNK && half < whole;
    size_t chunk = small ? SMALL_CHUNK : BSM_MAX_CHUNK;
    return (bsm_steps){
        .steps = (uint32_t)steps,
        .chunk = (uint32_t)chunk,
        .chunks = (uint32_t)((small ? half : whole) / chunk),
        .split = (uint32_t)before,
        .split_chunks = (uint32_t)(round_up(before, chunk) / chunk),
    };
}

/* A split adds at most one chunk of padding, and so does the end of a sequence. */
static size_t most_rows(size_t steps)
{
    return round_up(steps, BSM_MAX_CHUNK) + BSM_MAX_CHUNK;
}

static size_t most_chunks(size_t steps)
{
    return most_rows(steps) / BSM_MAX_CHUNK + BSM_MAX_CHUNK / SMALL_CHUNK;
}

/* A slab has room for its wanted number of rows, for at least one sequence, and for no more than
 * all sequences. */
bsm_slab_limits bsm_cuda_slab_limits(const bsm_cuda_space *space, size_t frames)
{
    const bsm_config *config = &space->weights->config;
    const size_t wanted = bsm_cuda_is_fused(space) ? 4 * BSM_SLAB_ROWS : BSM_SLAB_ROWS;
    size_t bands = config->num_bands, longest = max(frames, bands);
    size_t rows = max(frames * most_rows(bands), bands * most_rows(frames));
    size_t chunks = max(frames * most_chunks(bands), bands * most_chunks(frames));
    return (bsm_slab_limits){
        .rows = min(rows, max(wanted, most_rows(longest))),
        .chunks = min(chunks, max(wanted / BSM_MAX_CHUNK, most_chunks(longest))),
        .frames = min(frames, max(BSM_SLAB_ROWS / bands, 1)),
    };
}

/* ---- Memory ---- */

static void *carve_values(const bsm_cuda_space *space, bsm_carver *carver, size_t count)
{
    enum { BF16_BYTES = 2 };
    bool bf16 = bsm_gpu_queue(space->gpu).bf16;
    return bsm_carve(carver, count * (bf16 ? (size_t)BF16_BYTES : sizeof(float)));
}

static void divide_decays(bsm_cuda_space *space, bsm_carver *carver)
{
    size_t heads = space->shape.heads, rows = space->limits.rows * heads;
    bsm_decays *decays = &space->mixer.decays;
    decays->dt = bsm_carve_floats(carver, rows);
    decays->cum = bsm_carve(carver, rows * sizeof(double));
    decays->in = bsm_carve_floats(carver, rows);
    decays->out = bsm_carve_floats(carver, rows);
    decays->all = bsm_carve_floats(carver, space->limits.chunks * heads);
}

void bsm_cuda_divide_chunks(bsm_cuda_space *space, bsm_carver *carver)
{
    size_t state = bsm_cuda_state_size(&space->weights->config);
    divide_decays(space, carver);
    space->mixer.x =
        carve_values(space, carver, space->limits.rows * bsm_shape_inner(space->shape));
    space->mixer.before = carve_values(space, carver, space->limits.chunks * state);
}

/* Carve what the scan by matrix products needs. */
static void divide_products(bsm_cuda_space *space, bsm_carver *carver)
{
    size_t rows = space->limits.rows, chunks = space->limits.chunks;
    size_t inner = bsm_shape_inner(space->shape), heads = space->shape.heads;
    size_t state = bsm_cuda_state_size(&space->weights->config);
    bsm_mixer_scratch *s = &space->mixer;
    divide_decays(space, carver);
    s->x = carve_values(space, carver, rows * inner);
    s->scaled = carve_values(space, carver, rows * inner);
    s->G = bsm_carve_floats(carver, rows * BSM_MAX_CHUNK);
    s->M = carve_values(space, carver, rows * BSM_MAX_CHUNK * heads);
    s->added = bsm_carve_floats(carver, chunks * state);
    s->before =
        bsm_gpu_queue(space->gpu).bf16 ? carve_values(space, carver, chunks * state) : s->added;
    s->inside = bsm_carve_floats(carver, rows * inner);
    s->outside = bsm_carve_floats(carver, rows * inner);
}

void bsm_cuda_divide_mixer(bsm_cuda_space *space, bsm_carver *carver)
{
    size_t rows = space->limits.rows, inner = bsm_shape_inner(space->shape);
    bsm_mixer_scratch *s = &space->mixer;
    s->u = carve_values(space, carver, rows * space->weights->config.dim);
    s->BC = carve_values(space, carver, rows * 2 * space->shape.d_state);
    s->gated = carve_values(space, carver, rows * inner);
    if (!bsm_cuda_is_fused(space)) {
        divide_products(space, carver);
    }
}

static void divide_projected(bsm_cuda_space *space, bsm_carver *carver)
{
    size_t rows = space->limits.rows;
    bsm_mixer_scratch *s = &space->mixer;
    s->zxBC = carve_values(space, carver, rows * bsm_shape_zxBC(space->shape));
    s->raw_dt = bsm_carve_floats(carver, 2 * rows * space->shape.heads); /* for both directions */
    s->mixed = carve_values(space, carver, rows * space->weights->config.dim);
    if (bsm_cuda_is_fused(space)) {
        s->squares = bsm_carve_floats(carver, rows * space->shape.heads);
        s->y = s->gated; /* both are never in use at the same time */
    } else {
        s->y = carve_values(space, carver, rows * bsm_shape_inner(space->shape));
    }
}

static void divide_mask(bsm_cuda_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->weights->config;
    size_t frames = space->limits.frames, rows = frames * config->num_bands;
    size_t hidden = rows * config->mask_expansion * config->dim;
    space->mask.u = carve_values(space, carver, rows * config->dim);
    space->mask.hidden = bsm_carve_floats(carver, hidden);
    space->mask.tanh = carve_values(space, carver, hidden);
    space->mask.values = bsm_carve_floats(carver, frames * 2 * space->weights->packed_width);
}

static void divide_sound(bsm_cuda_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->weights->config;
    space->sound.window = bsm_carve_floats(carver, config->n_fft);
    space->sound.audio = bsm_carve_floats(carver, bsm_cuda_most_audio(space));
    space->sound.sums = bsm_carve_floats(carver, config->num_stems * bsm_cuda_most_audio(space));
}

/* Frames are transformed in whole batches: what follows a block's last frame is transformed, too,
 * and not used. */
static void divide_sound_scratch(bsm_cuda_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->weights->config;
    bsm_sound_scratch *s = &space->sound;
    const size_t batches = (space->options.max_frames + s->batch - 1) / s->batch;
    s->frames = bsm_carve_floats(carver, batches * s->batch * bsm_cuda_frame_size(config));
    s->bins = bsm_carve_floats(carver, batches * s->batch * bsm_config_features(config));
    s->fft_scratch = bsm_carve(carver, bsm_gpu_fft_bytes(s->fft));
}

/* Transforms, band split, mixers and masks never run at the same time, so their scratch is the same
 * memory. */
static void divide(bsm_cuda_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->weights->config;
    size_t frames = space->options.max_frames, rows = config->num_bands * frames;
    size_t spectrum = frames * bsm_config_features(config);
    space->x = bsm_carve_floats(carver, rows * config->dim);
    space->joined = carve_values(space, carver, rows * 2 * config->dim);
    space->spectrum = bsm_carve_floats(carver, spectrum);
    space->masked = bsm_carve_floats(carver, spectrum);
    divide_sound(space, carver);
    const size_t mixers = config->depth * config->num_bands;
    for (size_t s = 0; s < space->options.states; s++) {
        space->states[s] = bsm_carve_floats(carver, mixers * bsm_cuda_state_size(config));
        space->tails[s] = bsm_carve_floats(carver, mixers * bsm_cuda_tail_size(config));
    }
    bsm_carver mixer = *carver, mask = *carver, split = *carver, sound = *carver;
    bsm_cuda_divide_mixer(space, &mixer);
    divide_projected(space, &mixer);
    divide_mask(space, &mask);
    space->packed = carve_values(space, &split, frames * space->weights->packed_width);
    divide_sound_scratch(space, &sound);
    carver->used = max(max(mixer.used, mask.used), max(split.used, sound.used));
}

static bsm_status fill_window(bsm_cuda_space *space, bsm_error *error)
{
    const size_t n_fft = space->weights->config.n_fft;
    float *window = bsm_frame_window(n_fft);
    void *host = NULL;
    bsm_status status = BSM_OK;
    if (!window) {
        status = bsm_fail(error, BSM_NO_MEMORY, "no memory for a network");
    } else {
        status = bsm_gpu_allocate_host(space->gpu, n_fft * sizeof *window, &host, error);
    }
    if (!status) {
        memcpy(host, window, n_fft * sizeof *window);
        bsm_gpu_upload(space->gpu, space->sound.window, host, n_fft * sizeof *window);
        bsm_gpu_wait(space->gpu);
        status = bsm_gpu_status(space->gpu, error);
    }
    free(window);
    bsm_gpu_release_host(host);
    return status;
}

static bsm_status allocate(bsm_cuda_space *space, bsm_error *error)
{
    bsm_carver sizing = {0};
    divide(space, &sizing);
    char what[80];
    bsm_format_line(what, sizeof what, "windows of %zu frames", space->options.max_frames);
    bsm_status status = bsm_gpu_allocate(space->gpu, sizing.used, what, &space->memory, error);
    if (status) {
        return status;
    }
    space->bytes = sizing.used;
    bsm_carver real = {.block = space->memory};
    divide(space, &real);
    return fill_window(space, error);
}

/* Kernels count rows in 32 bits, and cuBLAS counts them with a sign. */
bsm_status bsm_cuda_check_size(const bsm_config *config, size_t frames, bsm_error *error)
{
    if (frames > INT32_MAX / (config->num_bands + 1) / BSM_MAX_CHUNK) {
        return bsm_fail(error, BSM_NO_MEMORY, "cuda: windows of %zu frames are too long", frames);
    }
    return BSM_OK;
}

/* Make the plan of the transforms, which determines the size of their scratch. Kernels count
 * samples in 32 bits. */
static bsm_status open_transforms(bsm_cuda_space *space, bsm_error *error)
{
    const bsm_config *config = &space->weights->config;
    if (bsm_cuda_covered(config, space->options.max_frames) > INT32_MAX) {
        return bsm_fail(error, BSM_NO_MEMORY, "cuda: windows of %zu frames are too long",
                        space->options.max_frames);
    }
    space->sound.batch = min(space->options.max_frames, FFT_BATCH);
    return bsm_gpu_fft_new(space->gpu, config->n_fft, space->sound.batch * config->channels,
                           &space->sound.fft, error);
}

static bsm_status open_space(bsm_cuda_space *space, bsm_error *error)
{
    const bsm_config *config = &space->weights->config;
    bsm_precision precision = space->options.precision;
    bsm_status status = bsm_cuda_check_size(config, space->options.max_frames, error);
    if (!status) {
        status = bsm_gpu_new(precision, &space->gpu, error);
    }
    if (!status && precision == BSM_PRECISION_BFLOAT16) {
        bsm_cuda_weights *weights = (bsm_cuda_weights *)(uintptr_t)space->weights;
        status = bsm_cuda_weights_need_bf16(weights, space->gpu, error);
    }
    if (!status) {
        space->limits = bsm_cuda_slab_limits(space, space->options.max_frames);
        status = open_transforms(space, error);
    }
    if (!status) {
        status = allocate(space, error);
    }
    return status;
}

bsm_status bsm_cuda_workspace_new(const void *weights, const bsm_workspace_options *options,
                                  void **workspace, bsm_error *error)
{
    bsm_cuda_space *space = calloc(1, sizeof *space);
    if (!space) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a network");
    }
    space->weights = weights;
    space->options = *options;
    if (options->precision == BSM_PRECISION_INT8) {
        /* the lowest precision that this device has */
        space->options.precision = BSM_PRECISION_BFLOAT16;
    }
    const bsm_config *config = &space->weights->config;
    space->shape = (bsm_mixer_shape){.heads = (uint32_t)bsm_config_heads(config),
                                     .headdim = (uint32_t)config->headdim,
                                     .d_state = (uint32_t)config->d_state,
                                     .taps = (uint32_t)config->d_conv};
    bsm_status status = open_space(space, error);
    if (status) {
        bsm_cuda_workspace_free(space);
        return status;
    }
    *workspace = space;
    return BSM_OK;
}

void bsm_cuda_workspace_free(void *workspace)
{
    bsm_cuda_space *space = workspace;
    if (space->gpu) {
        bsm_gpu_use(space->gpu);
        bsm_gpu_wait(space->gpu);
    }
    for (size_t i = 0; i < BSM_KNOWN_BLOCKS; i++) {
        bsm_gpu_graph_free(space->known[i].graph);
    }
    bsm_gpu_fft_free(space->sound.fft);
    bsm_gpu_release_host(space->sound.host_audio);
    bsm_gpu_release_host(space->sound.host_sums);
    bsm_gpu_release(space->memory);
    bsm_gpu_free(space->gpu);
    free(space);
}
