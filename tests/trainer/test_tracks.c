/* SPDX-License-Identifier: ISC */
/* Tests finding the tracks of data folders of every layout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/tracks.h"
#include "data_folder.h"

enum { SOURCES = 2 };
static const char *const sources[SOURCES] = {"vocals", "other"};

static char *folder;
static bsm_tracks *tracks;

static int set_up(void **state)
{
    (void)state;
    folder = data_folder_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bsm_tracks_free(tracks);
    tracks = NULL;
    data_folder_remove(folder);
    return 0;
}

static void make(const char *const *names)
{
    for (; *names; names++) {
        data_folder_file(folder, *names);
    }
}

static void find(bsm_data_layout layout, bsm_data_subset subset)
{
    bsm_error error;
    bsm_tracks_free(tracks);
    if (bsm_tracks_find(folder, layout, subset, sources, SOURCES, &tracks, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(tracks->num_sources, SOURCES);
}

/* Check that an error names the folder and contains `text`. */
static void find_fails(const char *root, bsm_data_layout layout, bsm_data_subset subset,
                       bsm_status status, const char *text)
{
    bsm_error error;
    bsm_tracks *none = (bsm_tracks *)folder;
    assert_int_equal(bsm_tracks_find(root, layout, subset, sources, SOURCES, &none, &error),
                     status);
    assert_null(none);
    assert_non_null(strstr(error.message, root));
    if (!strstr(error.message, text)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, text);
    }
    assert_int_equal(bsm_tracks_find(root, layout, subset, sources, SOURCES, &none, NULL), status);
}

static void assert_path(const char *path, const char *name)
{
    if (!name) {
        assert_null(path);
        return;
    }
    assert_non_null(path);
    assert_string_equal(path, data_folder_path(folder, name));
}

/* Check the names of a track's files below the folder, which may be NULL. */
static void assert_track(size_t index, const char *name, const char *vocals, const char *other,
                         const char *mixture)
{
    assert_true(index < tracks->num_tracks);
    const bsm_track *track = &tracks->tracks[index];
    assert_string_equal(track->name, name);
    assert_path(track->sources[0], vocals);
    assert_path(track->sources[1], other);
    assert_path(track->mixture, mixture);
}

/* ---- Folders of tracks ---- */

static void test_musdb(void **state)
{
    (void)state;
    make((const char *[]){"train/B/vocals.wav", "train/B/other.wav", "train/B/drums.wav",
                          "train/B/mixture.wav", "train/A - x/vocals.wav", "valid/V/vocals.wav",
                          "test/T/vocals.wav", "test/T/mixture.wav", "README.md", NULL});
    for (bsm_data_layout layout = BSM_LAYOUT_AUTO; layout <= BSM_LAYOUT_TRACKS; layout++) {
        find(layout, BSM_SUBSET_TRAIN);
        assert_int_equal(tracks->num_tracks, 2);
        assert_track(0, "train/A - x", "train/A - x/vocals.wav", NULL, NULL);
        assert_track(1, "train/B", "train/B/vocals.wav", "train/B/other.wav",
                     "train/B/mixture.wav");
        find(layout, BSM_SUBSET_VALID);
        assert_int_equal(tracks->num_tracks, 1);
        assert_track(0, "valid/V", "valid/V/vocals.wav", NULL, NULL);
        find(layout, BSM_SUBSET_TEST);
        assert_int_equal(tracks->num_tracks, 1);
        assert_track(0, "test/T", "test/T/vocals.wav", NULL, "test/T/mixture.wav");
    }
}

static const char *const musdb_validation[] = {
    "Actions - One Minute Smile",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Johnny Lokke - Promises & Lies",
    "Patrick Talbot - A Reason To Leave",
    "Triviul - Angelsaint",
    "Alexander Ross - Goodbye Bolero",
    "Fergessen - Nos Palpitants",
    "Leaf - Summerghost",
    "Skelpolu - Human Mistakes",
    "Young Griffo - Pennies",
    "ANiMAL - Rockshow",
    "James May - On The Line",
    "Meaxic - Take A Step",
    "Traffic Experiment - Sirens",
};

