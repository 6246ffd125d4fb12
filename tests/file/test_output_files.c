/* SPDX-License-Identifier: ISC */
/* Tests the files that a separation writes: their names, and that either all of them appear or
 * none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake.h"
#include "file/output_files.h"
#include "test_folder.h"

enum { FRAMES = 10000 };

static const bsm_audio_format one_channel = {
    .format = BSM_FILE_WAV, .bits = 32, .rate = 48000, .channels = 1, .frames = FRAMES};

static void check_path(const char *input, const char *to, const char *expected)
{
    char out[BSM_MAX_PATH];
    const bsm_separate_options options = {.output_dir = to};
    assert_int_equal(bsm_separate_name(input, &options, "vocals", "flac", out, NULL), BSM_OK);
    assert_string_equal(out, expected);
}

static void test_output_paths(void **state)
{
    (void)state;
    check_path("song.wav", NULL, "song.vocals.flac");
    check_path("a/b/song.tar.mp3", NULL, "a/b/song.tar.vocals.flac");
    check_path("/song", NULL, "/song.vocals.flac");
    check_path("a.b/song", "out", "out/song.vocals.flac");
    check_path("a/.hidden", "out/", "out/.hidden.vocals.flac");
    check_path("song.wav", "", "song.vocals.flac");
    static char input[BSM_MAX_PATH], out[BSM_MAX_PATH];
    memset(input, 'x', sizeof input - 10);
    const bsm_separate_options plain = {0};
    bsm_error error;
    assert_int_equal(bsm_separate_name(input, &plain, "vocals", "wav", out, &error),
                     BSM_INVALID_ARGUMENT);
    const bsm_separate_options named = {.output_dir = "o", .name = "{stem} of {name}{x}"};
    assert_int_equal(bsm_separate_name("a/b.c.wav", &named, "vocals", "mp3", out, NULL), BSM_OK);
    assert_string_equal(out, "o/vocals of b.c{x}.mp3");
}

static void check_plan(const bsm_config *config, const bsm_separate_options *options,
                       const char *const *names, size_t count)
{
    bsm_separate_result result;
    assert_int_equal(bsm_separate_outputs(config, "a.wav", options, &result, NULL), BSM_OK);
    assert_int_equal(result.num_outputs, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(result.outputs[i], names[i]);
    }
    bsm_separate_result_free(&result);
}

static void test_which_outputs(void **state)
{
    (void)state;
    const bsm_config config = {.num_stems = 3, .stems = {"instrumental", "vocals", "bass"}};
    bsm_separate_options options = {.format = BSM_FILE_MP3};
    check_plan(&config, &options, (const char *[]){"a.vocals.mp3", "a.instrumental.mp3"}, 2);
    options.only = BSM_ONLY_VOCALS;
    check_plan(&config, &options, (const char *[]){"a.vocals.mp3"}, 1);
    options.only = BSM_ONLY_INSTRUMENTAL;
    check_plan(&config, &options, (const char *[]){"a.instrumental.mp3"}, 1);
    options = (bsm_separate_options){.format = BSM_FILE_OPUS, .all_stems = true};
    check_plan(&config, &options,
               (const char *[]){"a.vocals.opus", "a.instrumental.opus", "a.instrumental-stem.opus",
                                "a.bass.opus"},
               4);
}

/* Two files are ready, but the second file's name has been taken meanwhile: neither appears. */
static void test_publish_all_or_none(void **state)
{
    (void)state;
    fake_signal noise = fake_noise(1, FRAMES, 5);
    static bsm_output_files files;
    for (int i = 0; i < 2; i++) {
        snprintf(files.paths[i], sizeof files.paths[i], "%s", in_folder(i ? "x.b.wav" : "x.a.wav"));
        assert_int_equal(bsm_output_files_add(&files, &one_channel, NULL), BSM_OK);
        assert_int_equal(bsm_audio_writer_write(files.writers[i], noise.audio, FRAMES, NULL),
                         BSM_OK);
    }
    write_bytes("x.b.wav", "other", 5);
    bsm_error error;
    assert_int_equal(bsm_output_files_publish(&files, &error), BSM_EXISTS);
    bsm_output_files_clear(&files);
    assert_int_equal(fake_count_files(folder, ""), 1);
    fake_signal_clear(&noise);
}

/* The n-th fsync fails, as if a disk broke or a server went away; 0: none fails. */
static int failing_fsync;

int fsync(int fd)
{
    if (failing_fsync && --failing_fsync == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* No old file is replaced unless all new ones are on the disk. */
static void test_old_files_survive_a_failing_disk(void **state)
{
    (void)state;
    fake_signal noise = fake_noise(1, FRAMES, 6);
    static bsm_output_files files;
    for (int failing = 1; failing <= 2; failing++) {
        files = (bsm_output_files){.force = true};
        for (int i = 0; i < 2; i++) {
            write_bytes(i ? "x.b.wav" : "x.a.wav", "old", 3);
            snprintf(files.paths[i], sizeof files.paths[i], "%s", path);
            assert_int_equal(bsm_output_files_add(&files, &one_channel, NULL), BSM_OK);
            assert_int_equal(bsm_audio_writer_write(files.writers[i], noise.audio, FRAMES, NULL),
                             BSM_OK);
        }
        bsm_error error;
        failing_fsync = failing;
        assert_int_equal(bsm_output_files_publish(&files, &error), BSM_IO);
        assert_int_equal(failing_fsync, 0);
        assert_non_null(strstr(error.message, files.paths[failing - 1]));
        bsm_output_files_clear(&files);
        assert_int_equal(fake_count_files(folder, ""), 2);
        for (int i = 0; i < 2; i++) {
            struct stat status;
            assert_int_equal(stat(in_folder(i ? "x.b.wav" : "x.a.wav"), &status), 0);
            assert_int_equal(status.st_size, 3);
        }
    }
    fake_signal_clear(&noise);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up_folder, tear_down_folder)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_paths),
        cmocka_unit_test(test_which_outputs),
        IN_FOLDER(test_publish_all_or_none),
        IN_FOLDER(test_old_files_survive_a_failing_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
