/* SPDX-License-Identifier: ISC */
/* Compares the CUDA device's training with `reference`: losses, gradients and steps of networks of
 * many shapes, in each precision, with dropout, with and without checkpointing. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conditioning.h"
#include "device_under_test.h"
#include "net/training.h"
#include "noise.h"
#include "random_config.h"

enum { ITEMS = 2, STEPS = 2 };

static const bsm_device *device;

/* The error that losses, norms and all gradients together may have, and in float32 also each
 * tensor's gradients; ill-conditioned random networks may have a larger one. */
static const struct {
    bsm_precision precision;
    const char *name;
    double tolerance;
    int bits; /* significant bits; 0: the tolerance holds for all networks */
} precisions[] = {
    {BSM_PRECISION_FLOAT32, "float32", 1e-4, 0},
    {BSM_PRECISION_BFLOAT16, "bfloat16", 5e-2, 8},
    {BSM_PRECISION_TF32, "tf32", 1e-2, 11}, /* last, because the emulated GPU does not have it */
};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

static typical_error typical[PRECISIONS];

typedef struct training_case {
    bsm_config config;
    bsm_training_options options;
    bool random;                    /* may be ill-conditioned */
    const disturbance *disturbance; /* of its signals; may be NULL */
} training_case;

/* The results of a training. */
typedef struct outcome {
    size_t size;
    double norms[STEPS];
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
    if (c->disturbance) {
        disturb(c->disturbance, 1 + key, signal, planes * samples);
    }
    for (size_t p = 0; p < planes; p++) {
        channels[p] = signal + p * samples;
        if (p >= 2) { /* stems start later than the mixture */
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
            status = bsm_training_norm(training, &o->norms[step], error);
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
                           .gradient_scale = fmin(1, 3 / (o->norms[step] + 1e-6)),
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

static double largest_of(const float *values, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)values[i]));
    }
    return largest;
}

/* Return the largest relative error of a tensor's gradients. A tensor whose gradients are close to
 * zero is compared with the size of the others. */
static double worst_tensor(const bsm_model *model, const outcome *actual, const outcome *expected,
                           const char **name)
{
    const double all = largest_of(expected->gradients, expected->size);
    double worst = 0;
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
        at += bsm_vector_padded(tensor->count);
    }
    return worst;
}

/* Return the largest average error of a tensor's weights, relative to the distance that a weight
 * may move. AdamW's first step divides a gradient by its own size, so if a gradient is mostly
 * rounding error, the direction of its weight is, too. So each weight counts as much as its
 * gradient in the first step. */
static double moved_off(const bsm_model *model, const float *actual, const float *expected,
                        const outcome *of)
{
    const float *gradients = of->gradients;
    const double all = largest_of(gradients, of->size);
    double worst = 0;
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const size_t count = bsm_model_tensor(model, i)->count;
        double difference = 0, sum = 0;
        for (size_t j = 0; j < count; j++) {
            const double size = fabs((double)gradients[j]);
            difference += size * fabs((double)actual[j] - (double)expected[j]);
            sum += size;
        }
        const double error = difference / fmax(sum, 1e-3 * all * (double)count);
        if (!(error <= worst)) {
            worst = isfinite(error) ? error : INFINITY;
        }
        actual += bsm_vector_padded(count);
        expected += bsm_vector_padded(count);
        gradients += bsm_vector_padded(count);
    }
    return worst / (STEPS * 5e-4);
}

/* How far apart two outcomes are. */
typedef struct distances {
    double loss;
    double norm, all, tensor; /* of the first step's gradients */
    const char *name;         /* of the tensor with the largest error */
    double last_norm, moved, average;
} distances;

