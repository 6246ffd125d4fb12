/* SPDX-License-Identifier: ISC */
/* Tests what bsm/training.h promises, on one device, which is the argument. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "noise.h"
#include "training_support.h"

static bsm_device_kind kind;

static bsm_loss add(bsm_training *training, uint64_t seed, double scale)
{
    bsm_loss loss = {0};
    bsm_error error = {0};
    if (add_random(training, seed, scale, &loss, &error)) {
        fail_msg("%s", error.message);
    }
    return loss;
}

static void step(bsm_training *training, uint64_t number)
{
    const bsm_adamw adamw = published_step(number, 1);
    assert_int_equal(bsm_training_update(training, &adamw, NULL), BSM_OK);
}

/* Gradients are sums of scaled gradients; the loss is not scaled. */
static void test_sums(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *training = training_of(&config, &options);
    size_t size = bsm_training_vector_size(training);
    bsm_loss losses[3];
    float *gradients[3];
    losses[0] = add(training, 1, 1);
    gradients[0] = read_vector(training, BSM_GRADIENTS);
    losses[1] = add(training, 2, 0.5);
    gradients[1] = read_vector(training, BSM_GRADIENTS);
    step(training, 1);
    float *zero = read_vector(training, BSM_GRADIENTS);
    for (size_t i = 0; i < size; i++) {
        assert_true(zero[i] == 0);
    }
    bsm_training_free(training);
    training = training_of(&config, &options);
    losses[2] = add(training, 2, -1);
    gradients[2] = read_vector(training, BSM_GRADIENTS);
    for (size_t i = 0; i < size; i++) {
        gradients[1][i] += 0.5F * gradients[2][i];
    }
    assert_true(golden_relative_error(gradients[1], gradients[0], size) < 1e-5);
    assert_true(largest(gradients[0], size) > 0);
    assert_memory_equal(&losses[1], &losses[2], sizeof *losses);
    assert_true(losses[0].total != losses[1].total);
    for (size_t i = 0; i < 3; i++) {
        free(gradients[i]);
    }
    free(zero);
    bsm_training_free(training);
}

/* The loss, which is the mean of the stems' terms, falls along the gradient at the rate that the
 * gradient predicts. */
static void test_slope(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *training = training_of(&config, &options);
    size_t size = bsm_training_vector_size(training);
    bsm_loss loss = add(training, 1, 1);
    assert_true(fabs(2 * loss.time + loss.spectral[0] + loss.spectral[1] - loss.total) <
                1e-12 * loss.total);
    float *at = read_vector(training, BSM_PARAMETERS);
    float *gradient = read_vector(training, BSM_GRADIENTS);
    float *moved = malloc(size * sizeof *moved);
    double norm, losses[2];
    assert_int_equal(bsm_training_norm(training, &norm, NULL), BSM_OK);
    const double way = 2e-3 / norm;
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < size; i++) {
            moved[i] = (float)((double)at[i] + (side ? way : -way) * (double)gradient[i]);
        }
        assert_int_equal(bsm_training_write(training, BSM_PARAMETERS, moved, NULL), BSM_OK);
        losses[side] = add(training, 1, 1).total;
    }
    double slope = (losses[1] - losses[0]) / (2 * way);
    if (!(fabs(slope - norm * norm) < 0.01 * norm * norm)) {
        fail_msg("the loss rises by %g, the gradient says %g", slope, norm * norm);
    }
    free(at);
    free(gradient);
    free(moved);
    bsm_training_free(training);
}

/* Run two steps with dropout and their averages. */
static float *two_steps(uint64_t seed, double dropout)
{
    const bsm_config config = small_config();
    bsm_training_options options = small_options(kind);
    options.dropout = dropout;
    bsm_training *training = training_of(&config, &options);
    for (uint64_t number = 1; number <= 2; number++) {
        add(training, seed + number, 1);
        add(training, seed + number + 10, 1);
        step(training, number);
    }
    float *averages = read_vector(training, BSM_AVERAGES);
    bsm_training_free(training);
    return averages;
}

static void test_same_bits(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *training = training_of(&config, &options);
    size_t bytes = bsm_training_vector_size(training) * sizeof(float);
    bsm_training_free(training);
    float *first = two_steps(1, 0.2), *again = two_steps(1, 0.2);
    float *other = two_steps(2, 0.2), *whole = two_steps(1, 0);
    assert_memory_equal(first, again, bytes);
    assert_memory_not_equal(first, other, bytes);
    assert_memory_not_equal(first, whole, bytes);
    free(first);
    free(again);
    free(other);
    free(whole);
}

