/* SPDX-License-Identifier: ISC */
/* Finds, separates and measures tracks while every allocation fails in turn: the result must be an
 * error, without a leak or a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data_folder.h"
#include "exhaust.h"
#include "fake.h"
#include "noise.h"
#include "validate/validate_track.h"

enum { RATE = 44100, FRAMES = 60000, SOURCES = 2 };

static const char *const sources[SOURCES] = {"vocals", "other"};
static char *folder;

static int set_up(void **state)
{
    (void)state;
    folder = data_folder_new();
    float *samples = calloc(FRAMES, sizeof *samples);
    uint64_t seed = 1;
    noise_fill(&seed, samples, FRAMES);
    data_folder_audio(folder, "A/vocals.wav", 48000, 1, samples, FRAMES);
    data_folder_audio(folder, "A/other.wav", RATE, 2, samples, FRAMES / 2);
    data_folder_audio(folder, "A/mixture.wav", RATE, 1, samples, FRAMES);
    free(samples);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    data_folder_remove(folder);
    return 0;
}

/* ---- Tracks ---- */

static bsm_status find_tracks(void *user, bsm_error *error)
{
    const bsm_data_layout *layout = user;
    bsm_tracks *tracks;
    const bsm_status status =
        bsm_tracks_find(folder, *layout, BSM_SUBSET_TRAIN, sources, SOURCES, &tracks, error);
    bsm_tracks_free(tracks);
    return status;
}

static void test_tracks(void **state)
{
    (void)state;
    bsm_data_layout layout = BSM_LAYOUT_AUTO;
    assert_true(exhaust(find_tracks, &layout, MEMORY_OF_EVERYONE) > 10);
    data_folder_file(folder, "vocals/a/b/c.wav");
    data_folder_file(folder, "other/d.wav");
    layout = BSM_LAYOUT_POOL;
    assert_true(exhaust(find_tracks, &layout, MEMORY_OF_EVERYONE) > 10);
}

/* ---- A track ---- */

static bool always(void *user)
{
    (void)user;
    return true;
}

typedef struct track_case {
    fake_network network;
    bsm_separate_options options;
    bsm_track track;
} track_case;

static bsm_status validate_track(void *user, bsm_error *error)
{
    track_case *it = user;
    it->network.calls = 0;
    bsm_track_job job = {.config = &it->network.config,
                         .separator = fake_separator(&it->network),
                         .num_sources = SOURCES,
                         .num_results = 2,
                         .max_seconds = 1,
                         .go_on = always};
    bsm_track_result results[2];
    double seconds;
    bsm_status status = bsm_separate_plan_make(job.config, NULL, &it->options, &job.plan, error);
    if (!status) {
        status = bsm_validate_track(&job, &it->track, results, &seconds, error);
    }
    return status;
}

static void test_track(void **state)
{
    (void)state;
    bsm_tracks *tracks;
    assert_int_equal(
        bsm_tracks_find(folder, BSM_LAYOUT_AUTO, BSM_SUBSET_TRAIN, sources, SOURCES, &tracks, NULL),
        BSM_OK);
    static track_case it;
    it.network = fake_identity(256, 64, 2);
    it.track = tracks->tracks[0];
    assert_true(exhaust(validate_track, &it, MEMORY_OF_ENGINE) > 30);
    it.options.commit = 20;
    assert_true(exhaust(validate_track, &it, MEMORY_OF_ENGINE) > 30);
    bsm_tracks_free(tracks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tracks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_track, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
