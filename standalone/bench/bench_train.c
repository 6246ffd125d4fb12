/* SPDX-License-Identifier: ISC */
/* Times steps of training, part by part, next to windows through the network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "separate/separation.h"

typedef struct train_state {
    const bsm_config *config;
    bsm_training *training;
    bsm_network *network;
    bsm_separation separation; /* the network's output for every stem */
    bsm_window *window;
    size_t samples;
    float *mixture[BSM_MAX_CHANNELS];
    float *stem[BSM_MAX_CHANNELS]; /* the target of every stem */
    uint64_t step;
    double mark;
    double parts[BENCH_TRAIN_PARTS];
} train_state;

const char *bench_train_part_name(size_t part)
{
    static const char *const names[BENCH_TRAIN_PARTS] = {"signals", "forward", "loss", "backward",
                                                         "optimiser"};
    return names[part];
}

static void end_part(train_state *s, size_t part)
{
    double now = bench_now();
    s->parts[part] += now - s->mark;
    s->mark = now;
}

static bool part_done(void *user, bsm_training_part part)
{
    end_part(user, (size_t)part);
    return true;
}

static bsm_status run_step(train_state *s, bsm_error *error)
{
    const float *mixture[BSM_MAX_CHANNELS] = {s->mixture[0], s->mixture[1]};
    const float *stem[BSM_MAX_CHANNELS] = {s->stem[0], s->stem[1]};
    const float *const *stems[BSM_MAX_STEMS];
    for (size_t i = 0; i < BSM_MAX_STEMS; i++) {
        stems[i] = stem;
    }
    bsm_loss loss;
    bsm_training_item item = {.mixture = mixture, .stems = stems, .scale = 1};
    memset(s->parts, 0, sizeof s->parts);
    s->mark = bench_now();
    bsm_status status = bsm_training_add(s->training, &item, &loss, error);
    if (status) {
        return status;
    }
    double norm;
    bsm_adamw adamw = {.learning_rate = 5e-4,
                       .beta1 = 0.9,
                       .beta2 = 0.999,
                       .epsilon = 1e-8,
                       .weight_decay = 0.01,
                       .step = ++s->step,
                       .ema = 0.999};
    s->mark = bench_now();
    status = bsm_training_norm(s->training, &norm, error);
    adamw.gradient_scale = norm > 3 ? 3 / norm : 1;
    if (!status) {
        status = bsm_training_update(s->training, &adamw, error);
    }
    end_part(s, BENCH_TRAIN_PARTS - 1);
    return status;
}

static void close_train(train_state *s)
{
    bsm_training_free(s->training);
    bsm_window_free(s->window);
    bsm_network_free(s->network);
    for (size_t c = 0; c < BSM_MAX_CHANNELS; c++) {
        free(s->mixture[c]);
        free(s->stem[c]);
    }
}

/* The signal is noise at -20 dB; the time does not depend on the signal. */
static float *new_noise(size_t count, unsigned int *seed)
{
    float *values = malloc(count * sizeof *values);
    for (size_t i = 0; values && i < count; i++) {
        values[i] = 0.1f * ((float)rand_r(seed) / (float)RAND_MAX - 0.5f);
    }
    return values;
}

static bsm_status open_train(train_state *s, bsm_model *model, size_t samples, bsm_error *error)
{
    unsigned int seed = 1;
    *s = (train_state){.config = bsm_model_config(model), .samples = samples};
    bool complete = true;
    for (size_t c = 0; c < s->config->channels; c++) {
        s->mixture[c] = new_noise(samples, &seed);
        s->stem[c] = new_noise(samples, &seed);
        complete = complete && s->mixture[c] && s->stem[c];
    }
    return complete ? BSM_OK
                    : bsm_fail(error, BSM_NO_MEMORY, "no memory for %zu samples of audio", samples);
}

/* Make the training alone, because it may need most of the memory; a first step warms up. */
static bsm_status open_training(train_state *s, bsm_model *model,
                                const bsm_training_options *options, bench_train_result *result,
                                bsm_error *error)
{
    double before = bench_memory();
    bench_reset_peak_memory();
    bsm_status status = bsm_training_plan(s->config, options, &result->planned, error);
    if (!status) {
        status = bsm_training_new(model, options, &s->training, error);
    }
    if (!status) {
        bsm_training_observe(s->training, part_done, s);
        status = run_step(s, error);
    }
    result->used_memory = bench_peak_memory() - before;
    return status;
}

