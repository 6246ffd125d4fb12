/* SPDX-License-Identifier: ISC */
/* Tests the loader's threads: all runs give the same examples, and unusable files are skipped. */
#include "data/loader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data_folder.h"
#include "loader_case.h"

enum { COUNT = 24, PLANES = 6 };

/** What is kept of an example: its number, and its planes (mixture, vocals, other). */
typedef struct kept {
    uint64_t number;
    float planes[PLANES][CASE_SAMPLES];
} kept;

static void keep(const bsm_example *example, kept *k)
{
    k->number = example->number;
    for (size_t c = 0; c < 2; c++) {
        memcpy(k->planes[c], example->mixture[c], sizeof k->planes[c]);
        memcpy(k->planes[2 + c], example->stems[0][c], sizeof k->planes[c]);
        memcpy(k->planes[4 + c], example->stems[1][c], sizeof k->planes[c]);
    }
}

static kept *keep_examples(loader_case *c, size_t count)
{
    kept *examples = calloc(count, sizeof *examples);
    assert_non_null(examples);
    case_start(c);
    for (size_t i = 0; i < count; i++) {
        keep(case_next(c), &examples[i]);
    }
    return examples;
}

/* ---- The same examples, however they are made ---- */

static void test_any_number_of_workers(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    kept *one = keep_examples(c, COUNT);
    c->options.workers = 5;
    kept *five = keep_examples(c, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(one[i].number, i);
        assert_memory_equal(&one[i], &five[i], sizeof *one);
    }
    assert_memory_not_equal(one[0].planes, one[1].planes, sizeof one->planes);
    c->options.seed++;
    kept *others = keep_examples(c, 1);
    assert_memory_not_equal(one[0].planes, others[0].planes, sizeof one->planes);
    free(one);
    free(five);
    free(others);
    case_free(c);
}

static void test_any_number_of_processes(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    kept *all = keep_examples(c, COUNT);
    c->options.workers = 2;
    c->options.processes = 2;
    for (size_t process = 0; process < 2; process++) {
        c->options.process = process;
        kept *part = keep_examples(c, COUNT / 2);
        for (size_t i = 0; i < COUNT / 2; i++) {
            assert_int_equal(part[i].number, 2 * i + process);
            assert_memory_equal(&part[i], &all[2 * i + process], sizeof *part);
        }
        free(part);
    }
    free(all);
    case_free(c);
}

static void test_continues(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    kept *all = keep_examples(c, COUNT);
    c->options.first = 7;
    kept *rest = keep_examples(c, COUNT - 7);
    assert_memory_equal(rest, all + 7, (COUNT - 7) * sizeof *rest);
    c->options.processes = 3; /* the first example of this process, from 7 on, is number 9 */
    kept *third = keep_examples(c, 2);
    assert_int_equal(third[0].number, 9);
    assert_memory_equal(&third[1], &all[12], sizeof *third);
    free(all);
    free(rest);
    free(third);
    case_free(c);
}

/* ---- Files that cannot be used ---- */

static void test_unusable_files(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    case_constant(c, "pool/vocals/short.wav", 0.2, 0.3F);
    data_folder_file(c->folder, "pool/vocals/broken.wav");
    data_folder_link(c->folder, "nowhere.wav", "pool/vocals/dangling.wav");
    case_cut_flac(c, "pool/vocals/cut.flac", 3, 0.5);
    for (size_t run = 0; run < 2; run++) { /* the second run uses what the first has remembered */
        kept *examples = keep_examples(c, 2 * COUNT);
        assert_int_equal(case_lines(c, "short.wav: lasts 0.2 s, less than the 0.25 s"), 1);
        assert_int_equal(case_lines(c, "broken.wav: "), 1);
        assert_int_equal(case_lines(c, "cut.flac: damaged"), 1);
        assert_int_equal(case_lines(c, ": skipped"), 3 + case_lines(c, "dangling.wav"));
        assert_int_equal(bsm_loader_get_stats(c->loader).files_skipped,
                         3 + case_lines(c, "dangling.wav"));
        free(examples);
    }
    case_free(c);
}

/* A file that ends a little early is not damaged, whether it is read at the start or not. */
static void test_a_few_samples_too_few(void **state)
{
    (void)state;
    for (int sad = 0; sad < 2; sad++) {
        loader_case *c = case_rich();
        c->data.sad.enabled = sad;
        case_cut_flac(c, "pool/vocals/early.flac", 0.5, 1);
        data_folder_announce(c->folder, "pool/vocals/early.flac",
                             (uint32_t)(0.5 * CASE_RATE) + CASE_RATE / 20);
        free(keep_examples(c, 4 * COUNT));
        assert_int_equal(case_lines(c, "early.flac: ends"), sad);
        assert_int_equal(bsm_loader_get_stats(c->loader).files_skipped, 0);
        case_free(c);
    }
}

/* Damage may be found only when an example is read. Another one is drawn then, the same for any
 * number of workers. */
static void test_damage_found_later(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    c->data.sad.enabled = false;
    c->augmentations[0].pitch = 0;
    case_cut_flac(c, "pool/vocals/cut.flac", 3, 0.5);
    kept *one = keep_examples(c, 4 * COUNT);
    c->options.workers = 5;
    kept *five = keep_examples(c, 4 * COUNT);
    assert_memory_equal(one, five, 4 * COUNT * sizeof *one);
    assert_int_equal(case_lines(c, "cut.flac: damaged"), 1);
    assert_int_equal(bsm_loader_get_stats(c->loader).files_skipped, 1);
    free(one);
    free(five);
    case_free(c);
}

