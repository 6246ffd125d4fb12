/* SPDX-License-Identifier: ISC */
/* Tests the detection of active windows, and the file that remembers them. */
#include "data/activity.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "data_folder.h"
#include "loader_case.h"

static const bsm_sad_options published = {true, 8, 10, 0.15, 1e-3, 0.5};

/* ---- The windows ---- */

static void assert_starts(const bsm_activity *a, size_t count, const uint32_t *expected)
{
    assert_int_equal(a->num_starts, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(a->starts[i], expected[i]);
    }
}

/* Windows worked out by hand: 27 chunks, with windows at 0, 5, 10, 15 and, the last one, at 17. */
static void test_windows(void **state)
{
    (void)state;
    double loudness[27];
    for (size_t i = 0; i < 27; i++) {
        loudness[i] = i < 10 ? 0.1 : i < 20 ? 0.0005 : 0.2; /* the floor is 0.001 */
    }
    bsm_activity a = {0};
    assert_int_equal(bsm_activity_find(&published, loudness, 27, &a, NULL), BSM_OK);
    assert_int_equal(a.length, 10);
    /* Of the ten chunks of these windows, 10, 5, 0, 5 and 7 are louder than the floor. */
    const uint32_t expected[] = {0, 5, 15, 17};
    assert_starts(&a, 4, expected);
    free(a.starts);
    /* of the window at 15 only four chunks remain louder, not five */
    for (size_t i = 20; i < 25; i++) {
        loudness[i] = i == 20 ? 0.0005 : 0.2;
    }
    assert_int_equal(bsm_activity_find(&published, loudness, 27, &a, NULL), BSM_OK);
    const uint32_t without[] = {0, 5, 17};
    assert_starts(&a, 3, without);
    free(a.starts);
}

/* The quantile is taken over chunks that are not silent: the 15% quantile of 1 to 20 is 3.85, at
 * index 2.85. */
static void test_quantile(void **state)
{
    (void)state;
    double loudness[40] = {0};
    bsm_activity a = {0};
    bsm_sad_options options = published;
    for (size_t i = 0; i < 20; i++) {
        loudness[i] = 0.01 * (double)(i + 1); /* the first window has 7 above 3.85: 4 to 10 */
    }
    options.active = 0.7;
    assert_int_equal(bsm_activity_find(&options, loudness, 40, &a, NULL), BSM_OK);
    const uint32_t both[] = {0, 5, 10};
    assert_starts(&a, 3, both);
    free(a.starts);
    options.active = 0.71;
    assert_int_equal(bsm_activity_find(&options, loudness, 40, &a, NULL), BSM_OK);
    assert_starts(&a, 2, both + 1);
    free(a.starts);
}

static void test_few_chunks(void **state)
{
    (void)state;
    const double loud[] = {0.1, 0.1, 0.1}, silent[] = {0, 0, 0};
    const uint32_t start = 0;
    bsm_activity a = {0};
    assert_int_equal(bsm_activity_find(&published, loud, 3, &a, NULL), BSM_OK);
    assert_int_equal(a.length, 3);
    assert_starts(&a, 1, &start);
    free(a.starts);
    assert_int_equal(bsm_activity_find(&published, silent, 3, &a, NULL), BSM_OK);
    assert_starts(&a, 0, NULL);
    free(a.starts);
    assert_int_equal(bsm_activity_find(&published, NULL, 0, &a, NULL), BSM_OK);
    assert_starts(&a, 0, NULL);
    free(a.starts);
}

/* ---- Files ---- */

/* A stereo file that is loud for 8 s, silent for 12 s, and loud for 8 s; the loudness is that of
 * both channels together. */
