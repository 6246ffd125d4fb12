/* SPDX-License-Identifier: ISC */
/* Measures how long the CUDA device takes to train: an item of 8 s, split into parts, in each
 * precision, and the memory that it uses; and whole steps of 30 items, as in configs/bsmamba2.yaml,
 * in which the host waits only for the losses. (bsm-bench --train reports the same, but needs more
 * libraries.)
 *
 *      training_times [PRESET [PRECISION]] */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bsm/training.h"
#include "device_under_test.h"
#include "noise.h"

enum { REPEATS = 5, WARM = 2, CHANNELS = 2, STEP_ITEMS = 30, STEPS = 3 };

static const char *const part_names[BSM_NUM_TRAINING_PARTS + 1] = {"signals", "forward", "loss",
                                                                   "backward", "optimiser"};

typedef struct clock_state {
    double last, parts[BSM_NUM_TRAINING_PARTS + 1];
} clock_state;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void end_part(clock_state *c, size_t part)
{
    const double time = now();
    c->parts[part] += time - c->last;
    c->last = time;
}

static bool part_ended(void *user, bsm_training_part part)
{
    end_part(user, part);
    return true;
}

static bsm_status run_step(bsm_training *training, const bsm_training_item *item, size_t items,
                           uint64_t number, clock_state *c, bsm_error *error)
{
    const bsm_adamw step = {.learning_rate = 5e-4,
                            .beta1 = 0.9,
                            .beta2 = 0.999,
                            .epsilon = 1e-8,
                            .step = number,
                            .gradient_scale = 1,
                            .ema = 0.999};
    bsm_loss loss;
    double norm;
    bsm_status status = BSM_OK;
    c->last = now();
    for (size_t i = 0; i < items && !status; i++) {
        status = bsm_training_add(training, item, &loss, error);
    }
    if (!status) {
        status = bsm_training_update(training, &step, error);
    }
    if (!status) {
        status = bsm_training_norm(training, &norm, error); /* this waits */
    }
    end_part(c, BSM_NUM_TRAINING_PARTS);
    return status;
}

/* Measure whole steps without an observer. */
static void time_steps(bsm_training *training, const bsm_training_item *item)
{
    bsm_error error = {0};
    bsm_status status = BSM_OK;
    double best = INFINITY;
    bsm_training_observe(training, NULL, NULL);
    for (size_t i = 0; i < STEPS && !status; i++) {
        clock_state clock = {0};
        status = run_step(training, item, STEP_ITEMS, WARM + REPEATS + i + 1, &clock, &error);
        best = fmin(best, clock.parts[BSM_NUM_TRAINING_PARTS]);
    }
    expect(!status, "%s", error.message);
    if (!status) {
        printf("          a step of %d items, unobserved: %.1f ms at best\n", STEP_ITEMS,
               1e3 * best);
    }
}

static void time_training(const bsm_model *model, bsm_precision precision, const char *name,
                          bool checkpointing, const bsm_training_item *item, size_t samples)
{
    const bsm_training_options options = {.device = BSM_DEVICE_CUDA,
                                          .precision = precision,
                                          .samples = samples,
                                          .checkpointing = checkpointing,
                                          .loss = bsm_loss_published()};
    bsm_training_memory memory = {0};
    bsm_training *training = NULL;
    bsm_error error = {0};
    clock_state clock = {0};
    bsm_status status = bsm_training_plan(bsm_model_config(model), &options, &memory, &error);
    if (!status) {
        status = bsm_training_new(model, &options, &training, &error);
    }
    if (!status) {
        bsm_training_observe(training, part_ended, &clock);
    }
    for (size_t i = 0; i < WARM + REPEATS && !status; i++) {
        clock = i == WARM ? (clock_state){0} : clock;
        status = run_step(training, item, 1, i + 1, &clock, &error);
    }
    expect(!status, "%s: %s", name, error.message);
    printf("%-9s%s: %.1f GB;", name, checkpointing ? ", checkpointing" : "",
           1e-9 * (double)(memory.parameters + memory.activations + memory.scratch));
    for (size_t p = 0; p <= BSM_NUM_TRAINING_PARTS; p++) {
        printf(" %s %.1f ms", part_names[p], 1e3 * clock.parts[p] / REPEATS);
    }
    putchar('\n');
    if (!status) {
        time_steps(training, item);
    }
    bsm_training_free(training);
}

int main(int argc, char **argv)
{
    static const struct {
        bsm_precision precision;
        const char *name;
        bool checkpointing;
    } cases[] = {
        {BSM_PRECISION_FLOAT32, "float32", false},
        {BSM_PRECISION_TF32, "tf32", false},
        {BSM_PRECISION_BFLOAT16, "bfloat16", false},
        {BSM_PRECISION_BFLOAT16, "bfloat16", true},
    };
    bsm_config config;
    bsm_error error = {0};
    bsm_model *model = NULL;
    if (!device_under_test()) {
        return TEST_SKIPPED;
    }
    if (bsm_config_preset(argc > 1 ? argv[1] : "paper", &config, &error) ||
        bsm_model_new_untrained(&config, &model, &error)) {
        puts(error.message);
        return 1;
    }
    const size_t samples = 8 * config.sample_rate;
    float *signal = malloc(CHANNELS * samples * sizeof *signal);
    uint64_t seed = 1;
    if (signal) {
        noise_fill(&seed, signal, CHANNELS * samples);
        const float *channels[] = {signal, signal + samples};
        const float *const *stems[BSM_MAX_STEMS];
        for (size_t s = 0; s < BSM_MAX_STEMS; s++) {
            stems[s] = channels;
        }
        const bsm_training_item item = {.mixture = channels, .stems = stems, .scale = 1};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            if (argc <= 2 || !strcmp(argv[2], cases[i].name)) {
                time_training(model, cases[i].precision, cases[i].name, cases[i].checkpointing,
                              &item, samples);
            }
        }
    }
    free(signal);
    bsm_model_free(model);
    return failures() ? 1 : 0;
}
