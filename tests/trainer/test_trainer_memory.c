/* SPDX-License-Identifier: ISC */
/* Lets every allocation fail in turn, including those of libyaml, libcyaml and cJSON: the result
 * must be an error, without a leak. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/settings.h"
#include "exhaust.h"
#include "output/output.h"
#include "run/checkpoint.h"
#include "scratch.h"

static const char yaml[] = "training: {seed: 1, licence: CC0}\n"
                           "data:\n"
                           "  root: a\n"
                           "  roots: [{path: b}]\n"
                           "  sources: [vocals, other]\n"
                           "  augment: [{source: vocals, pitch: 1, semitones: [-3, 4]}]\n";

static const char *config_path;

static bsm_status load_settings(void *user, bsm_error *error)
{
    (void)user;
    static const char *const assignments[] = {"model.bands=[1000, 25]", "loss.stft_hop=3"};
    const bsm_settings_source source = {
        .path = config_path, .assignments = assignments, .num_assignments = 2};
    bsm_trainer_settings *settings = NULL;
    char *text = NULL;
    bsm_status status = bsm_settings_load(&source, &settings, &text, error);
    if (!status) {
        bsm_data_source data;
        status = bsm_settings_data(settings, &data, error);
        if (!status) {
            bsm_data_source_free(&data);
        }
        bsm_settings_free(settings);
        free(text);
    }
    return status;
}

static void ignore(void *user, const char *key, const char *difference)
{
    (void)user;
    (void)key;
    (void)difference;
}

static bsm_status compare_settings(void *user, bsm_error *error)
{
    (void)user;
    return bsm_settings_compare(yaml, "training: {seed: 2}\n", ignore, NULL, error);
}

static bsm_training *training;
static bsm_model *model;
static const char *checkpoint_path;

static bsm_status write_checkpoint(void *user, bsm_error *error)
{
    (void)user;
    const bsm_state state = bsm_state_start();
    return bsm_checkpoint_write(checkpoint_path, training, model, &state, "a: 1\n", error);
}

static bsm_status read_checkpoint(void *user, bsm_error *error)
{
    (void)user;
    bsm_checkpoint *checkpoint = NULL;
    bsm_status status = bsm_checkpoint_open(checkpoint_path, &checkpoint, error);
    if (!status) {
        status = bsm_checkpoint_restore(checkpoint, training, model, error);
        bsm_checkpoint_close(checkpoint);
    }
    return status;
}

static char folder[512];

static bsm_status write_logs(void *user, bsm_error *error)
{
    (void)user;
    bsm_log *log = NULL;
    bsm_status status = bsm_log_open(folder, 0, &log, error);
    if (!status) {
        status = bsm_log_write(log, cJSON_CreateObject(), error);
        bsm_log_close(log, NULL);
    }
    return status;
}

static void test_settings(void **state)
{
    (void)state;
    config_path = scratch_write("config.yaml", yaml, strlen(yaml));
    assert_true(exhaust(load_settings, NULL, MEMORY_OF_EVERYONE) > 500);
    assert_true(exhaust(compare_settings, NULL, MEMORY_OF_EVERYONE) > 50);
}

static void test_checkpoints(void **state)
{
    (void)state;
    const bsm_training_options options = {
        .device = BSM_DEVICE_REFERENCE,
        .threads = 1,
        .samples = 60,
        .loss = {.lambda_time = 10, .num_windows = 1, .windows = {8}, .hop = 4}};
    model = mini_model();
    assert_int_equal(bsm_training_new(model, &options, &training, NULL), BSM_OK);
    checkpoint_path = scratch_path("checkpoint");
    assert_true(exhaust(write_checkpoint, NULL, MEMORY_OF_EVERYONE) > 500);
    assert_true(exhaust(read_checkpoint, NULL, MEMORY_OF_EVERYONE) > 500);
    bsm_training_free(training);
    bsm_model_free(model);
}

static void test_logs(void **state)
{
    (void)state;
    strcpy(folder, scratch_path("x"));
    *strrchr(folder, '/') = '\0';
    assert_true(exhaust(write_logs, NULL, MEMORY_OF_EVERYONE) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_logs),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