static void test_musdb_without_valid(void **state)
{
    (void)state;
    enum { VALIDATION = sizeof musdb_validation / sizeof musdb_validation[0] };
    char name[200];
    for (size_t i = 0; i < VALIDATION; i++) {
        snprintf(name, sizeof name, "train/%s/vocals.wav", musdb_validation[i]);
        data_folder_file(folder, name);
    }
    make((const char *[]){"train/Music Delta - 80s Rock/vocals.wav", "train/Z/other.wav", NULL});
    for (bsm_data_layout layout = BSM_LAYOUT_AUTO; layout <= BSM_LAYOUT_MUSDB; layout++) {
        find(layout, BSM_SUBSET_VALID);
        assert_int_equal(tracks->num_tracks, VALIDATION);
        assert_int_equal(VALIDATION, 14);
        /* sorted bytewise */
        assert_string_equal(tracks->tracks[0].name, "train/ANiMAL - Rockshow");
        assert_string_equal(tracks->tracks[1].name, "train/Actions - One Minute Smile");
        assert_string_equal(tracks->tracks[13].name, "train/Young Griffo - Pennies");
        find(layout, BSM_SUBSET_TRAIN);
        assert_int_equal(tracks->num_tracks, 2);
        assert_string_equal(tracks->tracks[0].name, "train/Music Delta - 80s Rock");
        assert_track(1, "train/Z", NULL, "train/Z/other.wav", NULL);
        find_fails(folder, layout, BSM_SUBSET_TEST, BSM_NOT_FOUND, "\"test\"");
    }
    find(BSM_LAYOUT_TRACKS, BSM_SUBSET_TRAIN);
    assert_int_equal(tracks->num_tracks, 16);
    find_fails(folder, BSM_LAYOUT_TRACKS, BSM_SUBSET_VALID, BSM_NOT_FOUND, "\"valid\"");
}

static void test_no_musdb_and_no_valid(void **state)
{
    (void)state;
    data_folder_file(folder, "train/A/vocals.wav");
    find_fails(folder, BSM_LAYOUT_AUTO, BSM_SUBSET_VALID, BSM_NOT_FOUND, "14 tracks");
}

static void test_flat_folder_of_tracks(void **state)
{
    (void)state;
    make((const char *[]){"b/vocals.flac", "b/other.OGG", "b/mixture.mp3", "a/other.opus",
                          "a/vocals.txt", "c/notes.txt", "c/vocals", "loose.wav", NULL});
    for (int i = 0; i < 2; i++) {
        find(i ? BSM_LAYOUT_TRACKS : BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN);
        assert_int_equal(tracks->num_tracks, 2);
        assert_track(0, "a", NULL, "a/other.opus", NULL);
        assert_track(1, "b", "b/vocals.flac", "b/other.OGG", "b/mixture.mp3");
    }
    find_fails(folder, BSM_LAYOUT_AUTO, BSM_SUBSET_VALID, BSM_NOT_FOUND, "\"valid\"");
    find_fails(folder, BSM_LAYOUT_MUSDB, BSM_SUBSET_TRAIN, BSM_NOT_FOUND, "\"train\"");
}

static void test_odd_names(void **state)
{
    (void)state;
    make((const char *[]){"a/vocals.wav", "a/vocals.flac", "a/vocals.lead.wav", "a/other.wav/x.wav",
                          "a/.mixture.wav", "a/._vocals.aif", ".hidden/vocals.wav",
                          "only mixture/mixture.wav", "\xc3\xa4/vocals.wav", NULL});
    find(BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN);
    assert_int_equal(tracks->num_tracks, 2);
    /* the first of two, no folder, no hidden file */
    assert_track(0, "a", "a/vocals.flac", NULL, NULL);
    assert_track(1, "\xc3\xa4", "\xc3\xa4/vocals.wav", NULL, NULL);
}

static void test_links(void **state)
{
    (void)state;
    make((const char *[]){"elsewhere/song/take.wav", "elsewhere/song/other.wav", NULL});
    data_folder_link(folder, "../elsewhere", "data/train");
    data_folder_link(folder, "take.wav", "elsewhere/song/vocals.wav");
    data_folder_link(folder, "song", "elsewhere/again");
    data_folder_link(folder, "gone", "elsewhere/nowhere");
    data_folder_link(folder, "gone.wav", "elsewhere/dangling/vocals.wav");
    char *root = folder;
    folder = strdup(data_folder_path(root, "data"));
    find(BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN);
    assert_int_equal(tracks->num_tracks, 3);
    assert_track(0, "train/again", "train/again/vocals.wav", "train/again/other.wav", NULL);
    /* Reading this file will report what is wrong. */
    assert_track(1, "train/dangling", "train/dangling/vocals.wav", NULL, NULL);
    assert_track(2, "train/song", "train/song/vocals.wav", "train/song/other.wav", NULL);
    free(folder);
    folder = root;
}

/* ---- Pools ---- */

