/* SPDX-License-Identifier: ISC */
/* Times the scan step by step against the device's own scan, for bsm-bench. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mixer.h"

/* The device's own scan is so short that timing a single one would mostly measure the wait for
 * it. */
enum { FAST_ROUNDS = 10 };

typedef struct scan_run {
    const bsm_cuda_space *space;
    const bsm_cuda_mixer *mixer;
    bsm_slab slab;
    /* memory of the GPU that the scan step by step reads and writes */
    void *memory;
    float *zxBC;
    bsm_prepare prepare;
    bsm_naive_scan naive;
    void *host; /* host memory for one sequence: x, or both results y */
} scan_run;

/* ---- Memory ---- */

static void divide(scan_run *run, bsm_carver *carver)
{
    const bsm_mixer_shape shape = run->space->shape;
    size_t rows = bsm_slab_rows(&run->slab), chunks = bsm_slab_chunks(&run->slab);
    size_t padded = chunks * run->slab.steps.chunk, inner = bsm_shape_inner(shape);
    size_t sequences = run->slab.steps.sequences, state = sequences * shape.d_state * inner;
    bsm_prepare *p = &run->prepare;
    run->zxBC = bsm_carve_floats(carver, rows * bsm_shape_zxBC(shape));
    p->decays.dt = bsm_carve_floats(carver, padded * shape.heads);
    p->decays.cum = bsm_carve(carver, padded * shape.heads * sizeof(double));
    p->decays.in = bsm_carve_floats(carver, padded * shape.heads);
    p->decays.out = bsm_carve_floats(carver, padded * shape.heads);
    p->decays.all = bsm_carve_floats(carver, chunks * shape.heads);
    p->x = bsm_carve_floats(carver, padded * inner);
    p->BC = bsm_carve_floats(carver, padded * 2 * shape.d_state);
    run->naive.state = bsm_carve_floats(carver, state);
    run->naive.added = bsm_carve_floats(carver, state);
    run->naive.scaled = bsm_carve_floats(carver, sequences * inner);
    run->naive.y = bsm_carve_floats(carver, rows * inner);
}

/* The bytes that one sequence of x or of y takes as float32, whichever is larger. */
static size_t host_half(const scan_run *run)
{
    size_t dim = run->space->weights->config.dim, inner = bsm_shape_inner(run->space->shape);
    return run->slab.steps.steps * (dim > inner ? dim : inner) * sizeof(float);
}

static bsm_status allocate(scan_run *run, bsm_error *error)
{
    bsm_gpu *gpu = run->space->gpu;
    bsm_carver sizing = {0};
    divide(run, &sizing);
    bsm_status status =
        bsm_gpu_allocate(gpu, sizing.used, "a scan step by step", &run->memory, error);
    if (!status) {
        bsm_carver real = {.block = run->memory};
        divide(run, &real);
        status = bsm_gpu_allocate_host(gpu, 2 * host_half(run), &run->host, error);
    }
    return status;
}

static bsm_status open_run(scan_run *run, const bsm_cuda_space *space, size_t frames,
                           bsm_error *error)
{
    const bsm_cuda_weights *weights = space->weights;
    bsm_steps steps = bsm_cuda_steps(frames, 0);
    size_t most = bsm_cuda_slab_sequences(space, steps), bands = weights->config.num_bands;
    *run = (scan_run){
        .space = space,
        .mixer = &weights->time[0].forward,
        .slab = bsm_cuda_slab(steps, false, frames, 0, most < bands ? most : bands),
    };
    run->prepare = bsm_cuda_mixer_preparation(space, run->mixer, &run->slab);
    bsm_status status = allocate(run, error);
    run->prepare.zxBC = run->zxBC;
    run->prepare.scaled = NULL;
    run->naive.steps = run->slab.steps;
    run->naive.shape = space->shape;
    run->naive.dt = run->prepare.decays.dt;
    run->naive.x = run->prepare.x;
    run->naive.BC = run->prepare.BC;
    run->naive.A = run->mixer->A;
    run->naive.D = run->mixer->D;
    return status;
}

static void close_run(scan_run *run)
{
    bsm_gpu_wait(run->space->gpu);
    bsm_gpu_release_host(run->host);
    bsm_gpu_release(run->memory);
}

/* ---- What is scanned ---- */

static void fill_with_noise(float *numbers, size_t count, uint32_t *seed)
{
    for (size_t i = 0; i < count; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        numbers[i] = (float)(*seed >> 8) * 0x1p-23f - 1;
    }
}

static void upload_noise(const scan_run *run)
{
    const bsm_cuda_space *space = run->space;
    size_t count = run->slab.steps.steps * space->weights->config.dim;
    uint32_t seed = 1;
    for (size_t s = 0; s < run->slab.steps.sequences; s++) {
        fill_with_noise(run->host, count, &seed);
        bsm_gpu_upload(space->gpu, space->x + s * count, run->host, count * sizeof(float));
        bsm_gpu_wait(space->gpu);
    }
}

static bsm_kernel_queue float_queue(const scan_run *run)
{
    return (bsm_kernel_queue){.stream = bsm_gpu_queue(run->space->gpu).stream};
}

