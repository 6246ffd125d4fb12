/* SPDX-License-Identifier: ISC */
/* The CUDA device's training against `reference`: losses, gradients and steps of networks of many
 * shapes, in each precision, with dropout, with and without checkpointing. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_under_test.h"
#include "net/training_on.h"
#include "noise.h"
#include "random_config.h"

enum { ITEMS = 2, STEPS = 2 };

static const bsm_device *device;

/* What gradients may be off by, all together and, in float32, each tensor's. */
static const struct {
    bsm_precision precision;
    const char *name;
    double tolerance;
} precisions[] = {
    {BSM_PRECISION_FLOAT32, "float32", 1e-4},
    {BSM_PRECISION_BFLOAT16, "bfloat16", 1e-1},
    {BSM_PRECISION_TF32, "tf32", 5e-2}, /* last: the host that plays a card has none */
};

typedef struct training_case {
    bsm_config config;
    bsm_training_options options;
} training_case;

/* What a training came to. */
typedef struct outcome {
    size_t size;
    double norm;
    bsm_loss loss;                         /* summed over items and steps */
    float *gradients;                      /* of the first step */
    float *weights, *average, *after_zero; /* of the last step */
} outcome;

static void outcome_free(outcome *o)
{
    free(o->gradients);
    free(o->weights);
    free(o->average);
    free(o->after_zero);
}

/* ---- Running a case ---- */

static bsm_status add_item(bsm_training *training, const training_case *c, uint64_t seed,
                           bsm_loss *sum, bsm_error *error)
{
    const size_t samples = c->options.samples, planes = (1 + c->config.num_stems) * 2;
    const float *channels[(1 + BSM_MAX_STEMS) * 2];
    const float *const *stems[BSM_MAX_STEMS];
    const uint64_t key = seed;
    float *signal = malloc(planes * samples * sizeof *signal);
    if (!signal) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory");
    }
    noise_fill(&seed, signal, planes * samples);
    for (size_t p = 0; p < planes; p++) {
        channels[p] = signal + p * samples;
        if (p >= 2) { /* stems come in late */
            memset(signal + p * samples, 0, samples / 2 * sizeof *signal);
        }
    }
    for (size_t s = 0; s < c->config.num_stems; s++) {
        stems[s] = channels + 2 * (1 + s);
    }
    bsm_training_item item = {
        .mixture = channels, .stems = stems, .scale = 1.0 / ITEMS, .dropout_key = key};
    bsm_loss loss = {0};
    bsm_status status = bsm_training_add(training, &item, &loss, error);
    free(signal); /* an item need not outlive the call */
    sum->total += loss.total;
    sum->time += loss.time;
    sum->silence += loss.silence;
    return status;
}

static float *read_vector(bsm_training *training, bsm_training_vector vector)
{
    float *values = malloc(bsm_training_vector_size(training) * sizeof *values);
    bsm_error error = {0};
    expect(values && !bsm_training_read(training, vector, values, &error), "reading: %s",
           error.message);
    return values;
}

static bsm_status run_steps(bsm_training *training, const training_case *c, outcome *o,
                            bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t step = 0; step < STEPS && !status; step++) {
        for (size_t i = 0; i < ITEMS && !status; i++) {
            status = add_item(training, c, 100 * step + i, &o->loss, error);
        }
        if (!status) {
            status = bsm_training_norm(training, &o->norm, error);
        }
        if (!status && step == 0) {
            o->gradients = read_vector(training, BSM_GRADIENTS);
        }
        bsm_adamw adamw = {.learning_rate = 5e-4,
                           .beta1 = 0.9,
                           .beta2 = 0.999,
                           .epsilon = 1e-8,
                           .weight_decay = 0.01,
                           .step = step + 1,
                           .gradient_scale = fmin(1, 3 / (o->norm + 1e-6)),
                           .ema = 0.9};
        if (!status) {
            status = bsm_training_update(training, &adamw, error);
        }
    }
    return status;
}

