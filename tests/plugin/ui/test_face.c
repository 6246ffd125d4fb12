/* SPDX-License-Identifier: ISC */
/* Tests the window's state, layout and picture without an X server. If $BSM_KEEP_PICTURES is a
 * folder, the pictures are written there instead of being compared. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <X11/keysym.h>

#include "compare.h"
#include "draw.h"
#include "states.h"
#include "window.h"

static bsm_face *new_face(bool stems)
{
    bsm_face *face = malloc(sizeof *face);
    assert_non_null(face);
    bsm_face_init(face, stems);
    return face;
}

static void free_face(bsm_face *face)
{
    bsm_face_free(face);
    free(face);
}

/* ---- Pictures ---- */

static const double scales[] = {1, 1.5, 2};

/* The larger scales are drawn in a window of the smallest size, where there is little room. */
static void check_picture(const window_state *state, double scale)
{
    const char *keep = getenv("BSM_KEEP_PICTURES"), *kept = getenv("BSM_UI_PICTURES");
    char path[512];
    bsm_face *face = new_face(state->stems);
    state->make(face);
    const double width = scale > 1 ? BSM_MIN_WIDTH : BSM_START_WIDTH;
    const double height = scale > 1 ? BSM_MIN_HEIGHT : BSM_START_HEIGHT;
    cairo_surface_t *now = picture_of(face, scale, width, height);
    free_face(face);
    snprintf(path, sizeof path, "%s/%s-%g.png", keep ? keep : kept, state->name, scale);
    if (keep) {
        assert_int_equal(cairo_surface_write_to_png(now, path), CAIRO_STATUS_SUCCESS);
        cairo_surface_destroy(now);
        return;
    }
    cairo_surface_t *then = cairo_image_surface_create_from_png(path);
    assert_int_equal(cairo_surface_status(then), CAIRO_STATUS_SUCCESS);
    const double unlike = difference_of(now, then);
    print_message("%s at %g: %.2f %% unlike\n", state->name, scale, 100 * unlike);
    assert_true(unlike < 0.01);
}

static void test_pictures_are_as_they_were_seen(void **unused)
{
    (void)unused;
    for (size_t s = 0; s < WINDOW_STATES; s++) {
        for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
            check_picture(&window_states[s], scales[k]);
        }
    }
}

/* Text that cannot be drawn does not prevent the rest from being drawn. */
static void test_names_that_are_no_text(void **unused)
{
    (void)unused;
    bsm_face *face = new_face(false), *plain = new_face(false);
    bsm_face_set_status(face, "failed: \xff\xfe\x01 \xc3");
    bsm_face_set_status(plain, "failed: ??? ?.");
    assert_true(difference_of(picture_of(face, 1, 600, 400), picture_of(plain, 1, 600, 400)) == 0);
    free_face(face);
    free_face(plain);
}