/* A training that continues with the five vectors of another one yields the same. */
static void test_resume(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *old = training_of(&config, &options), *new = training_of(&config, &options);
    size_t size = bsm_training_vector_size(old);
    add(old, 1, 1);
    step(old, 1);
    add(old, 2, 1);
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        float *values = read_vector(old, (bsm_training_vector)v);
        assert_int_equal(bsm_training_write(new, (bsm_training_vector)v, values, NULL), BSM_OK);
        free(values);
    }
    step(old, 2);
    step(new, 2);
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        float *a = read_vector(old, (bsm_training_vector)v);
        float *b = read_vector(new, (bsm_training_vector)v);
        assert_memory_equal(a, b, size * sizeof *a);
        free(a);
        free(b);
    }
    bsm_training_free(old);
    bsm_training_free(new);
}

/* ---- The observer ---- */

typedef struct calls {
    size_t count, stop_at;
    bsm_training_part parts[32];
} calls;

static bool observe(void *user, bsm_training_part part)
{
    calls *seen = user;
    seen->parts[seen->count % 32] = part;
    return ++seen->count != seen->stop_at;
}

static void test_observer(void **state)
{
    (void)state;
    const bsm_training_part expected[] = {
        BSM_PART_SIGNALS, BSM_PART_FORWARD,                    /* the features */
        BSM_PART_FORWARD, BSM_PART_LOSS,    BSM_PART_BACKWARD, /* one stem */
        BSM_PART_FORWARD, BSM_PART_LOSS,    BSM_PART_BACKWARD, /* the other */
        BSM_PART_BACKWARD};
    const size_t count = sizeof expected / sizeof *expected;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *training = training_of(&config, &options);
    calls seen = {0};
    bsm_training_observe(training, observe, &seen);
    bsm_loss loss = add(training, 1, 1);
    assert_int_equal(seen.count, count);
    assert_memory_equal(seen.parts, expected, sizeof expected);

    for (size_t stop = 1; stop <= count; stop++) {
        bsm_error error = {0};
        bsm_loss untouched = {.total = 7};
        seen = (calls){.stop_at = stop};
        assert_int_equal(add_random(training, 1, 1, &untouched, &error), BSM_CANCELLED);
        assert_int_equal(seen.count, stop);
        assert_string_equal(error.message, "cancelled");
        assert_true(untouched.total == 7);
    }
    bsm_training_observe(training, NULL, NULL);
    bsm_loss again = add(training, 1, 1);
    assert_memory_equal(&loss, &again, sizeof loss);
    bsm_training_free(training);
}

static size_t waits;

static void count_wait(void *space)
{
    (void)space;
    waits++;
}

/* The host waits for a device that queues its work only if somebody measures the time. */
static void test_an_observed_step_is_waited_for(void **state)
{
    (void)state;
    const bsm_device *found = NULL;
    assert_int_equal(bsm_device_find(kind, &found, NULL), BSM_OK);
    bsm_training_device queueing = *found->training;
    queueing.wait = count_wait;
    bsm_device device = *found;
    device.training = &queueing;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *training = training_on(&device, &config, &options);
    const bsm_adamw step = published_step(1, 1);
    calls seen = {0};
    waits = 0;
    add(training, 1, 1);
    assert_int_equal(bsm_training_update(training, &step, NULL), BSM_OK);
    assert_int_equal(waits, 0);
    bsm_training_observe(training, observe, &seen);
    add(training, 1, 1);
    assert_int_equal(waits, seen.count);
    assert_int_equal(bsm_training_update(training, &step, NULL), BSM_OK);
    assert_int_equal(waits, seen.count + 1);
    bsm_training_free(training);
}

/* ---- Refusals ---- */

static void assert_refused(const bsm_training_options *options, bsm_status status,
                           const char *message)
{
    const bsm_config config = small_config();
    bsm_model *model = NULL;
    bsm_training *training = NULL;
    bsm_training_memory memory;
    bsm_error error = {0};
    assert_int_equal(bsm_model_new_untrained(&config, &model, NULL), BSM_OK);
    assert_int_equal(bsm_training_new(model, options, &training, &error), status);
    assert_null(training);
    if (!strstr(error.message, message)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, message);
    }
    assert_int_equal(bsm_training_plan(&config, options, &memory, NULL), status);
    bsm_model_free(model);
}

#define WITH(member, value, message)                                                               \
    do {                                                                                           \
        bsm_training_options options = small_options(kind);                                        \
        options.member = value;                                                                    \
        assert_refused(&options, BSM_INVALID_ARGUMENT, message);                                   \
    } while (0)