static void test_scan(void **state)
{
    (void)state;
    enum { RATE = 1000, FRAMES = 28 * RATE };
    char *folder = data_folder_new();
    float *samples = calloc(2 * FRAMES, sizeof *samples);
    assert_non_null(samples);
    for (size_t i = 0; i < FRAMES; i++) {
        samples[2 * i + 1] = i < 8 * RATE || i >= 20 * RATE ? 0.1F : 0;
    }
    data_folder_audio(folder, "a.wav", RATE, 2, samples, FRAMES);
    bsm_activity a;
    const char *path = data_folder_path(folder, "a.wav");
    assert_int_equal(bsm_activity_scan(&path, 0, &published, &a, NULL), BSM_OK);
    assert_int_equal(a.rate, RATE);
    assert_int_equal(a.channels, 2);
    assert_int_equal(a.frames, FRAMES);
    assert_int_equal(a.chunk, 800);
    const uint32_t expected[] = {0, 5, 20, 25};
    assert_starts(&a, 4, expected);
    free(a.starts);
    bsm_sad_options deaf = published;
    deaf.floor = 0.071; /* 0.1 in one of two channels is 0.0707 */
    assert_int_equal(bsm_activity_scan(&path, 0, &deaf, &a, NULL), BSM_OK);
    assert_starts(&a, 0, NULL);
    free(a.starts);
    assert_int_equal(bsm_activity_glance(&path, 0, &a, NULL), BSM_OK);
    assert_int_equal(a.frames, FRAMES);
    assert_int_equal(a.num_starts, 0);
    free(samples);
    data_folder_remove(folder);
}

/* If one file were cut off, the difference between a mixture and it would contain its source. */
static void test_cut_files(void **state)
{
    (void)state;
    enum { RATE = 8000, FRAMES = 4 * RATE };
    char *folder = data_folder_new();
    float *samples = calloc(FRAMES, sizeof *samples);
    assert_non_null(samples);
    data_folder_audio(folder, "mixture.wav", RATE, 1, samples, FRAMES);
    data_folder_audio(folder, "vocals.wav", RATE, 1, samples, FRAMES);
    const char *paths[] = {data_folder_path(folder, "mixture.wav"),
                           data_folder_path(folder, "vocals.wav")};
    bsm_activity a;
    assert_int_equal(bsm_activity_glance(paths, 1, &a, NULL), BSM_OK);
    assert_int_equal(truncate(paths[1], 100000), 0);
    for (size_t i = 0; i < 4; i++) {
        bsm_error error = {0};
        const size_t less = i % 2;
        const char *const *first = less ? paths : paths + 1;
        assert_int_equal(i < 2 ? bsm_activity_scan(first, less, &published, &a, &error)
                               : bsm_activity_glance(first, less, &a, &error),
                         BSM_BAD_AUDIO);
        assert_non_null(strstr(error.message, "vocals.wav: damaged: 0.8"));
    }
    free(samples);
    data_folder_remove(folder);
}

/* ---- What is remembered ---- */

static size_t scanned(const loader_case *c)
{
    for (size_t i = 0; i < c->num_lines; i++) {
        const char *at = strstr(c->lines[i], "where the sources sound in ");
        if (at) {
            return (size_t)atoi(at + strlen("where the sources sound in "));
        }
    }
    return 0;
}

/* A case with six files. */
static loader_case *small_case(void)
{
    loader_case *c = case_new();
    char name[64];
    for (unsigned i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "root/%s/a file %u.wav", i % 2 ? "vocals" : "other", i);
        case_noise(c, name, 1, 1 + i / 2.0, 0.3F, i);
    }
    case_root(c, "root", 1);
    return c;
}

static bsm_loader_stats stats_of(loader_case *c)
{
    case_start(c);
    return bsm_loader_get_stats(c->loader);
}

static void test_scanned_once(void **state)
{
    (void)state;
    loader_case *c = small_case();
    const bsm_loader_stats first = stats_of(c);
    assert_int_equal(scanned(c), 6);
    const bsm_loader_stats second = stats_of(c);
    assert_int_equal(scanned(c), 0);
    assert_int_equal(second.segments, first.segments);
    assert_int_equal(second.tracks, first.tracks);
    assert_int_equal(access(data_folder_path(c->folder, "root/.bsm-segments.txt"), R_OK), 0);
    c->data.sad.floor = 0.01; /* other options: everything is scanned again */
    case_start(c);
    assert_int_equal(scanned(c), 6);
    case_free(c);
}

static void test_changed_files_are_scanned_again(void **state)
{
    (void)state;
    loader_case *c = small_case();
    case_start(c);
    case_noise(c, "root/vocals/a file 1.wav", 1, 4, 0.3F, 9);        /* another size */
    case_noise(c, "root/vocals/a new one.wav", 1, 4, 0.3F, 9);       /* a new file */
    const struct timespec times[2] = {{.tv_sec = 5}, {.tv_sec = 5}}; /* another time */
    assert_int_equal(
        utimensat(AT_FDCWD, data_folder_path(c->folder, "root/other/a file 2.wav"), times, 0), 0);
    assert_int_equal(unlink(data_folder_path(c->folder, "root/other/a file 4.wav")), 0);
    case_start(c);
    assert_int_equal(scanned(c), 3);
    case_start(c);
    assert_int_equal(scanned(c), 0);
    case_free(c);
}

