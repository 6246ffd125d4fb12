/* SPDX-License-Identifier: ISC */
/* A block's samples go up, the transforms are made on the card, and sums of windowed frames come
 * down (bsm/block.h). */
#include <stdlib.h>
#include <string.h>

#include "signal/frame.h"
#include "workspace.h"

/* Frames that are transformed at a time, however many a call has. Even, so that what cuFFT gets
 * lies at a multiple of a complex number. */
enum { BATCH = 64 };

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Samples that `frames` frames cover. */
static size_t covered(const bsm_config *config, size_t frames)
{
    return (frames - 1) * config->hop + config->n_fft;
}

static size_t frame_floats(const bsm_config *config)
{
    return config->channels * config->n_fft;
}

static bsm_framing framing_of(const bsm_cuda_space *space, size_t frames)
{
    const bsm_config *config = &space->weights->config;
    return (bsm_framing){.n_fft = (uint32_t)config->n_fft,
                         .window_size = (uint32_t)config->n_fft,
                         .hop = (uint32_t)config->hop,
                         .channels = (uint32_t)config->channels,
                         .samples = (uint32_t)covered(config, frames),
                         .frames = (uint32_t)frames,
                         .window = space->sound.window};
}

/* ---- Plan and memory ---- */

bsm_status bsm_cuda_sound_open(bsm_cuda_space *space, bsm_error *error)
{
    const bsm_config *config = &space->weights->config;
    if (covered(config, space->options.max_frames) > INT32_MAX) { /* in 32 bits on the card */
        return bsm_fail(error, BSM_NO_MEMORY, "cuda: windows of %zu frames are too long",
                        space->options.max_frames);
    }
    space->sound.batch = min(space->options.max_frames, BATCH);
    return bsm_card_fft_new(space->card, config->n_fft, space->sound.batch * config->channels,
                            &space->sound.fft, error);
}

static size_t most_audio(const bsm_cuda_space *space)
{
    const bsm_config *config = &space->weights->config;
    return config->channels * covered(config, space->options.max_frames);
}

void bsm_cuda_sound_divide(bsm_cuda_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->weights->config;
    space->sound.window = bsm_carve_floats(carver, config->n_fft);
    space->sound.audio = bsm_carve_floats(carver, most_audio(space));
    space->sound.sums = bsm_carve_floats(carver, config->num_stems * most_audio(space));
}

/* Whole batches: what is behind a call's last frame is transformed, too, and not used. */
void bsm_cuda_sound_divide_scratch(bsm_cuda_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->weights->config;
    bsm_sound_scratch *s = &space->sound;
    const size_t batches = (space->options.max_frames + s->batch - 1) / s->batch;
    s->frames = bsm_carve_floats(carver, batches * s->batch * frame_floats(config));
    s->bins = bsm_carve_floats(carver, batches * s->batch * bsm_config_features(config));
    s->fft_scratch = bsm_carve(carver, bsm_card_fft_bytes(s->fft));
}

bsm_status bsm_cuda_sound_fill(bsm_cuda_space *space, bsm_error *error)
{
    const size_t n_fft = space->weights->config.n_fft;
    float *window = bsm_frame_window(n_fft);
    void *host = NULL;
    bsm_status status = BSM_OK;
    if (!window) {
        status = bsm_fail(error, BSM_NO_MEMORY, "no memory for a network");
    } else {
        status = bsm_card_allocate_host(space->card, n_fft * sizeof *window, &host, error);
    }
    if (!status) {
        memcpy(host, window, n_fft * sizeof *window);
        bsm_card_upload(space->card, space->sound.window, host, n_fft * sizeof *window);
        bsm_card_wait(space->card);
        status = bsm_card_status(space->card, error);
    }
    free(window);
    bsm_card_release_host(host);
    return status;
}

void bsm_cuda_sound_close(bsm_cuda_space *space)
{
    bsm_card_fft_free(space->sound.fft);
    bsm_card_release_host(space->sound.host_audio);
    bsm_card_release_host(space->sound.host_sums);
}

/* ---- From the host and back ---- */

static bsm_status allocate_host(bsm_cuda_space *space, float **memory, size_t count,
                                bsm_error *error)
{
    void *host = *memory;
    bsm_status status = BSM_OK;
    if (!host) {
        status = bsm_card_allocate_host(space->card, count * sizeof **memory, &host, error);
        *memory = host;
    }
    return status;
}