/* Return the relative luminance as defined by WCAG 2.1. */
static double luminance(bsm_ink ink)
{
    static const double weights[] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int c = 0; c < 3; c++) {
        const double v = bsm_inks[ink][c] / 255.0;
        sum += weights[c] * (v <= 0.03928 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static void test_words_have_contrast(void **unused)
{
    (void)unused;
    static const bsm_ink words[] = {BSM_INK_TEXT, BSM_INK_DIM,  BSM_INK_VOCALS, BSM_INK_REST,
                                    BSM_INK_GOOD, BSM_INK_BUSY, BSM_INK_BAD};
    static const bsm_ink grounds[] = {BSM_INK_GROUND, BSM_INK_PANEL, BSM_INK_CONTROL,
                                      BSM_INK_TRACK};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++) {
        for (size_t g = 0; g < sizeof grounds / sizeof *grounds; g++) {
            assert_true((luminance(words[w]) + 0.05) / (luminance(grounds[g]) + 0.05) >= 4.5);
        }
        assert_true((luminance(words[w]) + 0.05) / (luminance(BSM_INK_DARK) + 0.05) >= 4.5);
    }
    assert_true((luminance(BSM_INK_DIM) + 0.05) / (luminance(BSM_INK_HOT) + 0.05) >= 4.5);
}

/* ---- Layout ---- */

static bool apart(bsm_box a, bsm_box b)
{
    return a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
}

static void check_layout(const bsm_face *face, double width, double height)
{
    bsm_layout l;
    bsm_lay_out(face, width, height, &l);
    const bsm_box boxes[] = {l.title,     l.model,    l.bypass,   l.heading[0], l.heading[1],
                             l.scale[0],  l.scale[1], l.fader[0], l.fader[1],   l.meters[0],
                             l.meters[1], l.value[0], l.value[1], l.mute[0],    l.mute[1],
                             l.solo[0],   l.solo[1],  l.right,    l.latency,    l.load,
                             l.misses,    l.more};
    enum { COUNT = sizeof boxes / sizeof *boxes };
    for (size_t a = 0; a < COUNT; a++) {
        assert_true(boxes[a].w >= 20 && boxes[a].h >= 14);
        assert_true(boxes[a].x >= 0 && boxes[a].x + boxes[a].w <= width);
        assert_true(boxes[a].y >= 0 && boxes[a].y + boxes[a].h <= height);
        for (size_t b = 0; b < a; b++) {
            assert_true(apart(boxes[a], boxes[b]));
        }
    }
    for (int s = 0; face->popup == BSM_POPUP_MORE && s < BSM_SETTINGS; s++) {
        const bsm_box last = bsm_choice_box(&l, s, bsm_num_choices(s) - 1);
        const bsm_box setting = bsm_setting_box(&l, s);
        assert_true(last.x + last.w <= l.popup.x + l.popup.w);
        assert_true(setting.y + setting.h <= l.popup.y + l.popup.h + 4);
    }
}

static void test_nothing_overlaps(void **unused)
{
    (void)unused;
    static const double sizes[][2] = {{480, 300}, {760, 440}, {480, 900}, {1600, 300}, {1000, 620}};
    bsm_face *face = new_face(true);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int popup = BSM_POPUP_NONE; popup <= BSM_POPUP_MORE; popup++) {
            face->popup = (bsm_popup_kind)popup;
            check_layout(face, sizes[s][0], sizes[s][1]);
        }
    }
    assert_true(bsm_unit(480, 300, 1) == 1 && bsm_unit(960, 600, 2) == 2);
    assert_true(bsm_unit(760, 440, 1) == 1);
    assert_true(bsm_unit(3840, 2160, 1) > 3);  /* large enough to be read from afar */
    assert_true(bsm_unit(240, 150, 1) == 0.5); /* smaller than requested, but complete */
    free_face(face);
}

static void test_faders_and_gains(void **unused)
{
    (void)unused;
    for (double db = -60; db <= 12; db += 0.5) {
        assert_true(fabs(bsm_fader_db(bsm_fader_place(db)) - db) < 1e-9);
    }
    assert_true(bsm_fader_place(-60) == 0 && bsm_fader_place(12) == 1);
}

/* ---- When there is something to draw ---- */

static void test_nothing_new_is_not_drawn(void **unused)
{
    (void)unused;
    static const bsm_scene silence = {.rate = 48000};
    bsm_face *face = new_face(false);
    bsm_face_set_status(face, "ready: it");
    bsm_face_tick(face, 100);
    bsm_face_set_scene(face, &silence);
    face->dirty = 0;
    for (int t = 1; t < 100; t++) {
        bsm_face_tick(face, 100 + 0.05 * t);
        bsm_face_set_scene(face, &silence);
        bsm_face_set_status(face, "ready: it");
        bsm_face_set_control(face, BSM_PORT_LOAD, 0.3F);
        bsm_face_set_control(face, BSM_PORT_ENABLED, 1);
    }
    assert_int_equal(face->dirty, 0);
    const bsm_scene loud = {.rate = 48000, .levels = {.heard = {1, 1}}};
    bsm_face_set_scene(face, &loud);
    assert_int_equal(face->dirty, BSM_DIRTY_METERS);
    for (int t = 1; t < 200; t++) { /* the level falls, and then rests */
        bsm_face_tick(face, 106 + 0.05 * t);
        face->dirty = t < 190 ? face->dirty : 0;
    }
    assert_int_equal(face->dirty, 0);
    assert_false(bsm_meter_moves(&face->heard[0]));
    free_face(face);
}

