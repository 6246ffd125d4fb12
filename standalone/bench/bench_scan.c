/* SPDX-License-Identifier: ISC */
/* Times the sequential scan and the fast one on the same numbers. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "device/cpu/matrix.h"
#include "device/cpu/mixer.h"
#include "device/reference/modules.h"
#include "net/place.h"
#include <stdio.h>

/* ---- On a device with memory of its own ---- */

bsm_status bench_device_scan(bsm_model *model, const bsm_network_options *options, double seconds,
                             size_t repeats, bench_device_scan_result *result, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(model);
    bsm_network_options sized = *options;
    sized.max_frames = 1 + (size_t)(seconds * (double)config->sample_rate) / config->hop;
    bsm_network *network = NULL;
    bsm_scan_times times;
    bsm_status status = bsm_network_new(model, &sized, &network, error);
    if (!status) {
        status = bsm_network_scan_times(network, sized.max_frames, repeats, &times, error);
    }
    if (!status) {
        *result = (bench_device_scan_result){.sequences = times.sequences,
                                             .frames = times.steps,
                                             .sequential = times.sequential,
                                             .fast = times.fast,
                                             .difference = times.difference};
        snprintf(result->device, sizeof result->device, "%s", bsm_network_device_name(network));
    }
    bsm_network_free(network);
    return status;
}

/* ---- On the CPU: step by step as the reference does, and in chunks ---- */

typedef struct scan_data {
    const bsm_config *config;
    size_t frames;
    float *xbc;             /* [frame][conv_dim] */
    float *dt;              /* [frame][heads], before the softplus */
    float *dt_bias, *A, *D; /* [heads] */
    float *step_dt;         /* [heads], after the softplus */
    float *state, *y;
    void *tile_memory;
    bsm_cpu_tile tile;
} scan_data;

static bool allocate(scan_data *d)
{
    size_t heads = bsm_config_heads(d->config), conv_dim = bsm_config_conv_dim(d->config);
    size_t state = bsm_cpu_state_size(d->config);
    d->xbc = calloc(d->frames * conv_dim, sizeof(float));
    d->dt = calloc(d->frames * heads, sizeof(float));
    d->dt_bias = calloc(heads, sizeof(float));
    d->A = calloc(heads, sizeof(float));
    d->D = calloc(heads, sizeof(float));
    d->step_dt = calloc(heads, sizeof(float));
    d->state = calloc(state, sizeof(float));
    d->y = calloc(BSM_CHUNK * bsm_config_d_inner(d->config), sizeof(float));
    d->tile_memory = aligned_alloc(64, bsm_cpu_tile_size(d->config));
    return d->xbc && d->dt && d->dt_bias && d->A && d->D && d->step_dt && d->state && d->y &&
           d->tile_memory;
}

static void release(scan_data *d)
{
    free(d->xbc);
    free(d->dt);
    free(d->dt_bias);
    free(d->A);
    free(d->D);
    free(d->step_dt);
    free(d->state);
    free(d->y);
    free(d->tile_memory);
}

static void fill(float *values, size_t count, float low, float high)
{
    unsigned int seed = 1;
    for (size_t i = 0; i < count; i++) {
        values[i] = low + (high - low) * (float)rand_r(&seed) / (float)RAND_MAX;
    }
}

static void fill_all(scan_data *d)
{
    size_t heads = bsm_config_heads(d->config);
    fill(d->xbc, d->frames * bsm_config_conv_dim(d->config), -1, 1);
    fill(d->dt, d->frames * heads, -5, -2);
    fill(d->A, heads, -16, -1);
    fill(d->D, heads, 0.9f, 1.1f);
    fill(d->step_dt, heads, 0.01f, 0.1f);
    memset(d->tile_memory, 0, bsm_cpu_tile_size(d->config));
    d->tile = bsm_cpu_tile_at(d->config, bsm_kernels_get(), d->tile_memory);
}

static double run_sequential(scan_data *d)
{
    size_t conv_dim = bsm_config_conv_dim(d->config);
    double start = bench_now();
    memset(d->state, 0, bsm_reference_state_size(d->config) * sizeof(float));
    for (size_t t = 0; t < d->frames; t++) {
        const float *x = d->xbc + t * conv_dim, *B = x + bsm_config_d_inner(d->config);
        bsm_reference_scan_step(d->config, x, d->step_dt, d->A, B, B + d->config->d_state, d->D,
                                d->state, d->y);
    }
    return bench_now() - start;
}

static double run_chunked(scan_data *d)
{
    size_t heads = bsm_config_heads(d->config), conv_dim = bsm_config_conv_dim(d->config);
    bsm_cpu_state state = bsm_cpu_state_at(d->config, d->state);
    double start = bench_now();
    bsm_thread_mode mode = bsm_cpu_enter_thread();
    state.zero = true;
    for (size_t t = 0; t < d->frames; t += BSM_CHUNK) {
        size_t rows = d->frames - t < BSM_CHUNK ? d->frames - t : BSM_CHUNK;
        for (size_t r = 0; r < rows; r++) {
            memcpy(d->tile.xbc + r * bsm_cpu_ld(conv_dim), d->xbc + (t + r) * conv_dim,
                   conv_dim * sizeof(float));
        }
        d->tile.kernels->decays(rows, heads, d->dt + t * heads, heads, d->dt_bias, d->A,
                                &d->tile.decay);
        bsm_cpu_scan_chunk(&d->tile, rows, d->D, &state, false, d->y);
    }
    bsm_cpu_leave_thread(mode);
    return bench_now() - start;
}

bsm_status bench_scan(const bsm_config *config, double seconds, size_t repeats,
                      bench_scan_result *result, bsm_error *error)
{
    double sequential[BENCH_MAX_REPEATS], chunked[BENCH_MAX_REPEATS];
    scan_data data = {.config = config,
                      .frames = 1 + (size_t)(seconds * (double)config->sample_rate) / config->hop};
    if (!allocate(&data)) {
        release(&data);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a scan of %g s", seconds);
    }
    fill_all(&data);
    for (size_t i = 0; i < repeats; i++) {
        sequential[i] = run_sequential(&data);
        chunked[i] = run_chunked(&data);
    }
    release(&data);
    *result = (bench_scan_result){.frames = data.frames,
                                  .sequential = bench_median(sequential, repeats),
                                  .chunked = bench_median(chunked, repeats)};
    return BSM_OK;
}
