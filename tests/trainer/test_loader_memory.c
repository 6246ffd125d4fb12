/* SPDX-License-Identifier: ISC */
/* Finds training data and makes examples while every allocation fails in turn. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/mix.h"
#include "data_folder.h"
#include "exhaust.h"
#include "loader_case.h"

/* Do the same as the loader, but on this thread. */
static bsm_status make_examples(void *user, bsm_error *error)
{
    loader_case *c = user;
    bsm_report report = {.lock = PTHREAD_MUTEX_INITIALIZER};
    bsm_library *library = NULL;
    bsm_mixer *mixer = NULL;
    bsm_example *example = NULL;
    const bsm_mix_options options = {&c->data, &c->model, NULL, &report, 3, CASE_SAMPLES};
    bsm_status status = bsm_library_new(&c->data, 0.25, 1, &report, &library, error);
    if (!status) {
        bsm_mix_options with = options;
        with.library = library;
        status = bsm_mixer_new(&with, &mixer, error);
    }
    if (!status && !(example = bsm_example_new(&c->model, CASE_SAMPLES))) {
        status = bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    for (uint64_t i = 0; i < 4 && !status; i++) {
        status = bsm_mixer_make(mixer, i, example, error);
    }
    bsm_example_free(example, &c->model);
    bsm_mixer_free(mixer);
    bsm_library_free(library);
    return status;
}

static loader_case *small_case(void)
{
    loader_case *c = case_new();
    case_noise(c, "root/a/vocals.wav", 1, 2, 0.3F, 1);
    case_noise(c, "root/a/mixture.wav", 1, 2, 0.3F, 2);
    case_sine(c, "root/b/other.wav", 11025, 2, 1, 300);
    case_root(c, "root", 1);
    c->augmentations[0] = (bsm_augmentation){.reverb = 1, .pitch = 1, .semitones = {2, 2}};
    return c;
}

static void test_reading_what_is_remembered(void **state)
{
    (void)state;
    loader_case *c = small_case();
    assert_true(exhaust(make_examples, c, MEMORY_OF_ENGINE) > 50);
    case_free(c);
}

/* Nothing can be written to this folder, so nothing is remembered, and everything is scanned each
 * time. */
static void test_scanning(void **state)
{
    (void)state;
    loader_case *c = small_case();
    c->data.segments_cache = "/dev/null";
    assert_true(exhaust(make_examples, c, MEMORY_OF_ENGINE) > 50);
    case_free(c);
}

static void test_without_detection(void **state)
{
    (void)state;
    loader_case *c = small_case();
    c->data.sad.enabled = false;
    assert_true(exhaust(make_examples, c, MEMORY_OF_ENGINE) > 40);
    case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading_what_is_remembered),
        cmocka_unit_test(test_scanning),
        cmocka_unit_test(test_without_detection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
