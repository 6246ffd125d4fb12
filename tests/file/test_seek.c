/* SPDX-License-Identifier: ISC */
/* Tests reading an audio file from any sample on. */
#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"
#include "file/audio_reader.h"
#include "noise.h"

enum { FRAMES = 200000, PIECE = 3000, RATE = 48000 };

/* Two tones with some noise, which also survive a lossy codec. */
static float *new_sound(void)
{
    float *sound = calloc(2 * FRAMES, sizeof *sound);
    assert_non_null(sound);
    uint64_t seed = 3;
    for (size_t i = 0; i < 2 * FRAMES; i++) {
        const float t = (float)(i / 2) / RATE;
        sound[i] = 0.3F * sinf((i % 2 ? 900.0F : 500.0F) * 6.2832F * t) + 0.1F * noise_float(&seed);
    }
    return sound;
}

static void read_piece(bsm_audio_reader *reader, uint64_t frame, float piece[2][PIECE])
{
    float *audio[] = {piece[0], piece[1]};
    size_t got;
    assert_int_equal(bsm_audio_reader_seek(reader, frame, NULL), BSM_OK);
    assert_int_equal(bsm_audio_reader_read(reader, audio, PIECE, &got, NULL), BSM_OK);
    assert_int_equal(got, PIECE);
}

/* Check that reading from a position gives what reading from the start gives, within `precision`,
 * and the same bits each time, wherever the reader was before. */
static void check_format(const char *path, double precision)
{
    static float whole[2][FRAMES], piece[2][PIECE], again[2][PIECE];
    bsm_audio_reader *reader, *other;
    float *audio[] = {whole[0], whole[1]};
    size_t frames, got;
    uint64_t seed = 9;
    assert_int_equal(bsm_audio_reader_open(path, &reader, NULL), BSM_OK);
    assert_int_equal(bsm_audio_reader_open(path, &other, NULL), BSM_OK);
    assert_int_equal(bsm_audio_reader_read(reader, audio, FRAMES, &frames, NULL), BSM_OK);
    assert_true(frames > FRAMES * 9 / 10);
    for (size_t k = 0; k < 40; k++) {
        const size_t frame = k ? noise_size(&seed, 0, frames - PIECE) : 0;
        read_piece(reader, frame, piece);
        read_piece(other, frame, again);
        assert_memory_equal(piece, again, sizeof piece);
        read_piece(other, noise_size(&seed, 0, frames - PIECE), again);
        for (size_t i = 0; i < 2 * PIECE; i++) {
            const float expected = whole[i / PIECE][frame + i % PIECE];
            const double off = fabs((double)(piece[i / PIECE][i % PIECE] - expected));
            if (off > precision) {
                fail_msg("%s: sample %zu after %zu is off by %g", path, i % PIECE, frame, off);
            }
        }
    }
    const uint64_t end = bsm_audio_reader_info(reader)->frames;
    assert_int_equal(bsm_audio_reader_seek(reader, end, NULL), BSM_OK);
    assert_int_equal(bsm_audio_reader_read(reader, audio, PIECE, &got, NULL), BSM_OK);
    assert_int_equal(got, 0);
    bsm_error error = {0};
    assert_int_equal(bsm_audio_reader_seek(reader, end + 1, &error), BSM_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "has no sample"));
    bsm_audio_reader_free(reader);
    bsm_audio_reader_free(other);
}

static void test_formats(void **state)
{
    (void)state;
    const struct {
        const char *name;
        int format;
        double precision;
    } cases[] = {
        {"a.wav", SF_FORMAT_WAV | SF_FORMAT_PCM_16, 0},
        {"a.flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 0},
        {"a.ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS, 0},
        {"a.opus", SF_FORMAT_OGG | SF_FORMAT_OPUS, 1e-6},
        {"a.mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III, 1e-6},
    };
    char *folder = fake_folder();
    float *sound = new_sound();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        SF_INFO info = {.samplerate = RATE, .channels = 2, .format = cases[i].format};
        if (!sf_format_check(&info)) { /* libsndfile was built without this codec */
            print_message("%s: not supported by libsndfile here\n", cases[i].name);
            continue;
        }
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, cases[i].name);
        SNDFILE *file = sf_open(path, SFM_WRITE, &info);
        assert_non_null(file);
        for (size_t at = 0; at < FRAMES; at += 10000) { /* the Vorbis encoder needs small pieces */
            assert_int_equal(sf_writef_float(file, sound + 2 * at, 10000), 10000);
        }
        assert_int_equal(sf_close(file), 0);
        check_format(path, cases[i].precision);
    }
    free(sound);
    fake_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_formats)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
