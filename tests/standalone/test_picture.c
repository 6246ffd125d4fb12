/* SPDX-License-Identifier: ISC */
/* Tests what bsm-separate --picture shows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake.h"
#include "picture.h"

enum { BLOCK = 1000 };

/* The leak sanitizer, if it is used, calls this: fontconfig keeps what it has read until the
 * process ends. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

/* A tone in one of the parts, from one time to another. */
typedef struct tone {
    double hertz, amplitude, from, to;
    bool instrumental;
} tone;

static bsm_error error;

/* Feed tones in a silence of `seconds`. */
static void feed(void *listener, bsm_listen_fn *listen, size_t rate, double seconds,
                 const tone *tones, size_t num_tones)
{
    static float audio[2][BLOCK];
    const float *vocals[2] = {audio[0], audio[0]}, *rest[2] = {audio[1], audio[1]};
    const size_t samples = (size_t)(seconds * (double)rate);
    for (size_t at = 0; at < samples; at += BLOCK) {
        const size_t count = samples - at < BLOCK ? samples - at : BLOCK;
        memset(audio, 0, sizeof audio);
        for (size_t n = 0; n < num_tones; n++) {
            for (size_t i = 0; i < count; i++) {
                const double t = (double)(at + i) / (double)rate;
                if (t >= tones[n].from && t < tones[n].to) {
                    audio[tones[n].instrumental][i] +=
                        (float)(tones[n].amplitude * sin(2 * M_PI * tones[n].hertz * t));
                }
            }
        }
        const bsm_separated_block block = {vocals, rest, 2, count, rate};
        listen(listener, &block);
    }
}

static void listen_with_spectrogram(void *listener, const bsm_separated_block *block)
{
    spectrogram_add(listener, block);
}

static spectrogram *make(size_t rate, double seconds, const tone *tones, size_t num_tones)
{
    spectrogram *s = NULL;
    assert_int_equal(spectrogram_new(rate, 2, &s, &error), BSM_OK);
    feed(s, listen_with_spectrogram, rate, seconds, tones, num_tones);
    spectrogram_finish(s);
    return s;
}

static size_t row_of(const spectrogram *s, double hertz)
{
    size_t row = 0;
    while (spectrogram_edge(s, row + 1) <= hertz) {
        row++;
    }
    assert_true(row < SPECTROGRAM_ROWS);
    return row;
}

static size_t loudest_row(const spectrogram *s, spectrogram_part part, double from, double to)
{
    size_t best = 0;
    for (size_t row = 1; row < SPECTROGRAM_ROWS; row++) {
        if (spectrogram_power(s, part, row, from, to) >
            spectrogram_power(s, part, best, from, to)) {
            best = row;
        }
    }
    return best;
}

static double decibels(double power)
{
    return power > 0 ? 10 * log10(power) : -400;
}

static void test_tones_are_where_they_sound(void **state)
{
    (void)state;
    const size_t rates[] = {44100, 8000, 192000, 11025};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        const tone tones[] = {{300, 0.5, 1, 2, false}, {2500, 0.25, 0, 4, true}};
        spectrogram *s = make(rates[r], 4, tones, 2);
        assert_true(fabs(spectrogram_seconds(s) - 4) < 1e-9);
        assert_int_equal(loudest_row(s, SPECTROGRAM_VOCALS, 1.2, 1.8), row_of(s, 300));
        assert_int_equal(loudest_row(s, SPECTROGRAM_INSTRUMENTAL, 0.2, 3.8), row_of(s, 2500));
        const size_t row = row_of(s, 300);
        const double loud = decibels(spectrogram_power(s, SPECTROGRAM_VOCALS, row, 1.2, 1.8));
        assert_true(loud > -9 && loud < -6); /* half of full scale, perhaps between two bins */
        assert_true(decibels(spectrogram_power(s, SPECTROGRAM_VOCALS, row, 2.3, 4)) < -100);
        assert_true(decibels(spectrogram_power(s, SPECTROGRAM_VOCALS, row, 0, 0.7)) < -100);
        /* the tones are far apart: both are added */
        for (size_t i = 0; i < SPECTROGRAM_ROWS; i++) {
            const double sum = spectrogram_power(s, SPECTROGRAM_VOCALS, i, 1.2, 1.8) +
                               spectrogram_power(s, SPECTROGRAM_INSTRUMENTAL, i, 1.2, 1.8);
            const double mixture = spectrogram_power(s, SPECTROGRAM_MIXTURE, i, 1.2, 1.8);
            assert_true(fabs(decibels(mixture + 1e-9) - decibels(sum + 1e-9)) < 3.1);
        }
        assert_true(spectrogram_power(s, SPECTROGRAM_MIXTURE, row, 5, 6) <= 0);
        spectrogram_free(s);
    }
}