static outcome run_case(const bsm_device *on, const bsm_model *model, const training_case *c)
{
    outcome o = {0};
    bsm_training *training = NULL;
    bsm_error error = {0};
    bsm_status status = bsm_training_new_on(on, model, &c->options, &training, &error);
    if (!status) {
        o.size = bsm_training_vector_size(training);
        status = run_steps(training, c, &o, &error);
        o.weights = read_vector(training, BSM_PARAMETERS);
        o.average = read_vector(training, BSM_AVERAGES);
        o.after_zero = read_vector(training, BSM_GRADIENTS);
    }
    expect(!status, "%s", error.message);
    bsm_training_free(training);
    return o;
}

/* ---- Comparing ---- */

static double off(double actual, double expected)
{
    double error = fabs(actual - expected) / fabs(expected);
    return isfinite(error) ? error : INFINITY;
}

/* Tensor by tensor; one of next to no gradient is measured by the others. */
static double worst_tensor(const bsm_model *model, const outcome *actual, const outcome *expected,
                           const char **name)
{
    double all = 0, worst = 0;
    for (size_t i = 0; i < expected->size; i++) {
        all = fmax(all, fabs((double)expected->gradients[i]));
    }
    size_t at = 0;
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        double difference = 0, size = 1e-3 * all * sqrt((double)tensor->count), square = 0;
        for (size_t j = at; j < at + tensor->count; j++) {
            difference += pow((double)actual->gradients[j] - (double)expected->gradients[j], 2);
            square += pow((double)expected->gradients[j], 2);
        }
        const double error = sqrt(difference) / fmax(size, sqrt(square));
        if (!(error <= worst)) {
            worst = isfinite(error) ? error : INFINITY;
            *name = tensor->name;
        }
        at += (tensor->count + 15) / 16 * 16;
    }
    return worst;
}

/* A step is the learning rate's size even where a gradient is next to nothing. */
static double moved_off(const float *actual, const float *expected, size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        const double error = fabs((double)actual[i] - (double)expected[i]);
        worst = error <= worst ? worst : error;
    }
    return worst / (STEPS * 5e-4);
}

static void compare(const bsm_model *model, const training_case *c, const char *precision,
                    double tolerance, const outcome *actual, const outcome *expected)
{
    const char *name = "";
    const double loss = off(actual->loss.total, expected->loss.total);
    const double norm = off(actual->norm, expected->norm);
    const double tensor = worst_tensor(model, actual, expected, &name);
    const double all = relative_error(actual->gradients, expected->gradients, actual->size);
    const bool exact = c->options.precision == BSM_PRECISION_FLOAT32;
    const double moved = moved_off(actual->weights, expected->weights, actual->size);
    printf("%-8s %3zu frames, dropout %.1f, %s: loss %.1g, norm %.1g, all %.1g, %s %.1g, moved "
           "%.1g\n",
           precision, 1 + c->options.samples / c->config.hop, c->options.dropout,
           c->options.checkpointing ? "again" : "kept ", loss, norm, all, name, tensor, moved);
    expect(loss < tolerance && norm < tolerance && all < tolerance &&
               (tensor < 10 * tolerance || !exact),
           "%s: dim %zu expand %zu headdim %zu d_state %zu d_conv %zu bands %zu: loss %g, norm %g, "
           "all %g, %s %g",
           precision, c->config.dim, c->config.expand, c->config.headdim, c->config.d_state,
           c->config.d_conv, c->config.num_bands, loss, norm, all, name, tensor);
    expect(!exact || moved < 0.1, "weights off by %g of a step", moved);
    expect(moved_off(actual->average, expected->average, actual->size) <= 2, "average");
    for (size_t i = 0; i < actual->size; i++) {
        if (actual->after_zero[i] != 0) {
            expect(false, "gradients are not zero after a step");
            break;
        }
    }
}

