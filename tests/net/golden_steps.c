/* SPDX-License-Identifier: ISC */
/* Three golden steps of training. */
#include "golden_steps.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "training_support.h"

enum { CHANNELS = 2, ITEMS = 2, STEPS = 3 };

/* Report an error, and return false. */
BSM_PRINTF(2, 3) static bool wrong(const golden_steps *g, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    g->wrong(text);
    return false;
}

/* Return the numbers of a tensor. If it does not exist or has another size, report that and return
 * NULL. */
static const float *find(const golden_steps *g, const void *file, const char *name, size_t count)
{
    size_t found = 0;
    const float *numbers = g->find(file, name, &found);
    if (numbers && found != count) {
        wrong(g, "%s: %zu numbers instead of %zu", name, found, count);
        return NULL;
    }
    if (!numbers) {
        wrong(g, "%s is missing", name);
    }
    return numbers;
}

/* ---- Losses ---- */

static bool check_number(const golden_steps *g, double actual, double tolerance, double *worst,
                         const char *name)
{
    const float *expected = find(g, g->steps, name, 1);
    if (!expected) {
        return false;
    }
    const double off = fabs(actual - (double)*expected) / fabs((double)*expected);
    *worst = off <= *worst ? *worst : off;
    return off <= tolerance ||
           wrong(g, "%s: %.9g instead of %.9g", name, actual, (double)*expected);
}

static bool check_loss(golden_steps *g, const bsm_loss *loss, size_t step)
{
    const bsm_loss_options options = bsm_loss_published();
    const double time = options.lambda_time * loss->time, tolerance = g->loss_tolerance;
    char name[64];
    snprintf(name, sizeof name, "step%zu.loss.total", step);
    bool right = check_number(g, loss->total, tolerance, &g->worst_loss, name);
    snprintf(name, sizeof name, "step%zu.loss.time", step);
    right = right && check_number(g, time, tolerance, &g->worst_loss, name);
    for (size_t i = 0; i < options.num_windows && right; i++) {
        snprintf(name, sizeof name, "step%zu.loss.stft%zu", step, options.windows[i]);
        right = check_number(g, loss->spectral[i], tolerance, &g->worst_loss, name);
    }
    return right;
}

static bool add_item(const golden_steps *g, size_t index, bsm_loss *sum)
{
    const size_t plane = GOLDEN_SAMPLES, size = CHANNELS * plane;
    const float *mixture = find(g, g->steps, "mix", ITEMS * size);
    const float *target = find(g, g->steps, "target", ITEMS * size);
    if (!mixture || !target) {
        return false;
    }
    mixture += index * size;
    target += index * size;
    const float *mixtures[] = {mixture, mixture + plane};
    const float *targets[] = {target, target + plane};
    const float *const *stems[] = {targets};
    const bsm_training_item item = {.mixture = mixtures, .stems = stems, .scale = 1.0 / ITEMS};
    bsm_loss loss = {0};
    bsm_error error = {0};
    if (bsm_training_add(g->training, &item, &loss, &error)) {
        return wrong(g, "%s", error.message);
    }
    sum->total += loss.total / ITEMS;
    sum->time += loss.time / ITEMS;
    for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
        sum->spectral[i] += loss.spectral[i] / ITEMS;
    }
    return true;
}

/* ---- Gradients ---- */

/* Return the largest difference; a NaN counts as larger than everything. */
static double largest_difference(const float *a, const float *b, size_t count)
{
    double found = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        found = difference <= found ? found : difference;
    }
    return found;
}

/* Check gradients relative to the largest of the tensor. If all gradients of a tensor are far
 * smaller than those of others, they are differences that nearly cancel, and `floor` is used
 * instead. */
static bool check_gradient(golden_steps *g, const bsm_tensor *tensor, const float *actual,
                           double floor)
{
    const float *expected = find(g, g->gradients, tensor->name, tensor->count);
    if (!expected) {
        return false;
    }
    const double size = fmax(largest(expected, tensor->count), floor);
    const double off = largest_difference(actual, expected, tensor->count) / size;
    g->worst_gradient = off <= g->worst_gradient ? g->worst_gradient : off;
    return off <= 1e-4 || wrong(g, "%s: gradients differ by %g of %g", tensor->name, off, size);
}