static void test_pool(void **state)
{
    (void)state;
    make((const char *[]){"vocals/b.wav", "vocals/a/z.flac", "vocals/a/.hidden.wav",
                          "vocals/a/notes.txt", "other/a.ogg", "drums/a.wav", NULL});
    data_folder_link(folder, "..", "vocals/a/back");
    data_folder_link(folder, "../other", "vocals/linked");
    for (int i = 0; i < 2; i++) {
        find(i ? BSM_LAYOUT_POOL : BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN);
        assert_int_equal(tracks->num_tracks, 4);
        assert_track(0, "other/a.ogg", NULL, "other/a.ogg", NULL);
        assert_track(1, "vocals/a/z.flac", "vocals/a/z.flac", NULL, NULL);
        assert_track(2, "vocals/b.wav", "vocals/b.wav", NULL, NULL);
        assert_track(3, "vocals/linked/a.ogg", "vocals/linked/a.ogg", NULL, NULL);
    }
}

static void test_pool_in_subsets(void **state)
{
    (void)state;
    make((const char *[]){"train/vocals/a.wav", "train/other/b.wav", "valid/vocals/c.wav", NULL});
    find(BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN);
    assert_int_equal(tracks->num_tracks, 2);
    assert_track(0, "train/other/b.wav", NULL, "train/other/b.wav", NULL);
    assert_track(1, "train/vocals/a.wav", "train/vocals/a.wav", NULL, NULL);
    find(BSM_LAYOUT_AUTO, BSM_SUBSET_VALID);
    assert_int_equal(tracks->num_tracks, 1);
    assert_track(0, "valid/vocals/c.wav", "valid/vocals/c.wav", NULL, NULL);
}

/* ---- Failures ---- */

static void test_nothing_there(void **state)
{
    (void)state;
    find_fails(data_folder_path(folder, "none"), BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN, BSM_NOT_FOUND,
               "No such file");
    find_fails(folder, BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN, BSM_NOT_FOUND, "vocals, other");
    find_fails(folder, BSM_LAYOUT_POOL, BSM_SUBSET_TRAIN, BSM_NOT_FOUND, "vocals, other");
    make((const char *[]){"drums/vocals.txt", "a/drums.wav", NULL});
    find_fails(folder, BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN, BSM_NOT_FOUND, "vocals, other");
    data_folder_file(folder, "vocals/notes.txt");
    find_fails(folder, BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN, BSM_NOT_FOUND, "vocals, other");
    find_fails(data_folder_path(folder, "a/drums.wav"), BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN,
               BSM_NOT_FOUND, "Not a directory");
}

static void test_forbidden_folder(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        skip(); /* root can read everything */
    }
    data_folder_file(folder, "a/vocals.wav");
    data_folder_file(folder, "b/vocals.wav");
    assert_int_equal(chmod(data_folder_path(folder, "b"), 0), 0);
    find_fails(folder, BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN, BSM_NO_PERMISSION, "/b: ");
    assert_int_equal(chmod(data_folder_path(folder, "b"), 0777), 0);
}

/* Many programs export such names; a name that is spelled exactly like the source is preferred. */
static void test_names_in_capitals(void **state)
{
    (void)state;
    make((const char *[]){"train/a/Vocals.wav", "train/a/OTHER.WAV", "train/a/Mixture.Flac",
                          "train/b/VOCALS.mp3", "train/b/vocals.wav", "valid/Vocals/x.wav",
                          "train/c/vox.wav", "train/d/notes.txt", "train/e/voice.wav", NULL});
    find(BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN);
    assert_int_equal(tracks->num_tracks, 2);
    assert_int_equal(tracks->num_left_out, 2);
    assert_string_equal(tracks->left_out, "train/c");
    assert_string_equal(tracks->tracks[0].sources[0],
                        data_folder_path(folder, "train/a/Vocals.wav"));
    assert_string_equal(tracks->tracks[0].sources[1],
                        data_folder_path(folder, "train/a/OTHER.WAV"));
    assert_string_equal(tracks->tracks[0].mixture,
                        data_folder_path(folder, "train/a/Mixture.Flac"));
    assert_string_equal(tracks->tracks[1].sources[0],
                        data_folder_path(folder, "train/b/vocals.wav"));
    find(BSM_LAYOUT_AUTO, BSM_SUBSET_VALID);
    assert_string_equal(tracks->tracks[0].name, "valid/Vocals/x.wav");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_musdb, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_musdb_without_valid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_musdb_and_no_valid, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_flat_folder_of_tracks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_odd_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_links, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pool, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pool_in_subsets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forbidden_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_in_capitals, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