/* Only headers are read at the start. Then all files but eight of each kind are deleted. */
static void test_vanishing_files(void **state)
{
    (void)state;
    enum { FILES = 40 };
    loader_case *c = case_new();
    char name[64];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "root/vocals/%02d.wav", i);
        case_constant(c, name, 1, 0.01F * (float)(i + 1));
    }
    case_constant(c, "root/other/a.wav", 1, 0.1F);
    case_root(c, "root", 1);
    c->data.sad.enabled = false;
    case_start(c);
    for (int i = 1; i < FILES; i++) {
        snprintf(name, sizeof name, "root/vocals/%02d.wav", i);
        assert_int_equal(unlink(data_folder_path(c->folder, name)), 0);
    }
    size_t first = 0;
    for (size_t i = 0; i < 500; i++) {
        first += case_near(case_next(c)->stems[0][0][0], 0.01F);
    }
    const uint64_t skipped = bsm_loader_get_stats(c->loader).files_skipped;
    assert_in_range(skipped, FILES / 2, FILES - 1);
    assert_int_equal(case_lines(c, "cannot open: No such file or directory: skipped"), skipped);
    assert_true(first > 20);
    case_free(c);
}

static void test_nothing_left(void **state)
{
    (void)state;
    loader_case *c = case_new();
    case_cut_flac(c, "root/vocals/cut.flac", 3, 0.02);
    case_constant(c, "root/other/a.wav", 1, 0.1F);
    case_root(c, "root", 1);
    c->data.sad.enabled = false;
    c->options.workers = 3;
    case_start(c);
    const bsm_example *example;
    bsm_error error = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bsm_loader_next(c->loader, &example, &error), BSM_NOT_FOUND);
        assert_non_null(strstr(error.message, "no files were drawn that can be read"));
    }
    assert_int_equal(case_lines(c, "cut.flac"), 1);
    case_free(c);
}

static void assert_refused(loader_case *c, bsm_status status, const char *text)
{
    bsm_error error = {0};
    bsm_data_loader *loader = (bsm_data_loader *)c;
    assert_int_equal(bsm_loader_new(&c->data, &c->options, NULL, NULL, &loader, &error), status);
    assert_null(loader);
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\" has no \"%s\"", error.message, text);
    }
}

static void test_options_are_checked(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    const loader_case good = *c;
#define REFUSED(change, text)                                                                      \
    change;                                                                                        \
    assert_refused(c, BSM_INVALID_ARGUMENT, text);                                                 \
    *c = good
    REFUSED(c->options.process = 1, "process 1 of 1");
    REFUSED(c->options.workers = 0, "workers is 0");
    REFUSED(c->options.workers = 65, "workers is 65");
    REFUSED(c->options.samples = 0, "samples of an example is 0");
    REFUSED(c->data.num_roots = 0, "no root");
    REFUSED(c->roots[0].weight = -1, "weight of a root is -1");
    REFUSED(c->data.num_sources = 1, "stem \"other\" is not among");
    REFUSED(c->data.random_mix = 1.5, "random_mix is 1.5");
    REFUSED(c->silent[1] = -0.1, "silent_prob is -0.1");
    REFUSED(c->silent[0] = c->silent[1] = 1, "all sources always");
    REFUSED(c->data.loudness.low = 2, "loudness is 1.5");
    REFUSED(c->augmentations[1].reverb = NAN, "augmentation is nan");
    REFUSED(c->augmentations[0].semitones.high = 13, "semitones is 13");
    REFUSED(c->data.sad.chunks = 0, "sad.chunks is 0");
    REFUSED(c->data.sad.window = 0, "sad.window is 0");
#undef REFUSED
    case_free(c);
}

static void test_missing_data(void **state)
{
    (void)state;
    loader_case *c = case_new();
    case_root(c, "nowhere", 1);
    assert_refused(c, BSM_NOT_FOUND, "nowhere");
    data_folder_make(c->folder, "nowhere/x");
    case_constant(c, "nowhere/vocals/a.wav", 1, 0.1F);
    assert_refused(c, BSM_NOT_FOUND, "no usable file in which the source \"other\" sounds");
    case_constant(c, "nowhere/other/a.wav", 1, 0); /* silent, so it is never active */
    assert_refused(c, BSM_NOT_FOUND, "no usable file in which the source \"other\" sounds");
    case_free(c);
}

/* ---- Waiting and stopping ---- */

static void test_waiting_is_counted(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    case_start(c);
    for (size_t i = 0; i < 50; i++) {
        case_next(c);
    }
    assert_true(bsm_loader_get_stats(c->loader).seconds_waited > 0);
    bool at_once = false; /* the queue is full after a while, however slow the machine */
    for (size_t i = 0; i < 100 && !at_once; i++) {
        const double before = bsm_loader_get_stats(c->loader).seconds_waited;
        usleep(100000);
        case_next(c);
        at_once = bsm_loader_get_stats(c->loader).seconds_waited == before;
    }
    assert_true(at_once);
    case_free(c);
}

/* Stop at any moment: while workers work, while they wait, or before anything was taken. */
static void test_stops(void **state)
{
    (void)state;
    loader_case *c = case_rich();
    c->options.workers = 4;
    for (unsigned i = 0; i < 12; i++) {
        case_start(c);
        for (unsigned k = 0; k < i % 4; k++) {
            case_next(c);
        }
        usleep(i * 500);
    }
    bsm_loader_free(NULL);
    case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_number_of_workers),
        cmocka_unit_test(test_any_number_of_processes),
        cmocka_unit_test(test_continues),
        cmocka_unit_test(test_unusable_files),
        cmocka_unit_test(test_damage_found_later),
        cmocka_unit_test(test_a_few_samples_too_few),
        cmocka_unit_test(test_vanishing_files),
        cmocka_unit_test(test_nothing_left),
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_missing_data),
        cmocka_unit_test(test_waiting_is_counted),
        cmocka_unit_test(test_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