static void test_parts_that_cancel(void **state)
{
    (void)state;
    const tone tones[] = {{1000, 0.5, 0, 1, false}, {1000, -0.5, 0, 1, true}};
    spectrogram *s = make(44100, 1, tones, 2);
    const size_t row = row_of(s, 1000);
    assert_true(decibels(spectrogram_power(s, SPECTROGRAM_VOCALS, row, 0, 1)) > -12);
    assert_true(decibels(spectrogram_power(s, SPECTROGRAM_MIXTURE, row, 0, 1)) < -100);
    spectrogram_free(s);
}

/* Columns are joined repeatedly, and what they show keeps its position. */
static void test_long_songs(void **state)
{
    (void)state;
    const double seconds = 3000;
    const tone tones[] = {{500, 0.5, 1000, 1100, false}, {1500, 0.5, 2950, seconds, true}};
    spectrogram *s = make(4000, seconds, tones, 2);
    const size_t low = row_of(s, 500), high = row_of(s, 1500);
    for (double t = 0; t < seconds; t += 10) {
        const double vocals = decibels(spectrogram_power(s, SPECTROGRAM_VOCALS, low, t, t + 10));
        const double rest = decibels(spectrogram_power(s, SPECTROGRAM_MIXTURE, high, t, t + 10));
        const bool at_edge = fabs(t - 990) < 1 || fabs(t - 1100) < 1 || fabs(t - 2940) < 1;
        if (!at_edge) {
            assert_true(t >= 1000 && t < 1100 ? vocals > -9 : vocals < -60);
            assert_true(t >= 2950 ? rest > -14 : rest < -60);
        }
    }
    spectrogram_free(s);
}

static void test_one_sample(void **state)
{
    (void)state;
    for (size_t rate = 1000; rate < 800000; rate *= 7) {
        spectrogram *s = NULL;
        const float sample = 1, *planes[1] = {&sample};
        const bsm_separated_block block = {planes, planes, 1, 1, rate};
        assert_int_equal(spectrogram_new(rate, 1, &s, &error), BSM_OK);
        spectrogram_add(s, &block);
        spectrogram_finish(s);
        assert_true(spectrogram_power(s, SPECTROGRAM_MIXTURE, 50, 0, spectrogram_seconds(s)) > 0);
        spectrogram_free(s);
    }
}

/* ---- The file ---- */

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    unsigned char *data = malloc(1 << 22);
    *size = fread(data, 1, 1 << 22, file);
    fclose(file);
    return data;
}