static distances distances_of(const bsm_model *model, const outcome *actual,
                              const outcome *expected)
{
    distances d = {.loss = off(actual->loss.total, expected->loss.total),
                   .norm = off(actual->norms[0], expected->norms[0]),
                   .last_norm = off(actual->norms[STEPS - 1], expected->norms[STEPS - 1]),
                   .all = relative_error(actual->gradients, expected->gradients, expected->size),
                   .moved = moved_off(model, actual->weights, expected->weights, expected),
                   .average = moved_off(model, actual->average, expected->average, expected),
                   .name = ""};
    d.tensor = worst_tensor(model, actual, expected, &d.name);
    return d;
}

/* Return how far rounding to `bits` significant bits moves the gradients that `reference`
 * expects. */
static double moved_by_rounding(const bsm_model *model, const training_case *c, int bits,
                                const outcome *expected)
{
    training_case disturbed = *c;
    disturbed.options.precision = BSM_PRECISION_FLOAT32;
    double most = 0;
    for (uint64_t number = 1; number <= DISTURBANCES; number++) {
        const disturbance d = {bits, number};
        bsm_model *start = disturbed_model(model, &d);
        disturbed.disturbance = &d;
        outcome moved = start ? run_case(&bsm_reference_device, start, &disturbed) : (outcome){0};
        if (moved.gradients) {
            most = fmax(most, relative_error(moved.gradients, expected->gradients, expected->size));
        }
        outcome_free(&moved);
        bsm_model_free(start);
    }
    return most;
}

/* In a low precision many weights move in another direction, and so the norm of the second step
 * belongs to other weights. */
static void check_distances(const training_case *c, size_t p, const distances *d, double move)
{
    const double tolerance = precisions[p].tolerance, allowed = allowed_error(tolerance, move);
    const bool exact = precisions[p].precision == BSM_PRECISION_FLOAT32;
    const double way = exact ? 1e-2 : 2;
    expect(d->loss < tolerance && d->norm < allowed && d->all < allowed &&
               (!exact || (d->tensor < 10 * tolerance && d->last_norm < tolerance)),
           "%s: dim %zu expand %zu headdim %zu d_state %zu d_conv %zu bands %zu: loss %g, norm %g, "
           "last norm %g, all %g, %s %g",
           precisions[p].name, c->config.dim, c->config.expand, c->config.headdim,
           c->config.d_state, c->config.d_conv, c->config.num_bands, d->loss, d->norm, d->last_norm,
           d->all, d->name, d->tensor);
    expect(d->moved < way && d->average < way, "weights off by %g of their way, averages by %g",
           d->moved, d->average);
}

static void check_precision(const bsm_model *model, const training_case *c, size_t p,
                            const outcome *expected)
{
    training_case own = *c;
    own.options.precision = precisions[p].precision;
    outcome actual = run_case(device, model, &own);
    if (!actual.gradients || !expected->gradients) { /* the failure has been reported */
        outcome_free(&actual);
        return;
    }
    const distances d = distances_of(model, &actual, expected);
    double move = 0;
    printf("%-8s %3zu frames, dropout %.1f, %s: loss %.1g, norms %.1g, %.1g, all %.1g, %s %.1g, "
           "moved %.1g, %.1g",
           precisions[p].name, 1 + c->options.samples / c->config.hop, c->options.dropout,
           c->options.checkpointing ? "again" : "kept ", d.loss, d.norm, d.last_norm, d.all, d.name,
           d.tensor, d.moved, d.average);
    if (c->random && precisions[p].bits) {
        move = moved_by_rounding(model, c, precisions[p].bits, expected);
        printf(", rounding moves %.1g", move);
        add_error(&typical[p], d.all, move);
    }
    putchar('\n');
    check_distances(c, p, &d, move);
    for (size_t i = 0; i < actual.size; i++) {
        if (actual.after_zero[i] != 0) {
            expect(false, "gradients are not zero after a step");
            break;
        }
    }
    outcome_free(&actual);
}

static void check_case(const training_case *c, size_t num_precisions)
{
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_new_untrained(&c->config, &model, &error)) {
        expect(false, "%s", error.message);
        return;
    }
    outcome expected = run_case(&bsm_reference_device, model, c); /* in float32 */
    for (size_t p = 0; p < num_precisions; p++) {
        check_precision(model, c, p, &expected);
    }
    outcome_free(&expected);
    bsm_model_free(model);
}