static void check_case(training_case *c, size_t num_precisions)
{
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_new_untrained(&c->config, &model, &error)) {
        expect(false, "%s", error.message);
        return;
    }
    c->options.precision = BSM_PRECISION_FLOAT32;
    outcome expected = run_case(&bsm_reference_device, model, c);
    for (size_t p = 0; p < num_precisions; p++) {
        c->options.precision = precisions[p].precision;
        outcome actual = run_case(device, model, c);
        if (actual.gradients) {
            compare(model, c, precisions[p].name, precisions[p].tolerance, &actual, &expected);
        }
        outcome_free(&actual);
    }
    outcome_free(&expected);
    bsm_model_free(model);
}

/* ---- Cases ---- */

static bsm_config random_config(uint64_t *seed)
{
    /* From 4 features on: the norm of one feature is its sign, whose gradients are a matter of
     * rounding. */
    static const random_limits limits = {
        .d_state = 20, .mask_expansion = 3, .heads = 2, .head_low = 4, .head_high = 9};
    bsm_config c = random_layers(seed, &limits);
    c.num_bands = noise_size(seed, 2, 7);
    for (size_t k = 0; k < c.num_bands; k++) {
        /* runs of one width, too */
        c.bands[k] = k && noise_size(seed, 0, 1) ? c.bands[k - 1] : noise_size(seed, 1, 5);
    }
    set_transform(&c);
    return c;
}

static bsm_training_options random_options(uint64_t *seed, const bsm_config *config, size_t frames)
{
    bsm_training_options options = {.threads = 2,
                                    .samples = config->n_fft + frames * config->hop +
                                               noise_size(seed, 0, config->hop),
                                    .checkpointing = noise_size(seed, 0, 1),
                                    .dropout = noise_size(seed, 0, 1) ? 0.3 : 0,
                                    .loss = {.lambda_time = 10, .num_windows = 2, .hop = 3}};
    options.loss.windows[0] = noise_size(seed, 3, 50);
    options.loss.windows[1] = noise_size(seed, 3, 9);
    options.loss.lambda_silence = noise_size(seed, 0, 1) ? 0.02 : 0;
    options.loss.silence_floor = -20;
    options.loss.silence_piece = noise_size(seed, 5, 80);
    return options;
}

static void check_random(size_t count)
{
    uint64_t seed = 11;
    for (size_t i = 0; i < count; i++) {
        training_case c = {.config = random_config(&seed)};
        /* More than one chunk along time, and less. */
        c.options = random_options(&seed, &c.config,
                                   i % 2 ? noise_size(&seed, 0, 50) : noise_size(&seed, 61, 130));
        check_case(&c, i % 3 ? 1 : 2 + device_is_a_card());
    }
}

/* Shapes whose scan is one kernel in bfloat16, along time in several chunks. */
static void check_fused(void)
{
    uint64_t seed = 5;
    for (size_t i = 0; i < 2; i++) {
        training_case c = {.config = random_config(&seed)};
        c.config.depth = 1;
        c.config.expand = 2;
        c.config.headdim = 32;
        c.config.dim = i ? 16 : 32;
        c.config.d_state = i ? 64 : 32;
        c.config.d_conv = 4 - i;
        c.options = random_options(&seed, &c.config, i ? 20 : 66);
        check_case(&c, 2);
    }
}

static void check_preset(const char *name, size_t samples, bool checkpointing)
{
    training_case c = {.options = {.threads = 8,
                                   .samples = samples,
                                   .checkpointing = checkpointing,
                                   .loss = bsm_loss_published()}};
    expect(!bsm_config_preset(name, &c.config, NULL), "preset %s", name);
    check_case(&c, sizeof precisions / sizeof *precisions);
}

/* The number of random shapes is the argument. */
int main(int argc, char **argv)
{
    device = device_under_test();
    if (!device) {
        return TEST_SKIPPED;
    }
    check_random(argc > 1 ? strtoul(argv[1], NULL, 10) : 8);
    check_fused();
    if (device_is_a_card()) {
        check_preset("tiny", 13230, false);
        check_preset("lite", 9000, true);
    }
    return failures() ? 1 : 0;
}
