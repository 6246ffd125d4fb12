/* SPDX-License-Identifier: ISC */
/* Times whole windows through a network, from samples to samples, stage by stage. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "separate/separation.h"

typedef struct run_state {
    bsm_separation separation; /* takes all stems of the model */
    bsm_network *network;
    bsm_window *window;
    size_t samples, frames;
    float *audio[BSM_MAX_CHANNELS]; /* the input, then the output */
    double mark;
    double stage[BENCH_STAGES];
    bool queues; /* whether the device works later, so that the stages are timed in separate runs */
} run_state;

const char *bench_stage_name(size_t stage)
{
    static const char *const names[BENCH_STAGES] = {"STFT",      "band split", "time path",
                                                    "band path", "mask",       "inverse STFT"};
    return names[stage];
}

/* Return true for a GPU, which is given all of its work at once and does it later. */
static bool queues(const bsm_network *network)
{
    return bsm_network_gpu_memory(network) > 0;
}

size_t bench_untimed_calls(const bsm_network *network)
{
    return queues(network) ? 2 : 1;
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
    end_stage(user, module);
    return true;
}

static bsm_status run_window(run_state *run, bsm_error *error)
{
    run->mark = bench_now();
    bsm_status status = bsm_window_separate(run->window, (const float *const *)run->audio, error);
    for (size_t s = 0; s < run->separation.config->num_stems && !status; s++) {
        bsm_window_take(run->window, s, 0, run->samples, run->audio);
    }
    end_stage(run, BSM_MODULE_INVERSE_STFT);
    return status;
}

static void close_run(run_state *run)
{
    bsm_window_free(run->window);
    bsm_network_free(run->network);
    for (size_t c = 0; c < BSM_MAX_CHANNELS; c++) {
        free(run->audio[c]);
    }
}

static bsm_status allocate_audio(run_state *run, bsm_error *error)
{
    for (size_t c = 0; c < run->separation.config->channels; c++) {
        run->audio[c] = calloc(run->samples, sizeof(float));
        if (!run->audio[c]) {
            return bsm_fail(error, BSM_NO_MEMORY, "no memory for %zu samples of audio",
                            run->samples);
        }
    }
    return BSM_OK;
}

/* The signal is noise at -20 dB; the time does not depend on the signal. */
static void fill_audio(run_state *run)
{
    unsigned int seed = 1;
    for (size_t c = 0; c < run->separation.config->channels; c++) {
        for (size_t i = 0; i < run->samples; i++) {
            run->audio[c][i] = 0.1f * ((float)rand_r(&seed) / (float)RAND_MAX - 0.5f);
        }
    }
}

static bsm_status open_run(run_state *run, bsm_model *model, const bsm_network_options *options,
                           double seconds, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(model);
    *run = (run_state){.separation = {.config = config, .lanes = 1},
                       .samples = (size_t)(seconds * (double)config->sample_rate)};
    run->frames = 1 + run->samples / config->hop;
    for (size_t s = 0; s < config->num_stems; s++) {
        run->separation.wanted[s] = true;
    }
    bsm_network_options sized = *options;
    sized.max_frames = run->frames;
    bsm_status status = allocate_audio(run, error);
    if (!status) {
        status = bsm_network_new(model, &sized, &run->network, error);
    }
    if (!status) {
        run->separation.separator = bsm_separator_of_network(run->network);
        status = bsm_window_new(&run->separation, run->samples, &run->window, error);
    }
    if (!status) {
        run->queues = queues(run->network);
        if (!run->queues) {
            bsm_network_observe(run->network, module_done, run);
        }
    }
    return status;
}

/* Run again with observers, which wait for each stage. */
static bsm_status time_stages(run_state *run, size_t repeats, bsm_error *error)
{
    bsm_status status = BSM_OK;
    bsm_network_observe(run->network, module_done, run);
    memset(run->stage, 0, sizeof run->stage);
    for (size_t i = 0; i < repeats && !status; i++) {
        fill_audio(run);
        status = run_window(run, error);
    }
    return status;
}

static bsm_status time_windows(run_state *run, bench_result *result, bsm_error *error)
{
    double times[BENCH_MAX_REPEATS];
    bench_reset_peak_memory();
    const size_t untimed = bench_untimed_calls(run->network);
    for (size_t i = 0; i < result->repeats + untimed; i++) {
        fill_audio(run);
        if (i <= untimed) {
            memset(run->stage, 0, sizeof run->stage);
        }
        double start = bench_now();
        bsm_status status = run_window(run, error);
        if (status) {
            return status;
        }
        times[i < untimed ? 0 : i - untimed] = bench_now() - start;
    }
    result->peak_memory = bench_peak_memory();
    if (run->queues) {
        bsm_status status = time_stages(run, result->repeats, error);
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

static void count_stages(const bsm_config *config, size_t chunk, bench_result *result)
{
    const bsm_macs macs = bsm_config_macs(config, chunk);
    const double of_stages[BENCH_STAGES] = {
        0, macs.band_split, macs.time_path, macs.band_path, macs.mask, 0};
    for (size_t s = 0; s < BENCH_STAGES; s++) {
        result->stage_gflops[s] = 2e-9 * of_stages[s] * (double)result->frames / result->stage[s];
    }
}

bsm_status bench_network(bsm_model *model, const bsm_network_options *options, double seconds,
                         size_t repeats, bench_result *result, bsm_error *error)
{
    enum { CHUNK = 64 };
    run_state run;
    bsm_status status = open_run(&run, model, options, seconds, error);
    if (!status) {
        *result = (bench_result){.seconds = seconds, .frames = run.frames, .repeats = repeats};
        status = time_windows(&run, result, error);
    }
    if (!status) {
        /* Report the device that was used in the end, because a failing device is replaced by
         * another one. */
        snprintf(result->device, sizeof result->device, "%s", bsm_network_device_name(run.network));
        result->gpu_memory = bsm_network_gpu_memory(run.network);
        count_stages(bsm_model_config(model), CHUNK, result);
        result->gflops = 2e-9 * bsm_config_macs_per_frame(bsm_model_config(model), CHUNK) *
                         (double)run.frames / result->median;
    }
    close_run(&run);
    return status;
}
