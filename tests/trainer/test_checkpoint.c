/* SPDX-License-Identifier: ISC */
/* Tests checkpoints: everything can be read back, and other files are refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "noise.h"
#include "run/checkpoint.h"
#include "run/state.h"
#include "scratch.h"

enum { SAMPLES = 60 };

static bsm_training *new_training(bsm_model *model)
{
    const bsm_training_options options = {
        .device = BSM_DEVICE_REFERENCE,
        .threads = 1,
        .samples = SAMPLES,
        .loss = {.lambda_time = 10, .num_windows = 1, .windows = {8}, .hop = 4},
    };
    bsm_training *training = NULL;
    bsm_error error;
    if (bsm_training_new(model, &options, &training, &error)) {
        fail_msg("%s", error.message);
    }
    return training;
}

/* Fill each vector with different numbers, and its padding with zeros. */
static void fill_vector(bsm_training *training, const bsm_model *model, bsm_training_vector vector)
{
    float *values = calloc(bsm_training_vector_size(training), sizeof *values);
    uint64_t seed = (uint64_t)vector + 1;
    size_t start = 0;
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const size_t count = bsm_model_tensor(model, i)->count;
        noise_fill(&seed, values + start, count);
        start += (count + 15) / 16 * 16;
    }
    assert_int_equal(bsm_training_write(training, vector, values, NULL), BSM_OK);
    free(values);
}

static void assert_same_vector(bsm_training *a, bsm_training *b, bsm_training_vector vector)
{
    const size_t size = bsm_training_vector_size(a);
    float *x = calloc(size, sizeof *x), *y = calloc(size, sizeof *y);
    assert_int_equal(bsm_training_read(a, vector, x, NULL), BSM_OK);
    assert_int_equal(bsm_training_read(b, vector, y, NULL), BSM_OK);
    assert_memory_equal(x, y, size * sizeof *x);
    free(x);
    free(y);
}

static bsm_state odd_state(uint64_t step_items)
{
    bsm_state state = bsm_state_start();
    state.epoch = 3;
    state.step = 1234567;
    state.examples = 9007199254740991; /* the largest that JSON can represent */
    state.step_items = step_items;
    state.best = -1.0 / 3;
    state.schedule.scale = 0.1 + 0.2;
    state.step_sum.loss.total = 1e300 / 7;
    state.epoch_sum.loss.spectral[4] = 1e-300 / 3;
    state.epoch_sum.count = 5;
    return state;
}

/* Write a checkpoint of a training whose vectors are noise. */
static const char *write_one(bsm_model *model, bsm_training *training, uint64_t step_items)
{
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        fill_vector(training, model, (bsm_training_vector)v);
    }
    const bsm_state state = odd_state(step_items);
    const char *path = scratch_path("checkpoint-000000007.safetensors");
    assert_int_equal(bsm_checkpoint_write(path, training, model, &state, "a: 1\n", NULL), BSM_OK);
    return path;
}

static void check_round_trip(uint64_t step_items)
{
    bsm_model *model = mini_model();
    bsm_training *training = new_training(model), *other = new_training(model);
    const char *path = write_one(model, training, step_items);
    bsm_checkpoint *checkpoint = NULL;
    assert_int_equal(bsm_checkpoint_open(path, &checkpoint, NULL), BSM_OK);
    const bsm_state state = odd_state(step_items), *read = bsm_checkpoint_state(checkpoint);
    assert_true(isnan(read->schedule.best));
    bsm_state comparable = *read;
    comparable.schedule.best = state.schedule.best; /* NaN */
    assert_memory_equal(&comparable, &state, sizeof state);
    assert_string_equal(bsm_checkpoint_settings(checkpoint), "a: 1\n");
    assert_true(bsm_config_same_shapes(bsm_checkpoint_config(checkpoint), bsm_model_config(model)));
    assert_int_equal(bsm_checkpoint_restore(checkpoint, other, model, NULL), BSM_OK);
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        if (v != BSM_GRADIENTS || step_items > 0) {
            assert_same_vector(training, other, (bsm_training_vector)v);
        }
    }
    bsm_checkpoint_close(checkpoint);
    bsm_training_free(training);
    bsm_training_free(other);
    bsm_model_free(model);
    unlink(path);
}