static void test_peaks_are_held(void **unused)
{
    (void)unused;
    bsm_meter meter = {BSM_METER_SILENT, BSM_METER_SILENT, 0};
    bsm_meter_feed(&meter, 0.5, 0.05, 1);
    assert_true(fabs(meter.db + 6.02) < 0.01 && meter.hold == meter.db);
    bsm_meter_feed(&meter, 0, 1, 2);
    assert_true(meter.db < -30 && fabs(meter.hold + 6.02) < 0.01);
    bsm_meter_feed(&meter, 0, 0.05, 3);
    assert_true(meter.hold < -30);
}

/* A sine appears at its frequency, with vocals in proportion to their part of it. */
static void test_the_spectrum(void **unused)
{
    (void)unused;
    bsm_spectrum *spectrum = calloc(1, sizeof *spectrum);
    bsm_scene scene = {.rate = 48000};
    for (size_t i = 0; i < BSM_SCENE_WINDOW; i++) {
        const double low = sin(2 * M_PI * 300 * (double)i / 48000);
        const double high = sin(2 * M_PI * 3000 * (double)i / 48000);
        scene.vocals[i] = (int16_t)(8000 * high);
        scene.mixture[i] = (int16_t)(8000 * (low + high));
    }
    bsm_spectrum_add(spectrum, &scene);
    const bsm_spectrum_cell *cells = spectrum->cells[0];
    const bsm_spectrum_cell low = cells[(int)(BSM_SPECTRUM_BANDS * bsm_spectrum_place(300))];
    const bsm_spectrum_cell high = cells[(int)(BSM_SPECTRUM_BANDS * bsm_spectrum_place(3000))];
    const bsm_spectrum_cell other = cells[(int)(BSM_SPECTRUM_BANDS * bsm_spectrum_place(10000))];
    assert_true(low.level > 220 && low.vocals < 10);
    assert_true(high.level > 220 && high.vocals > 245);
    assert_true(other.level < 60);
    assert_int_equal(spectrum->next, 1);
    free(spectrum);
}

/* ---- Words ---- */

static void expect_sentence(const bsm_face *face, const char *text, bsm_mood mood)
{
    char sentence[BSM_STATUS_SIZE];
    assert_int_equal(bsm_face_sentence(face, sentence, sizeof sentence), mood);
    assert_string_equal(sentence, text);
}

static void test_sentences(void **unused)
{
    (void)unused;
    char text[1024];
    bsm_face *face = new_face(false);
    expect_sentence(face, "The plugin has not said anything yet. Does the host run it?", BSM_BUSY);
    bsm_face_set_status(face, "ready: a.safetensors on cpu");
    expect_sentence(face, "Ready: a.safetensors on cpu.", BSM_GOOD);
    bsm_face_set_status(face, "ready: a on cpu; fits this machine: load 6 %");
    expect_sentence(face, "Ready: a on cpu. Fits this machine: load 6 %.", BSM_GOOD);
    bsm_face_set_status(face, "too slow: load 134 %; 1 block was late");
    expect_sentence(
        face,
        "Too slow: load 134 %. 1 block was late. Then the input is heard instead. Choose a "
        "smaller model, or under More a longer look-ahead.",
        BSM_BAD);
    bsm_face_set_status(face, "failed: a.ckpt: no such file");
    expect_sentence(face, "Failed: a.ckpt: no such file.", BSM_BAD);
    bsm_face_set_status(face, "loading: /x/a.ckpt");
    bsm_face_tick(face, 2.5);
    expect_sentence(face, "Loading a.ckpt, since 2 s. What plays now plays on.", BSM_BUSY);

    /* The tip depends on the model: lower precision is not faster in a small one. */
    const bsm_target precision = {BSM_CHOICE, 1 * BSM_CHOICES + 3};
    face->facts.parameters = 1.9e6;
    bsm_face_tip(face, precision, text, sizeof text);
    assert_non_null(strstr(text, "small"));
    face->facts.parameters = 48e6;
    bsm_face_tip(face, precision, text, sizeof text);
    assert_null(strstr(text, "small"));
    free_face(face);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_are_as_they_were_seen),
        cmocka_unit_test(test_names_that_are_no_text),
        cmocka_unit_test(test_words_have_contrast),
        cmocka_unit_test(test_nothing_overlaps),
        cmocka_unit_test(test_faders_and_gains),
        cmocka_unit_test(test_nothing_new_is_not_drawn),
        cmocka_unit_test(test_peaks_are_held),
        cmocka_unit_test(test_the_spectrum),
        cmocka_unit_test(test_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