static bsm_status open_network(train_state *s, bsm_model *model,
                               const bsm_training_options *options, bsm_error *error)
{
    const bsm_network_options network = {.device = options->device,
                                         .precision = options->precision,
                                         .threads = options->threads,
                                         .max_frames = 1 + s->samples / s->config->hop};
    bsm_status status = bsm_network_new(model, &network, &s->network, error);
    if (status) {
        return status;
    }
    s->separation = (bsm_separation){
        .config = s->config, .separator = bsm_separator_of_network(s->network), .lanes = 1};
    for (size_t i = 0; i < s->config->num_stems; i++) {
        s->separation.wanted[i] = true;
    }
    return bsm_window_new(&s->separation, s->samples, &s->window, error);
}

/* ---- In turn ---- */

/* The measurements in their order; static because they are large. */
typedef struct train_times {
    double passes[BENCH_MAX_REPEATS + 1]; /* pass i comes before step i */
    double steps[BENCH_MAX_REPEATS];
    double parts[BENCH_TRAIN_PARTS][BENCH_MAX_REPEATS];
} train_times;

static bsm_status time_pass(train_state *s, double *time, bsm_error *error)
{
    double start = bench_now();
    bsm_status status = bsm_window_separate(s->window, (const float *const *)s->mixture, error);
    *time = bench_now() - start;
    return status;
}

static bsm_status time_step(train_state *s, size_t number, train_times *times, bsm_error *error)
{
    double start = bench_now();
    bsm_status status = run_step(s, error);
    times->steps[number] = bench_now() - start;
    for (size_t p = 0; p < BENCH_TRAIN_PARTS; p++) {
        times->parts[p][number] = s->parts[p];
    }
    return status;
}

/* Compare each step with the passes beside it, because a machine that becomes slower or faster
 * changes both alike. The times are sorted. */
static void sum_up(train_times *times, bench_train_result *result)
{
    double own[BENCH_MAX_REPEATS], network[BENCH_MAX_REPEATS];
    for (size_t i = 0; i < result->repeats; i++) {
        own[i] = times->steps[i] / times->parts[BSM_PART_FORWARD][i];
        network[i] = times->steps[i] / ((times->passes[i] + times->passes[i + 1]) / 2);
    }
    result->passes = bench_median(own, result->repeats);
    result->network_passes = bench_median(network, result->repeats);
    result->network = bench_median(times->passes, result->repeats + 1);
    result->step = bench_median(times->steps, result->repeats);
    for (size_t p = 0; p < BENCH_TRAIN_PARTS; p++) {
        result->parts[p] = bench_median(times->parts[p], result->repeats);
    }
}

static bsm_status time_steps(train_state *s, bench_train_result *result, bsm_error *error)
{
    static train_times times;
    bsm_status status = BSM_OK;
    for (size_t i = 0; !status && i < bench_untimed_calls(s->network) + 1; i++) {
        status = time_pass(s, &times.passes[0], error);
    }
    for (size_t i = 0; !status && i < result->repeats; i++) {
        status = time_step(s, i, &times, error);
        status = status ? status : time_pass(s, &times.passes[i + 1], error);
    }
    if (!status) {
        sum_up(&times, result);
    }
    return status;
}

bsm_status bench_train(bsm_model *model, const bsm_training_options *options, size_t repeats,
                       bench_train_result *result, bsm_error *error)
{
    train_state s;
    *result = (bench_train_result){.repeats = repeats};
    bsm_status status = open_train(&s, model, options->samples, error);
    if (!status) {
        status = open_training(&s, model, options, result, error);
    }
    if (!status) {
        snprintf(result->device, sizeof result->device, "%s", bsm_training_device_name(s.training));
        status = open_network(&s, model, options, error);
    }
    if (!status) {
        result->seconds = (double)s.samples / (double)s.config->sample_rate;
        status = time_steps(&s, result, error);
    }
    close_train(&s);
    return status;
}