/* Compute the inputs of both scans: the projections and, for the scan step by step, the decays and
 * the convolution, always in float32. The device's own scan computes those itself. */
static void prepare(const scan_run *run)
{
    upload_noise(run);
    bsm_cuda_mixer_normalise(run->space, run->mixer, &run->slab);
    bsm_cuda_mixer_project_dt(run->space, run->mixer, NULL, &run->slab);
    bsm_cuda_mixer_project(run->space, run->mixer, &run->slab);
    bsm_cuda_mixer_project_floats(run->space, run->mixer, &run->slab, run->zxBC);
    bsm_kernel_decays(float_queue(run), &run->prepare);
    bsm_kernel_convolution(float_queue(run), &run->prepare);
}

/* ---- Times ---- */

static void scan_step_by_step(const scan_run *run)
{
    const bsm_mixer_shape shape = run->space->shape;
    size_t state = (size_t)run->slab.steps.sequences * shape.d_state * bsm_shape_inner(shape);
    bsm_gpu_zero(run->space->gpu, run->naive.state, state * sizeof(float));
    bsm_kernel_naive_scan(float_queue(run), &run->naive);
}

static void scan_fast(const scan_run *run)
{
    bsm_cuda_mixer_scan(run->space, run->mixer, &run->slab);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Time `repeats` runs of `rounds` scans, after one scan that does not count. Fills seconds[], and
 * returns its median. */
static double time_scan(const scan_run *run, void (*scan)(const scan_run *), size_t rounds,
                        size_t repeats, double *seconds)
{
    bsm_gpu *gpu = run->space->gpu;
    scan(run);
    bsm_gpu_wait(gpu);
    for (size_t i = 0; i < repeats; i++) {
        double start = now();
        for (size_t round = 0; round < rounds; round++) {
            scan(run);
        }
        bsm_gpu_wait(gpu);
        seconds[i] = (now() - start) / (double)rounds;
    }
    qsort(seconds, repeats, sizeof *seconds, compare);
    return repeats % 2 ? seconds[repeats / 2]
                       : (seconds[repeats / 2 - 1] + seconds[repeats / 2]) / 2;
}

static bsm_status time_both(const scan_run *run, size_t repeats, bsm_scan_times *times,
                            bsm_error *error)
{
    double *seconds = calloc(repeats, sizeof *seconds);
    if (!seconds) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for %zu times", repeats);
    }
    prepare(run);
    times->sequential = time_scan(run, scan_step_by_step, 1, repeats, seconds);
    times->fast = time_scan(run, scan_fast, FAST_ROUNDS, repeats, seconds);
    free(seconds);
    return bsm_gpu_status(run->space->gpu, error);
}

/* ---- The results ---- */

static float value_of(bool bf16, const void *values, size_t index)
{
    if (!bf16) {
        return ((const float *)values)[index];
    }
    uint32_t bits = (uint32_t)((const uint16_t *)values)[index] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Compare the results one sequence at a time, so that the host needs no more than a few MB. */
static double difference(const scan_run *run)
{
    const bsm_cuda_space *space = run->space;
    bool bf16 = bsm_gpu_queue(space->gpu).bf16;
    size_t count = run->slab.steps.steps * bsm_shape_inner(space->shape);
    size_t bytes = count * (bf16 ? sizeof(uint16_t) : sizeof(float));
    const float *expected = run->host;
    unsigned char *actual = (unsigned char *)run->host + host_half(run);
    double off = 0, all = 0;
    for (size_t s = 0; s < run->slab.steps.sequences; s++) {
        bsm_gpu_download(space->gpu, run->host, run->naive.y + s * count, count * sizeof(float));
        bsm_gpu_download(space->gpu, actual, (const unsigned char *)space->mixer.y + s * bytes,
                         bytes);
        bsm_gpu_wait(space->gpu);
        for (size_t i = 0; i < count && bsm_gpu_works(space->gpu); i++) {
            double right = (double)expected[i], by = (double)value_of(bf16, actual, i) - right;
            off += by * by;
            all += right * right;
        }
    }
    return off == 0 ? 0 : sqrt(off / all);
}

bsm_status bsm_cuda_scan_times(void *workspace, size_t frames, size_t repeats,
                               bsm_scan_times *times, bsm_error *error)
{
    const bsm_cuda_space *space = workspace;
    if (frames == 0 || frames > space->options.max_frames || repeats == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "cuda: %zu scans of %zu frames: out of range",
                        repeats, frames);
    }
    scan_run run;
    bsm_gpu_use(space->gpu);
    bsm_gpu_wait(space->gpu); /* for work of a call that was abandoned after a failure */
    bsm_status status = open_run(&run, space, frames, error);
    if (!status) {
        *times = (bsm_scan_times){.sequences = run.slab.steps.sequences, .steps = frames};
        status = time_both(&run, repeats, times, error);
    }
    if (!status) {
        times->difference = difference(&run);
        status = bsm_gpu_status(space->gpu, error);
    }
    close_run(&run);
    return status;
}