static void test_round_trip(void **state)
{
    (void)state;
    check_round_trip(0);
}

static void test_round_trip_within_a_step(void **state)
{
    (void)state;
    check_round_trip(3);
}

static void test_opens_as_a_model(void **state)
{
    (void)state;
    bsm_model *model = mini_model(), *expected = NULL, *found = NULL;
    bsm_training *training = new_training(model);
    const char *path = write_one(model, training, 0);
    assert_int_equal(bsm_training_model(training, BSM_PARAMETERS, &expected, NULL), BSM_OK);
    found = assert_opens(path);
    assert_same_weights(found, expected);
    bsm_model_free(found);
    bsm_model_free(expected);
    const bsm_model_options options = {.ema = true};
    assert_int_equal(bsm_training_model(training, BSM_AVERAGES, &expected, NULL), BSM_OK);
    assert_int_equal(bsm_model_open(path, &options, &found, NULL), BSM_OK);
    assert_same_weights(found, expected);
    bsm_model_free(found);
    bsm_model_free(expected);
    bsm_training_free(training);
    bsm_model_free(model);
    unlink(path);
}

static void assert_not_opened(const char *path, const char *text)
{
    bsm_checkpoint *checkpoint = NULL;
    bsm_error error;
    assert_int_equal(bsm_checkpoint_open(path, &checkpoint, &error), BSM_BAD_MODEL);
    assert_non_null(strstr(error.message, path));
    if (!strstr(error.message, text)) {
        fail_msg("%s", error.message);
    }
}

static void test_truncated(void **state)
{
    (void)state;
    bsm_model *model = mini_model();
    bsm_training *training = new_training(model);
    const char *path = write_one(model, training, 0);
    size_t size;
    char *data = scratch_read(path, &size);
    static const double parts[] = {0.0001, 0.01, 0.5, 0.99};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_not_opened(scratch_write("cut", data, (size_t)(parts[i] * (double)size) + 1), "");
    }
    assert_not_opened(scratch_write("cut", data, size - 1), "");
    free(data);
    bsm_training_free(training);
    bsm_model_free(model);
    unlink(path);
}

static void test_foreign(void **state)
{
    (void)state;
    bsm_model *model = mini_model();
    const char *path = scratch_path("model.safetensors");
    assert_int_equal(bsm_model_save(model, path, BSM_F32, true, NULL), BSM_OK);
    assert_not_opened(path, "not a checkpoint of bsm-trainer (a model is for init_from)");
    assert_int_equal(bsm_model_set_metadata(model, "checkpoint", "{\"epoch\":-1}", NULL), BSM_OK);
    assert_int_equal(bsm_model_set_metadata(model, "settings", "a", NULL), BSM_OK);
    assert_int_equal(bsm_model_save(model, path, BSM_F32, true, NULL), BSM_OK);
    assert_not_opened(path, "makes no sense");
    bsm_model_free(model);
}

/* The checkpoint has everything but the moments. */
static void test_incomplete(void **state)
{
    (void)state;
    bsm_model *model = mini_model();
    bsm_training *training = new_training(model);
    const bsm_state odd = odd_state(0);
    char *text = bsm_state_format(&odd);
    const char *path = scratch_path("model.safetensors");
    assert_int_equal(bsm_model_set_metadata(model, "checkpoint", text, NULL), BSM_OK);
    assert_int_equal(bsm_model_set_metadata(model, "settings", "a", NULL), BSM_OK);
    assert_int_equal(bsm_model_save(model, path, BSM_F32, true, NULL), BSM_OK);
    bsm_checkpoint *checkpoint = NULL;
    bsm_error error;
    assert_int_equal(bsm_checkpoint_open(path, &checkpoint, NULL), BSM_OK);
    assert_int_equal(bsm_checkpoint_restore(checkpoint, training, model, &error), BSM_BAD_MODEL);
    assert_non_null(strstr(error.message, "ema."));
    bsm_checkpoint_close(checkpoint);
    free(text);
    bsm_training_free(training);
    bsm_model_free(model);
}