/* ---- Cases ---- */

static bsm_config random_config(uint64_t *seed)
{
    /* There are at least 4 features, because the norm of a single feature is its sign, whose
     * gradients are only rounding error. */
    static const random_limits limits = {
        .d_state = 20, .mask_expansion = 3, .heads = 2, .head_low = 4, .head_high = 9};
    bsm_config c = random_layers(seed, &limits);
    c.num_bands = noise_size(seed, 2, 7);
    for (size_t k = 0; k < c.num_bands; k++) {
        /* also runs of bands with equal width */
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
                                    .loss = {.lambda_time = 10, .num_windows = 2}};
    options.loss.hop = config->n_fft < 3 ? config->n_fft : 3;
    options.loss.windows[0] = noise_size(seed, 3, 50);
    options.loss.windows[1] = noise_size(seed, 3, 9);
    options.loss.time_norm = (unsigned)noise_size(seed, BSM_NORM_L1, BSM_NORM_L2);
    options.loss.lambda_silence = noise_size(seed, 0, 1) ? 0.02 : 0;
    options.loss.silence_floor = -20;
    options.loss.silence_piece = noise_size(seed, 5, 80);
    return options;
}

static void check_random(size_t count)
{
    uint64_t seed = 11;
    for (size_t i = 0; i < count; i++) {
        training_case c = {.config = random_config(&seed), .random = true};
        /* Both more than one chunk along time and less than one. */
        size_t frames = i % 2 ? noise_size(&seed, 0, 50) : noise_size(&seed, 61, 130);
        c.options = random_options(&seed, &c.config, frames);
        check_case(&c, i % 3 ? 1 : 2 + device_is_a_gpu());
    }
}

/* For builds with instrumentation, which are slow: a little more than one chunk in one precision,
 * to test what calls the kernels. The kernels have tests of their own in each precision. */
static void check_one(void)
{
    uint64_t seed = 11;
    training_case c = {.config = random_config(&seed), .random = true};
    c.options = random_options(&seed, &c.config, 66);
    check_case(&c, 1);
}

/* Check shapes whose scan is one kernel in bfloat16, with several chunks along time. The last one
 * has the heads of the paper's model. */
static void check_fused(void)
{
    static const struct {
        size_t dim, headdim, d_state, d_conv, frames;
    } shapes[] = {{32, 32, 32, 4, 66}, {16, 32, 64, 3, 20}, {64, 64, 128, 4, 70}};
    const size_t count = device_is_a_gpu() ? 3 : 2; /* the host is too slow for the third */
    uint64_t seed = 5;
    for (size_t i = 0; i < count; i++) {
        training_case c = {.config = random_config(&seed)};
        c.config.depth = 1;
        c.config.expand = 2;
        c.config.headdim = shapes[i].headdim;
        c.config.dim = shapes[i].dim;
        c.config.d_state = shapes[i].d_state;
        c.config.d_conv = shapes[i].d_conv;
        c.options = random_options(&seed, &c.config, shapes[i].frames);
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
    check_case(&c, PRECISIONS);
}

/* The argument is the number of random shapes; 1: check_one. */
int main(int argc, char **argv)
{
    device = device_under_test();
    if (!device) {
        return TEST_SKIPPED;
    }
    const size_t shapes = argc > 1 ? strtoul(argv[1], NULL, 10) : 8;
    if (shapes == 1) {
        check_one();
    } else {
        check_random(shapes);
        check_fused();
    }
    if (device_is_a_gpu() && shapes >= 8) {
        check_preset("tiny", 13230, false);
        check_preset("lite", 9000, true);
    }
    for (size_t p = 0; p < PRECISIONS; p++) {
        check_typical_error(&typical[p], precisions[p].name);
    }
    return failures() ? 1 : 0;
}