static bool check_gradients(golden_steps *g)
{
    const size_t size = bsm_training_vector_size(g->training);
    float *gradients = malloc(size * sizeof *gradients);
    bsm_model *model = NULL;
    bsm_error error = {0};
    bool right = gradients != NULL || wrong(g, "no memory");
    if (right && (bsm_training_read(g->training, BSM_GRADIENTS, gradients, &error) ||
                  bsm_training_model(g->training, BSM_PARAMETERS, &model, &error))) {
        right = wrong(g, "%s", error.message);
    }
    const double floor = right ? 1e-6 * largest(gradients, size) : 0;
    const float *at = gradients;
    for (size_t i = 0; right && i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        right = check_gradient(g, tensor, at, floor);
        at += (tensor->count + 15) / 16 * 16;
    }
    free(gradients);
    bsm_model_free(model);
    return right;
}

/* ---- Weights ---- */

/* A step is as large as the learning rate even where the gradient is close to zero, so differences
 * are compared with the distance moved, and with what float32 can represent. */
static bool check_weight(golden_steps *g, const bsm_tensor *tensor, const char *name, double moved)
{
    const float *expected = find(g, g->steps, name, tensor->count);
    if (!expected) {
        return false;
    }
    const double rounding = 0x1p-23 * largest(expected, tensor->count);
    const double difference = largest_difference(tensor->data, expected, tensor->count);
    const double off = fmax(difference - rounding, 0) / moved;
    g->worst_weight = difference == difference && off <= g->worst_weight ? g->worst_weight : off;
    return difference <= 1e-2 * moved + rounding ||
           wrong(g, "%s: weights differ by %g after moving by %g", name, difference, moved);
}

/* Check some parameters (after3.*) or averages (ema3.*). */
static bool check_weights(golden_steps *g, bsm_training_vector vector, const char *prefix,
                          double moved)
{
    static const char *const names[] = {"layers.0.0.forward_blocks.0.mixer.A_log",
                                        "layers.0.0.forward_blocks.0.mixer.in_proj.weight",
                                        "layers.1.1.backward_blocks.0.mixer.conv1d.weight",
                                        "layers.1.0.linear.weight",
                                        "final_norm.gamma",
                                        "band_split.to_features.0.1.weight",
                                        "mask_estimators.0.to_freqs.30.0.2.weight",
                                        "layers.0.1.forward_blocks.0.mixer.dt_bias"};
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_training_model(g->training, vector, &model, &error)) {
        return wrong(g, "%s", error.message);
    }
    bool right = true;
    for (size_t i = 0; i < sizeof names / sizeof *names && right; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s.%s", prefix, names[i]);
        const bsm_tensor *tensor = bsm_model_find(model, names[i]);
        right = tensor ? check_weight(g, tensor, name, moved)
                       : wrong(g, "the model has no %s", names[i]);
    }
    bsm_model_free(model);
    return right;
}

/* ---- Steps ---- */

static bool run_step(golden_steps *g, size_t step)
{
    bsm_loss loss = {0};
    bsm_error error = {0};
    double norm = 0;
    char name[64];
    bool right = true;
    for (size_t item = 0; item < ITEMS && right; item++) {
        right = add_item(g, item, &loss);
    }
    right = right && check_loss(g, &loss, step);
    if (right && bsm_training_norm(g->training, &norm, &error)) {
        right = wrong(g, "%s", error.message);
    }
    snprintf(name, sizeof name, "step%zu.grad_norm", step);
    right = right && check_number(g, norm, g->norm_tolerance, &g->worst_norm, name);
    if (right && step == 0 && g->each_number) {
        right = check_gradients(g);
    }
    const bsm_adamw adamw = published_step(step + 1, norm);
    if (right && bsm_training_update(g->training, &adamw, &error)) {
        right = wrong(g, "%s", error.message);
    }
    return right;
}

void golden_steps_run(golden_steps *g)
{
    bool right = true;
    for (size_t step = 0; step < STEPS && right; step++) {
        right = run_step(g, step);
    }
    if (right && g->each_number) {
        const double moved = STEPS * 5e-4;
        right = check_weights(g, BSM_PARAMETERS, "after3", moved);
        right = right && check_weights(g, BSM_AVERAGES, "ema3", 2e-3 * moved);
    }
}