static void test_folder_of_ones_own(void **state)
{
    (void)state;
    loader_case *c = small_case();
    case_noise(c, "more/vocals/b.wav", 1, 2, 0.3F, 1);
    case_root(c, "more", 1);
    char *cache = strdup(data_folder_path(c->folder, "cache"));
    c->data.segments_cache = cache;
    case_start(c);
    assert_int_equal(case_lines(c, "finding where"), 2);
    case_start(c);
    assert_int_equal(case_lines(c, ""), 0);
    assert_int_not_equal(access(data_folder_path(c->folder, "root/.bsm-segments.txt"), F_OK), 0);
    free(cache);
    case_free(c);
}

/* If nothing can be written to the folder (here it is a file), this is reported once, and work
 * continues. */
static void test_unwritable_folder(void **state)
{
    (void)state;
    loader_case *c = small_case();
    data_folder_file(c->folder, "file");
    char *cache = strdup(data_folder_path(c->folder, "file"));
    c->data.segments_cache = cache;
    for (size_t i = 0; i < 2; i++) {
        case_start(c);
        case_next(c);
        assert_int_equal(scanned(c), 6);
        assert_int_equal(case_lines(c, "the activity lists are not kept"), 1);
    }
    free(cache);
    case_free(c);
}

static char *read_text(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 100000);
    assert_non_null(text);
    *size = fread(text, 1, 99999, file);
    fclose(file);
    return text;
}

static void write_text(const char *path, const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The file may be cut off anywhere or have any byte changed: the loader never crashes, and only
 * uses windows that the audio file can have. */
static void test_damaged_memory(void **state)
{
    (void)state;
    loader_case *c = small_case();
    case_start(c);
    char *path = strdup(data_folder_path(c->folder, "root/.bsm-segments.txt"));
    size_t size;
    char *text = read_text(path, &size);
    for (size_t cut = 0; cut < size; cut += 31) {
        write_text(path, text, cut);
        case_start(c);
        case_next(c);
    }
    for (size_t at = 0; at < size; at += 11) {
        char *changed = malloc(size);
        assert_non_null(changed);
        memcpy(changed, text, size);
        changed[at] = "90- "[at % 4];
        write_text(path, changed, size);
        case_start(c);
        case_next(c);
        free(changed);
    }
    free(text);
    free(path);
    case_free(c);
}

/* Entries that other sources of the same folder have added are kept; those of deleted files are
 * removed. */
static void test_entries_of_others_stay(void **state)
{
    (void)state;
    loader_case *c = small_case();
    const char *all[] = {"vocals", "other"}, *one[] = {"other"};
    c->model.num_stems = 1;
    strcpy(c->model.stems[0], "other");
    c->data.sources = one;
    c->data.num_sources = 1;
    case_start(c);
    assert_int_equal(scanned(c), 3);
    c->data.sources = all;
    c->data.num_sources = 2;
    case_start(c);
    assert_int_equal(scanned(c), 3);
    case_noise(c, "root/other/another.wav", 1, 2, 0.3F, 1);
    assert_int_equal(unlink(data_folder_path(c->folder, "root/vocals/a file 1.wav")), 0);
    c->data.sources = one;
    c->data.num_sources = 1;
    case_start(c);
    assert_int_equal(scanned(c), 1);
    c->data.sources = all;
    c->data.num_sources = 2;
    case_start(c);
    assert_int_equal(scanned(c), 0);
    size_t size;
    char *text = read_text(data_folder_path(c->folder, "root/.bsm-segments.txt"), &size);
    assert_non_null(strstr(text, "vocals/a file 3.wav\n"));
    assert_null(strstr(text, "vocals/a file 1.wav\n"));
    free(text);
    case_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_few_chunks),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_cut_files),
        cmocka_unit_test(test_scanned_once),
        cmocka_unit_test(test_changed_files_are_scanned_again),
        cmocka_unit_test(test_folder_of_ones_own),
        cmocka_unit_test(test_unwritable_folder),
        cmocka_unit_test(test_damaged_memory),
        cmocka_unit_test(test_entries_of_others_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