static void test_bad_options(void **state)
{
    (void)state;
    WITH(samples, 31, "31 samples, not n_fft (32) to");
    WITH(samples, SIZE_MAX, "not n_fft (32) to");
    WITH(dropout, 1, "dropout is 1");
    WITH(dropout, -0.1, "dropout is -0.1");
    WITH(dropout, NAN, "dropout is");
    WITH(threads, 5000, "5000 threads");
    WITH(precision, (bsm_precision)7, "no precision 7");
    WITH(loss.lambda_time, -1, "lambda_time is -1");
    WITH(loss.lambda_time, INFINITY, "lambda_time is inf");
    WITH(loss.num_windows, 9, "9 windows, at most 8");
    WITH(loss.windows[1], 1, "a window of 1 samples");
    WITH(loss.hop, 0, "hop is 0");
    WITH(loss.hop, 33, "hop is 33");
    WITH(loss, ((bsm_loss_options){.hop = 5}), "no windows");
    WITH(loss.time_norm, 3, "time_norm is 3, not 1 or 2");
    WITH(loss.lambda_silence, -1, "lambda_silence is -1");
    WITH(loss.lambda_silence, 1, "the silence's floor is 0 dB, not -120 to below 0");
    bsm_training_options options = small_options(kind);
    options.precision = BSM_PRECISION_TF32;
    assert_refused(&options, BSM_UNSUPPORTED, "in float32");
    options = small_options(kind);
    options.device = BSM_DEVICE_CUDA;
    assert_refused(&options, BSM_NO_DEVICE, "cuda");
}

static void test_bad_steps(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *training = training_of(&config, &options);
    bsm_adamw bad[10];
    for (size_t i = 0; i < 10; i++) {
        bad[i] = published_step(1, 1);
    }
    bad[0].learning_rate = NAN;
    bad[1].beta1 = 1;
    bad[2].beta2 = -0.5;
    bad[3].epsilon = 0;
    bad[4].epsilon = 1e-60;
    bad[5].weight_decay = -1;
    bad[6].step = 0;
    bad[7].gradient_scale = INFINITY;
    bad[8].ema = 1.1;
    bad[9].learning_rate = -1;
    float *before = read_vector(training, BSM_PARAMETERS);
    for (size_t i = 0; i < 10; i++) {
        bsm_error error = {0};
        assert_int_equal(bsm_training_update(training, &bad[i], &error), BSM_INVALID_ARGUMENT);
        assert_non_null(strstr(error.message, "AdamW"));
    }
    float *after = read_vector(training, BSM_PARAMETERS);
    assert_memory_equal(before, after, bsm_training_vector_size(training) * sizeof *before);
    bsm_loss loss;
    bsm_model *model = NULL;
    assert_int_equal(add_random(training, 1, NAN, &loss, NULL), BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_training_model(training, BSM_GRADIENTS, &model, NULL),
                     BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_training_read(training, (bsm_training_vector)5, before, NULL),
                     BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_training_write(training, (bsm_training_vector)-1, before, NULL),
                     BSM_INVALID_ARGUMENT);
    free(before);
    free(after);
    bsm_training_free(training);
}

/* The plan is consistent, and grows with what it depends on. */
static void test_plan(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    bsm_training_options options = small_options(kind);
    bsm_training_memory memory, longer;
    assert_int_equal(bsm_training_plan(&config, &options, &memory, NULL), BSM_OK);
    assert_true(memory.parameters >= 5 * sizeof(float) * bsm_config_parameters(&config));
    assert_true(memory.activations > 0 && memory.scratch > 0 && !memory.on_gpu);
    options.samples *= 10;
    assert_int_equal(bsm_training_plan(&config, &options, &longer, NULL), BSM_OK);
    assert_int_equal(longer.parameters, memory.parameters);
    assert_true(longer.activations > 5 * memory.activations);
    assert_true(longer.scratch > memory.scratch);
}

static void test_name(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *training = training_of(&config, &options);
    const char *expected = kind == BSM_DEVICE_CPU ? "cpu (" : "reference (";
    assert_memory_equal(bsm_training_device_name(training), expected, strlen(expected));
    bsm_training_free(training);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),      cmocka_unit_test(test_slope),
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_resume),
        cmocka_unit_test(test_observer),  cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_steps), cmocka_unit_test(test_plan),
        cmocka_unit_test(test_name),      cmocka_unit_test(test_an_observed_step_is_waited_for),
    };
    if (argc != 2 || bsm_device_kind_parse(argv[1], &kind, NULL)) {
        fprintf(stderr, "usage: test_training DEVICE\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
