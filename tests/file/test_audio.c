/* SPDX-License-Identifier: ISC */
/* Tests reading and writing audio files: their contents, and what happens when something is
 * wrong. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake.h"
#include "file/audio_reader.h"
#include "file/audio_writer.h"
#include "noise.h"
#include "signal/signal.h"
#include "test_folder.h"

enum { FRAMES = 10000 };

/* ---- Reading ---- */

static bsm_status open_status(const char *name, const char *expected)
{
    bsm_audio_reader *reader = NULL;
    bsm_error error = {0};
    bsm_status status = bsm_audio_reader_open(in_folder(name), &reader, &error);
    assert_null(reader);
    if (!strstr(error.message, expected) || !strstr(error.message, name)) {
        fail_msg("unexpected message: %s", error.message);
    }
    return status;
}

static void test_unusable_files(void **state)
{
    (void)state;
    static float silence[12 * 10];
    assert_int_equal(open_status("none.wav", "No such file"), BSM_NOT_FOUND);
    write_bytes("empty.wav", "", 0);
    assert_int_equal(open_status("empty.wav", "the file is empty"), BSM_BAD_AUDIO);
    write_bytes("text.wav", "This is no audio file.\n", 23);
    assert_int_equal(open_status("text.wav", "not an audio file"), BSM_BAD_AUDIO);
    write_bytes("text.mp3", "This is no audio file.\n", 23);
    assert_int_equal(open_status("text.mp3", "not an audio file"), BSM_BAD_AUDIO);
    fake_write(in_folder("many.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 12, silence, 10);
    assert_int_equal(open_status("many.wav", "has 12 channels"), BSM_BAD_AUDIO);
    fake_write(in_folder("zero.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 44100, 2, silence, 0);
    assert_int_equal(open_status("zero.wav", "holds no samples"), BSM_BAD_AUDIO);
    fake_write(in_folder("slow.wav"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, 10, 2, silence, 10);
    assert_int_equal(open_status("slow.wav", "sample rate of 10 Hz"), BSM_BAD_AUDIO);
    assert_int_equal(mkdir(in_folder("folder.wav"), 0755), 0);
    assert_int_equal(open_status("folder.wav", "is a folder"), BSM_BAD_AUDIO);
    rmdir(in_folder("folder.wav"));
    /* opening it must not wait for a writer */
    assert_int_equal(mkfifo(in_folder("pipe.wav"), 0644), 0);
    assert_int_equal(open_status("pipe.wav", "not a regular file"), BSM_BAD_AUDIO);
    bsm_audio_reader_free(NULL);
}

static size_t read_all(bsm_audio_reader *reader, float *left, float *right, size_t block)
{
    size_t total = 0, got = block;
    while (got == block) {
        float *at[] = {left + total, right + total};
        assert_int_equal(bsm_audio_reader_read(reader, at, block, &got, NULL), BSM_OK);
        total += got;
    }
    return total;
}

static void test_nonfinite_samples_are_zero(void **state)
{
    (void)state;
    float samples[] = {0.5F, NAN, INFINITY, 0.25F, -INFINITY, -0.5F, 3.0F, 1.0F};
    const float expected[2][4] = {{0.5F, 0, 0, 3.0F}, {0, 0.25F, -0.5F, 1.0F}};
    fake_write(in_folder("nan.wav"), SF_FORMAT_WAV | SF_FORMAT_FLOAT, 44100, 2, samples, 4);
    bsm_audio_reader *reader;
    assert_int_equal(bsm_audio_reader_open(path, &reader, NULL), BSM_OK);
    float left[10], right[10];
    assert_int_equal(read_all(reader, left, right, 3), 4);
    assert_memory_equal(left, expected[0], sizeof expected[0]);
    assert_memory_equal(right, expected[1], sizeof expected[1]);
    assert_int_equal(bsm_audio_reader_info(reader)->nonfinite, 3);
    bsm_audio_reader_free(reader);
}

/* Of a file that was cut off, everything that is left can be read. */
static void test_truncated_file(void **state)
{
    (void)state;
    uint64_t seed = 1;
    static float noise[2 * 50000], left[60000], right[60000];
    noise_fill(&seed, noise, 2 * 50000);
    fake_write(in_folder("cut.flac"), SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 44100, 2, noise, 50000);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size / 2), 0);
    bsm_audio_reader *reader;
    assert_int_equal(bsm_audio_reader_open(path, &reader, NULL), BSM_OK);
    assert_int_equal(bsm_audio_reader_info(reader)->frames, 50000);
    size_t total = read_all(reader, left, right, 5000);
    assert_in_range(total, 15000, 30000);
    for (size_t i = 0; i < total; i++) {
        assert_true(fabsf(left[i] - noise[2 * i]) < 1e-4F);
    }
    bsm_audio_reader_free(reader);
}

/* ---- Writing ---- */

static bsm_audio_format format_of(bsm_file_format format, int bits, size_t channels)
{
    return (bsm_audio_format){format, bits, 48000, channels, FRAMES, 0, NULL};
}

static void write_file(const char *name, const bsm_audio_format *format, float *const *audio)
{
    bsm_audio_writer *writer;
    assert_int_equal(bsm_audio_writer_new(in_folder(name), format, false, &writer, NULL), BSM_OK);
    assert_int_equal(bsm_audio_writer_write(writer, audio, FRAMES, NULL), BSM_OK);
    assert_int_equal(access(path, F_OK), -1); /* it must not exist before it is complete */
    assert_int_equal(bsm_audio_writer_finish(writer, NULL), BSM_OK);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(bsm_audio_writer_publish(writer, NULL), BSM_OK);
    bsm_audio_writer_free(writer);
    assert_int_equal(fake_count_files(folder, ".part"), 0);
}

/* Check that `expected` samples come back with an error of at most `precision`. */
static void check_file(int format, float *const *expected, size_t channels, double precision)
{
    fake_audio file = fake_read(path);
    assert_int_equal(file.format & ~SF_FORMAT_ENDMASK, format);
    assert_int_equal(file.rate, 48000);
    assert_int_equal(file.channels, channels);
    assert_int_equal(file.frames, FRAMES);
    for (size_t i = 0; i < FRAMES * channels; i++) {
        double error = fabs((double)file.samples[i] - (double)expected[i % channels][i / channels]);
        if (!(error <= precision)) {
            fail_msg("%s: sample %zu is off by %g", path, i, error);
        }
    }
    free(file.samples);
}

static void test_formats_hold_the_samples(void **state)
{
    (void)state;
    fake_signal noise = fake_noise(2, FRAMES, 2);
    for (size_t channels = 1; channels <= 2; channels++) {
        const struct {
            bsm_file_format format;
            int bits, expected;
            double precision;
        } cases[] = {
            {BSM_FILE_WAV, 32, SF_FORMAT_WAV | SF_FORMAT_FLOAT, 0},
            {BSM_FILE_WAV, 24, SF_FORMAT_WAV | SF_FORMAT_PCM_24, 0x1p-24 + 1e-9},
            {BSM_FILE_WAV, 16, SF_FORMAT_WAV | SF_FORMAT_PCM_16, 0x1p-16 + 1e-9},
            {BSM_FILE_FLAC, 24, SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 0x1p-24 + 1e-9},
            {BSM_FILE_FLAC, 16, SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 0x1p-16 + 1e-9},
        };
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            char name[32];
            snprintf(name, sizeof name, "%zu-%zu", channels, i);
            bsm_audio_format format = format_of(cases[i].format, cases[i].bits, channels);
            for (size_t t = 0; t < FRAMES; t++) { /* at levels that integers do not clip */
                noise.audio[0][t] *= 0.99F;
                noise.audio[1][t] *= 0.99F;
            }
            write_file(name, &format, noise.audio);
            check_file(cases[i].expected, noise.audio, channels, cases[i].precision);
        }
    }
    fake_signal_clear(&noise);
}

static void test_vorbis_is_about_the_samples(void **state)
{
    (void)state;
    float *tone[] = {malloc(FRAMES * sizeof(float))};
    for (size_t i = 0; i < FRAMES; i++) {
        tone[0][i] = 0.5F * sinf((float)i * 0.05F);
    }
    bsm_audio_format format = format_of(BSM_FILE_OGG, 0, 1);
    write_file("tone.ogg", &format, tone);
    check_file(SF_FORMAT_OGG | SF_FORMAT_VORBIS, tone, 1, 0.1);
    free(tone[0]);
}

static void test_clipping_is_counted(void **state)
{
    (void)state;
    float samples[] = {1.0F, -1.0F, 1.5F, -1.5F, 0.99999F, 32767.4F / 32768, 0},
          *audio[] = {samples};
    const float expected[] = {32767.0F / 32768, -1, 32767.0F / 32768, -1, 32767.0F / 32768,
                              32767.0F / 32768, 0};
    bsm_audio_format format = format_of(BSM_FILE_WAV, 16, 1);
    bsm_audio_writer *writer;
    assert_int_equal(bsm_audio_writer_new(in_folder("clip"), &format, false, &writer, NULL),
                     BSM_OK);
    assert_int_equal(bsm_audio_writer_write(writer, audio, 7, NULL), BSM_OK);
    assert_int_equal(bsm_audio_writer_clipped(writer), 4);
    bsm_audio_writer_round(writer, audio, 7);
    assert_memory_equal(samples, expected, sizeof expected);
    bsm_audio_writer_free(writer);
    assert_int_equal(fake_count_files(folder, ""), 0);
}

static void test_integers_pass_unchanged(void **state)
{
    (void)state;
    for (int bits = 16; bits <= 24; bits += 8) {
        fake_signal noise = fake_noise(2, FRAMES, (uint64_t)bits);
        bsm_audio_format format = format_of(BSM_FILE_FLAC, bits, 2);
        bsm_audio_writer *writer;
        assert_int_equal(bsm_audio_writer_new(in_folder("any"), &format, false, &writer, NULL),
                         BSM_OK);
        bsm_audio_writer_round(writer, noise.audio, FRAMES);
        bsm_audio_writer_free(writer);
        write_file(bits == 16 ? "16" : "24", &format, noise.audio);
        check_file(SF_FORMAT_FLAC | (bits == 16 ? SF_FORMAT_PCM_16 : SF_FORMAT_PCM_24), noise.audio,
                   2, 0);
        fake_signal_clear(&noise);
    }
}

static void test_equal_sounds_are_equal_files(void **state)
{
    (void)state;
    fake_signal noise = fake_noise(1, FRAMES, 3);
    bsm_audio_format format = format_of(BSM_FILE_WAV, 32, 1);
    write_file("first", &format, noise.audio);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_in_range(status.st_size, FRAMES * 4, FRAMES * 4 + 100); /* no chunk with a date */
    fake_signal_clear(&noise);
}

/* If more than 4 GB are announced, the header has room for RF64, and becomes plain WAV if they do
 * not come. */
static void test_long_files_are_rf64(void **state)
{
    (void)state;
    fake_signal noise = fake_noise(1, FRAMES, 3);
    bsm_audio_format format = format_of(BSM_FILE_WAV, 32, 1);
    format.frames = (uint64_t)1 << 31;
    bsm_audio_writer *writer;
    assert_int_equal(bsm_audio_writer_new(in_folder("long"), &format, true, &writer, NULL), BSM_OK);
    assert_int_equal(bsm_audio_writer_write(writer, noise.audio, FRAMES, NULL), BSM_OK);
    char part[BSM_MAX_PATH + 64], chunk[5] = {0};
    snprintf(part, sizeof part, "%s/bsm-%ld-0.part", folder, (long)getpid());
    FILE *file = fopen(part, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 12, SEEK_SET), 0);
    assert_int_equal(fread(chunk, 1, 4, file), 4);
    fclose(file);
    assert_string_equal(chunk, "JUNK");
    assert_int_equal(bsm_audio_writer_finish(writer, NULL), BSM_OK);
    assert_int_equal(bsm_audio_writer_publish(writer, NULL), BSM_OK);
    bsm_audio_writer_free(writer);
    fake_audio audio = fake_read(in_folder("long"));
    assert_int_equal(audio.frames, FRAMES);
    assert_memory_equal(audio.samples, noise.audio[0], FRAMES * sizeof(float));
    free(audio.samples);
    fake_signal_clear(&noise);
}

/* Let the disk be full after various numbers of bytes: the result is always an error and never a
 * file. */
static void test_full_disk(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    fake_signal noise = fake_noise(2, FRAMES, 4);
    const bsm_audio_format formats[] = {format_of(BSM_FILE_WAV, 32, 2),
                                        format_of(BSM_FILE_FLAC, 16, 2),
                                        format_of(BSM_FILE_OGG, 0, 2)};
#if defined(__SANITIZE_ADDRESS__)
    enum { CASES = 2 }; /* libsndfile 1.2 leaks a Vorbis encoder that could not write */
#else
    enum { CASES = 3 };
#endif
    for (size_t i = 0; i < CASES; i++) {
        write_file("whole", &formats[i], noise.audio);
        struct stat whole;
        assert_int_equal(stat(path, &whole), 0);
        unlink(path);
        const off_t room[] = {0, 10, 1000, whole.st_size / 2, whole.st_size - 1};
        for (size_t j = 0; j < 5; j++) {
            limit = before;
            limit.rlim_cur = (rlim_t)room[j] - (i == 2 && j == 4 ? 200 : 0); /* varies a little */
            assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
            bsm_audio_writer *writer = NULL;
            bsm_error error = {0};
            bsm_status status =
                bsm_audio_writer_new(in_folder("full"), &formats[i], false, &writer, &error);
            if (!status) {
                status = bsm_audio_writer_write(writer, noise.audio, FRAMES, &error);
            }
            if (!status) {
                status = bsm_audio_writer_finish(writer, &error);
            }
            bsm_audio_writer_free(writer);
            setrlimit(RLIMIT_FSIZE, &before);
            if (status != BSM_NO_SPACE) {
                fail_msg("format %zu, room %ld: status %d", i, (long)room[j], status);
            }
            assert_non_null(strstr(error.message, "full: cannot write"));
            assert_int_equal(fake_count_files(folder, ""), 0);
        }
    }
    fake_signal_clear(&noise);
}

static void test_existing_files_and_bad_places(void **state)
{
    (void)state;
    bsm_audio_format format = format_of(BSM_FILE_WAV, 32, 1);
    bsm_audio_writer *writer;
    bsm_error error = {0};
    write_bytes("there.wav", "old", 3);
    assert_int_equal(bsm_audio_writer_new(path, &format, false, &writer, &error), BSM_EXISTS);
    assert_non_null(strstr(error.message, "there.wav: exists already"));
    assert_int_equal(bsm_audio_writer_new(path, &format, true, &writer, NULL), BSM_OK);
    bsm_audio_writer_free(writer); /* not published, so the old file stays */
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 3);
    assert_int_equal(
        bsm_audio_writer_new(in_folder("no/such.wav"), &format, false, &writer, &error),
        BSM_NOT_FOUND);
    format.rate = 700000;
    for (int flac = 0; flac < 2; flac++) {
        format.format = flac ? BSM_FILE_FLAC : BSM_FILE_OGG;
        format.bits = 16;
        assert_int_equal(
            bsm_audio_writer_new(in_folder("fast.ogg"), &format, false, &writer, &error),
            BSM_UNSUPPORTED);
        assert_non_null(strstr(error.message, "700000 Hz"));
    }
    assert_int_equal(fake_count_files(folder, ".part"), 0);
    bsm_audio_writer_free(NULL);
}