static uint32_t number_at(const unsigned char *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static void draw_song(const char *folder, const char *name)
{
    picture p;
    const tone tones[] = {{2000, 0.5, 5, 6, false}, {500, 0.5, 0, 10, true}};
    const bsm_separate_options options = {.output_dir = folder};
    if (picture_begin(&p, name, &options, &error)) {
        fail_msg("%s", error.message);
    }
    feed(&p, picture_listen, 44100, 10, tones, 2);
    if (picture_finish(&p, &error)) {
        fail_msg("%s", error.message);
    }
}

static void test_files(void **state)
{
    (void)state;
    static const char *const names[] = {"a/song.flac", "b/caf\xe9\xff\xc3\x28\xf0\x9f.ogg",
                                        "c/\xe2\x99\xab \x01\n.mp3", "d"};
    char *folder = fake_folder();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        draw_song(folder, names[i]);
        assert_int_equal(fake_count_files(folder, ".picture.png"), i + 1);
    }
    char path[BSM_MAX_PATH];
    snprintf(path, sizeof path, "%s/song.picture.png", folder);
    size_t size;
    unsigned char *data = read_file(path, &size);
    assert_memory_equal(data, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal(number_at(data + 16), DRAW_WIDTH);
    assert_int_equal(number_at(data + 20), DRAW_HEIGHT);
    assert_memory_equal(data + size - 8, "IEND", 4);
    free(data);
    picture p;
    bsm_separate_options options = {.output_dir = folder};
    assert_int_equal(picture_begin(&p, names[0], &options, &error), BSM_EXISTS);
    options.force = true;
    assert_int_equal(picture_begin(&p, names[0], &options, &error), BSM_OK);
    assert_int_equal(picture_finish(&p, &error), BSM_BAD_AUDIO);
    assert_int_equal(fake_count_files(folder, ""), sizeof names / sizeof names[0]);
    fake_folder_remove(folder);
}

static bsm_status refuse(void *user, const void *data, size_t size, bsm_error *e)
{
    (void)data;
    return ++*(size_t *)user + size > 0 ? bsm_fail(e, BSM_NO_SPACE, "full") : BSM_OK;
}

static void test_full_disk(void **state)
{
    (void)state;
    spectrogram *s = make(8000, 1, NULL, 0); /* silence */
    size_t calls = 0;
    assert_int_equal(draw_png(s, "song.wav", refuse, &calls, &error), BSM_NO_SPACE);
    assert_string_equal(error.message, "full");
    assert_int_equal(calls, 1);
    spectrogram_free(s);
}

#ifdef BSM_HAVE_CAIRO
#include <cairo.h>

/* Return the sum of a pixel's three colours. */
static int brightness(cairo_surface_t *surface, spectrogram_part part, double time, size_t row)
{
    const int x = DRAW_LEFT + (int)(DRAW_PANEL * time / 10);
    const int y = DRAW_TOP + DRAW_STEP * (int)part + SPECTROGRAM_ROWS - 1 - (int)row;
    const unsigned char *pixel = cairo_image_surface_get_data(surface) +
                                 (ptrdiff_t)y * cairo_image_surface_get_stride(surface) +
                                 (ptrdiff_t)4 * x;
    return pixel[0] + pixel[1] + pixel[2];
}

static void test_bright_where_it_is_loud(void **state)
{
    (void)state;
    char *folder = fake_folder(), path[BSM_MAX_PATH];
    draw_song(folder, "song.wav");
    snprintf(path, sizeof path, "%s/song.picture.png", folder);
    cairo_surface_t *surface = cairo_image_surface_create_from_png(path);
    assert_int_equal(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS);
    spectrogram *s = make(44100, 1, NULL, 0);
    const size_t high = row_of(s, 2000), low = row_of(s, 500);
    const struct {
        spectrogram_part part;
        double time;
        size_t row;
        bool bright;
    } places[] = {
        {SPECTROGRAM_VOCALS, 5.5, high, true},   {SPECTROGRAM_MIXTURE, 5.5, high, true},
        {SPECTROGRAM_VOCALS, 4.5, high, false},  {SPECTROGRAM_INSTRUMENTAL, 5.5, high, false},
        {SPECTROGRAM_MIXTURE, 6.5, high, false}, {SPECTROGRAM_INSTRUMENTAL, 8, low, true},
        {SPECTROGRAM_MIXTURE, 2, low, true},     {SPECTROGRAM_VOCALS, 2, low, false},
        {SPECTROGRAM_MIXTURE, 2, 150, false},
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const int value = brightness(surface, places[i].part, places[i].time, places[i].row);
        if (places[i].bright ? value < 450 : value > 60) {
            fail_msg("place %zu: %d", i, value);
        }
    }
    spectrogram_free(s);
    cairo_surface_destroy(surface);
    fake_folder_remove(folder);
}
#endif

int main(void)
{
    const struct CMUnitTest numbers[] = {
        cmocka_unit_test(test_tones_are_where_they_sound),
        cmocka_unit_test(test_parts_that_cancel),
        cmocka_unit_test(test_long_songs),
        cmocka_unit_test(test_one_sample),
    };
    int failed = cmocka_run_group_tests(numbers, NULL, NULL);
    if (draw_supported(&error)) {
        return failed;
    }
    const struct CMUnitTest pictures[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_full_disk),
#ifdef BSM_HAVE_CAIRO
        cmocka_unit_test(test_bright_where_it_is_loud),
#endif
    };
    return failed + cmocka_run_group_tests(pictures, NULL, NULL);
}