static void test_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"checkpoint-000000009.safetensors",
                                        "checkpoint-000000010.safetensors",
                                        "checkpoint-1000000000.safetensors",
                                        "checkpoint-x.safetensors",
                                        "checkpoint-000000011.safetensors.old",
                                        "bsm-12-0.part",
                                        "bsm-12-0.party"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        scratch_write(names[i], "x", 1);
    }
    char folder[512];
    snprintf(folder, sizeof folder, "%s", scratch_path("x"));
    *strrchr(folder, '/') = '\0';
    char *latest = NULL;
    uint64_t step = 0;
    assert_int_equal(bsm_checkpoint_latest(folder, &latest, &step, NULL), BSM_OK);
    assert_string_equal(latest, scratch_path(names[2]));
    assert_int_equal(step, 1000000000);
    free(latest);
    bsm_checkpoint_prune(folder, 0);
    assert_int_equal(access(scratch_path(names[0]), F_OK), 0);
    bsm_checkpoint_prune(folder, 2);
    assert_int_not_equal(access(scratch_path(names[0]), F_OK), 0);
    bsm_checkpoint_clean(folder);
    assert_int_not_equal(access(scratch_path(names[5]), F_OK), 0);
    for (size_t i = 1; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(access(scratch_path(names[i]), F_OK), i == 5 ? -1 : 0);
        unlink(scratch_path(names[i]));
    }
    assert_int_equal(bsm_checkpoint_latest(scratch_path("nothing"), &latest, &step, NULL), BSM_OK);
    assert_null(latest);
}

static void test_space(void **state)
{
    (void)state;
    char folder[512];
    snprintf(folder, sizeof folder, "%s", scratch_path("x"));
    *strrchr(folder, '/') = '\0';
    bsm_error error;
    assert_int_equal(bsm_output_folder_check_space(folder, 0, NULL), BSM_OK);
    assert_int_equal(bsm_output_folder_check_space(folder, UINT64_MAX, &error), BSM_IO);
    assert_non_null(strstr(error.message, "a checkpoint with the models needs 18446744073.71 GB"));
    assert_int_equal(bsm_output_folder_check_space(scratch_path("nothing"), UINT64_MAX, NULL),
                     BSM_OK);
}

static void test_memory(void **state)
{
    (void)state;
    const bsm_memory_need memory = {
        .training = {.parameters = 1000000000, .activations = 3000000000, .scratch = 250000000},
        .program = 500000000};
    bsm_error error;
    assert_int_equal(bsm_memory_check(&memory, 1, 4750000000, NULL), BSM_OK);
    assert_int_equal(bsm_memory_check(&memory, 1, 4749999999, &error), BSM_NO_MEMORY);
    assert_string_equal(
        error.message,
        "needs 4.75 GB: 1.00 of parameters, 3.00 kept from forward to backward, "
        "0.25 of scratch, 0.50 of the program and its examples; there are 4.75 GB: less with "
        "model.use_gradient_checkpointing, a shorter audio.segment_length or "
        "fewer training.threads");
    assert_int_equal(bsm_memory_check(&memory, 2, 4750000000, &error), BSM_NO_MEMORY);
    bsm_memory_need gpu = memory;
    gpu.training.on_gpu = true;
    assert_int_equal(bsm_memory_check(&gpu, 1, 500000000, NULL), BSM_OK);
    assert_int_equal(bsm_memory_check(&gpu, 1, 499999999, &error), BSM_NO_MEMORY);
    const uint64_t available = bsm_memory_available();
    assert_true(available > 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),       cmocka_unit_test(test_round_trip_within_a_step),
        cmocka_unit_test(test_opens_as_a_model), cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_foreign),          cmocka_unit_test(test_incomplete),
        cmocka_unit_test(test_folder),           cmocka_unit_test(test_space),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