/* ---- The queue ---- */

static void test_queue(void **state)
{
    (void)state;
    enum { TOTAL = 300000 };
    fake_signal noise = fake_noise(2, TOTAL, 6);
    static float left[20000], right[20000];
    float *out[] = {left, right};
    uint64_t seed = 7;
    bsm_sample_queue queue;
    bsm_sample_queue_init(&queue, 2);
    size_t in = 0, taken = 0;
    while (taken < TOTAL) {
        size_t count = noise_size(&seed, 0, 20000);
        count = count < TOTAL - in ? count : TOTAL - in;
        const float *at[] = {noise.audio[0] + in, noise.audio[1] + in};
        assert_int_equal(bsm_sample_queue_push(&queue, at, count, NULL), BSM_OK);
        in += count;
        size_t got = bsm_sample_queue_pop(&queue, out, noise_size(&seed, 1, 20000));
        assert_true(got <= in - taken);
        assert_memory_equal(left, noise.audio[0] + taken, got * sizeof(float));
        assert_memory_equal(right, noise.audio[1] + taken, got * sizeof(float));
        taken += got;
    }
    assert_int_equal(bsm_sample_queue_pop(&queue, out, 1), 0);
    bsm_sample_queue_clear(&queue);
    fake_signal_clear(&noise);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up_folder, tear_down_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_unusable_files),
        IN_FOLDER(test_nonfinite_samples_are_zero),
        IN_FOLDER(test_truncated_file),
        IN_FOLDER(test_formats_hold_the_samples),
        IN_FOLDER(test_vorbis_is_about_the_samples),
        IN_FOLDER(test_clipping_is_counted),
        IN_FOLDER(test_integers_pass_unchanged),
        IN_FOLDER(test_equal_sounds_are_equal_files),
        IN_FOLDER(test_long_files_are_rf64),
        IN_FOLDER(test_full_disk),
        IN_FOLDER(test_existing_files_and_bad_places),
        cmocka_unit_test(test_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
