/* SPDX-License-Identifier: ISC */
/* Times whole windows through a network, stage by stage. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "bench_util.h"
#include "bsm/stft.h"

typedef struct run_state {
    const bsm_config *config;
    bsm_stft *stft;
    bsm_network *network;
    size_t samples, frames;
    float *audio[BSM_MAX_CHANNELS];
    float *spectrum, *masked;
    double mark;
    double stage[BENCH_STAGES];
    bool queues; /* the modules' times are taken apart from the whole's */
} run_state;

const char *bench_stage_name(size_t stage)
{
    static const char *const names[BENCH_STAGES] = {"STFT",      "band split", "time path",
                                                    "band path", "mask",       "inverse STFT"};
    return names[stage];
}

static void end_stage(run_state *run, size_t stage)
{
    double now = bench_now();
    run->stage[stage] += now - run->mark;
    run->mark = now;
}

static bool module_done(void *user, bsm_module module, size_t layer)
{
    (void)layer;
    end_stage(user, 1 + (size_t)module);
    return true;
}

static bsm_status run_window(run_state *run, bsm_error *error)
{
    const float *in[BSM_MAX_CHANNELS] = {run->audio[0], run->audio[1]};
    float *stems[BSM_MAX_STEMS] = {run->masked};
    run->mark = bench_now();
    bsm_stft_forward(run->stft, in, run->samples, run->spectrum);
    end_stage(run, 0);
    bsm_status status = bsm_network_forward(run->network, run->spectrum, run->frames, stems, error);
    if (status) {
        return status;
    }
    bsm_stft_inverse(run->stft, run->masked, run->frames, run->audio, run->samples);
    end_stage(run, BENCH_STAGES - 1);
    return BSM_OK;
}

static void close_run(run_state *run)
{
    bsm_network_free(run->network);
    bsm_stft_free(run->stft);
    free(run->audio[0]);
    free(run->audio[1]);
    free(run->spectrum);
    free(run->masked);
}

static bsm_status open_run(run_state *run, bsm_model *model, const bsm_network_options *options,
                           double seconds, bsm_error *error)
{
    *run = (run_state){.config = bsm_model_config(model)};
    run->samples = (size_t)(seconds * (double)run->config->sample_rate);
    run->frames = 1 + run->samples / run->config->hop;
    size_t numbers = run->frames * bsm_config_features(run->config);
    run->spectrum = calloc(numbers, sizeof(float));
    run->masked = calloc(numbers, sizeof(float));
    bool complete = run->spectrum && run->masked;
    for (size_t c = 0; c < run->config->channels; c++) {
        run->audio[c] = calloc(run->samples, sizeof(float));
        complete = complete && run->audio[c];
    }
    if (!complete) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for %g s of audio", seconds);
    }
    bsm_network_options sized = *options;
    sized.max_frames = run->frames;
    bsm_status status = bsm_stft_new(run->config->n_fft, run->config->hop, run->config->channels,
                                     &run->stft, error);
    if (!status) {
        status = bsm_network_new(model, &sized, &run->network, error);
    }
    if (!status) {
        /* A device of its own queues its modules and is done much later, unless it is observed. */
        run->queues = !strncmp(bsm_network_device_name(run->network), "cuda", 4);
        bsm_network_observe(run->network, run->queues ? NULL : module_done, run);
    }
    return status;
}

/* Noise at -20 dB: the time does not depend on what is in the signal. */
static void fill_audio(run_state *run)
{
    unsigned int seed = 1;
    for (size_t c = 0; c < run->config->channels; c++) {
        for (size_t i = 0; i < run->samples; i++) {
            run->audio[c][i] = 0.1f * ((float)rand_r(&seed) / (float)RAND_MAX - 0.5f);
        }
    }
}

/* Once more with an observer, for which each module is waited for. */
static bsm_status time_modules(run_state *run, size_t repeats, bsm_error *error)
{
    bsm_status status = BSM_OK;
    bsm_network_observe(run->network, module_done, run);
    memset(run->stage, 0, sizeof run->stage);
    for (size_t i = 0; i < repeats && !status; i++) {
        status = run_window(run, error);
    }
    return status;
}

static bsm_status time_windows(run_state *run, bench_result *result, bsm_error *error)
{
    double times[BENCH_MAX_REPEATS];
    bench_reset_peak_memory();
    /* The first run warms the caches and is not counted; a device that queues its work records it
     * in the second. */
    size_t warm = run->queues ? 2 : 1;
    for (size_t i = 0; i < result->repeats + warm; i++) {
        fill_audio(run);
        if (i <= warm) {
            memset(run->stage, 0, sizeof run->stage);
        }
        double start = bench_now();
        bsm_status status = run_window(run, error);
        if (status) {
            return status;
        }
        times[i < warm ? 0 : i - warm] = bench_now() - start;
    }
    result->peak_memory = bench_peak_memory();
    if (run->queues) {
        bsm_status status = time_modules(run, result->repeats, error);
        if (status) {
            return status;
        }
    }
    result->median = bench_median(times, result->repeats);
    result->best = times[0];
    for (size_t s = 0; s < BENCH_STAGES; s++) {
        result->stage[s] = run->stage[s] / (double)result->repeats;
    }
    return BSM_OK;
}

bsm_status bench_network(bsm_model *model, const bsm_network_options *options, double seconds,
                         size_t repeats, char device_name[128], bench_result *result,
                         bsm_error *error)
{
    enum { CHUNK = 64 };
    run_state run;
    bsm_status status = open_run(&run, model, options, seconds, error);
    if (!status) {
        *result = (bench_result){.seconds = seconds, .frames = run.frames, .repeats = repeats};
        snprintf(device_name, 128, "%s", bsm_network_device_name(run.network));
        status = time_windows(&run, result, error);
    }
    if (!status) {
        result->gflops = 2e-9 * bsm_config_macs_per_frame(run.config, CHUNK) * (double)run.frames /
                         result->median;
    }
    close_run(&run);
    return status;
}