bsm_status bsm_cuda_sound_begin(bsm_cuda_space *space, const bsm_block *block, bsm_error *error)
{
    const bsm_config *config = &space->weights->config;
    const size_t samples = covered(config, block->frames), most = most_audio(space);
    bsm_status status = allocate_host(space, &space->sound.host_audio, most, error);
    if (!status) {
        status = allocate_host(space, &space->sound.host_sums, config->num_stems * most, error);
    }
    for (size_t c = 0; c < config->channels && !status; c++) {
        memcpy(space->sound.host_audio + c * samples, block->audio[c], samples * sizeof(float));
    }
    return status;
}

static size_t summed_samples(const bsm_cuda_space *space, const bsm_block *block)
{
    return covered(&space->weights->config, block->wanted - block->first);
}

void bsm_cuda_sound_end(const bsm_cuda_space *space, const bsm_block *block)
{
    const bsm_config *config = &space->weights->config;
    const size_t samples = summed_samples(space, block);
    const float *from = space->sound.host_sums;
    for (size_t s = 0; s < config->num_stems; s++) {
        for (size_t c = 0; block->stems[s] && c < config->channels; c++, from += samples) {
            float *sums = block->stems[s][c];
            for (size_t i = 0; i < samples; i++) {
                sums[i] += from[i];
            }
        }
    }
}

/* ---- On the card ---- */

static void to_bins(const bsm_cuda_space *space, size_t frames)
{
    const bsm_config *config = &space->weights->config;
    const bsm_sound_scratch *s = &space->sound;
    for (size_t first = 0; first < frames; first += s->batch) {
        bsm_card_fft_forward(space->card, s->fft, s->frames + first * frame_floats(config),
                             s->bins + first * bsm_config_features(config), s->fft_scratch);
    }
}

static void to_frames(const bsm_cuda_space *space, size_t frames)
{
    const bsm_config *config = &space->weights->config;
    const bsm_sound_scratch *s = &space->sound;
    for (size_t first = 0; first < frames; first += s->batch) {
        bsm_card_fft_inverse(space->card, s->fft, s->bins + first * bsm_config_features(config),
                             s->frames + first * frame_floats(config), s->fft_scratch);
    }
}

bsm_status bsm_cuda_analyse(void *workspace, const bsm_block *block, bsm_error *error)
{
    const bsm_cuda_space *space = workspace;
    const bsm_config *config = &space->weights->config;
    const bsm_sound_scratch *s = &space->sound;
    const size_t frames = block->frames;
    const bsm_framing framing = framing_of(space, frames);
    bsm_kernel_queue queue = bsm_card_queue(space->card);
    bsm_card_upload(space->card, s->audio, s->host_audio,
                    config->channels * covered(config, frames) * sizeof(float));
    bsm_kernel_cut_frames(queue, &framing, s->audio, false, s->frames);
    to_bins(space, frames);
    bsm_kernel_store_bins(queue, &framing, s->bins, false, space->spectrum);
    return bsm_cuda_module_done(space, error);
}

/* Wanted stems before `stem`. */
static size_t wanted_until(const bsm_block *block, size_t stem)
{
    size_t count = 0;
    for (size_t s = 0; s < stem; s++) {
        count += (block->stems[s] != NULL);
    }
    return count;
}

/* The last stem takes all of them down. */
bsm_status bsm_cuda_synthesise(void *workspace, size_t stem, const bsm_block *block,
                               bsm_error *error)
{
    const bsm_cuda_space *space = workspace;
    const bsm_config *config = &space->weights->config;
    const bsm_sound_scratch *s = &space->sound;
    const size_t frames = block->wanted - block->first;
    const size_t floats = config->channels * summed_samples(space, block);
    const size_t before = wanted_until(block, stem);
    const bsm_framing framing = framing_of(space, frames);
    bsm_kernel_queue queue = bsm_card_queue(space->card);
    bsm_kernel_load_bins(queue, &framing,
                         space->masked + block->first * bsm_config_features(config), s->bins);
    to_frames(space, frames);
    bsm_kernel_overlap_add(queue, &framing, s->frames, s->sums + before * floats);
    if (before + 1 == wanted_until(block, config->num_stems)) {
        bsm_card_download(space->card, s->host_sums, s->sums,
                          (before + 1) * floats * sizeof(float));
    }
    return bsm_cuda_module_done(space, error);
}
