/* SPDX-License-Identifier: ISC */
/* Tests the window in an X server, embedded by a host, with a mouse and a keyboard. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <X11/keysym.h>

#include "compare.h"
#include "states.h"
#include "ui_host.h"

enum { RATE = 48000 };

static bsm_layout layout(bsm_popup_kind popup)
{
    bsm_face face = {.popup = popup};
    bsm_layout l;
    bsm_lay_out(&face, BSM_START_WIDTH, BSM_START_HEIGHT, &l);
    return l;
}

static float control(instance *i, bsm_port port)
{
    return *instance_control(i, port);
}

/* Return the box of the knob of a fader at a gain. */
static bsm_box knob(int part, double db)
{
    const bsm_box fader = layout(BSM_POPUP_NONE).fader[part];
    return (bsm_box){fader.x, fader.y + fader.h * (1 - bsm_fader_place(db)) - 1, fader.w, 2};
}

/* ---- The mouse ---- */

static void drag_fader(ui_host *ui, instance *i)
{
    const bsm_box fader = layout(BSM_POPUP_NONE).fader[0];
    ui_point(ui, knob(0, 0));
    ui_button(ui, 1, true);
    ui_point_by(ui, 5, 0.3 * fader.h);
    const double wanted = bsm_fader_db(bsm_fader_place(0) - 0.3);
    assert_true(fabs((double)control(i, BSM_PORT_VOCALS_GAIN) - wanted) < 0.5);
    ui_point_by(ui, 0, 2 * fader.h);
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == BSM_GAIN_MUTE);
    ui_button(ui, 1, false);
    ui_point_by(ui, 0, -fader.h);
    /* the button has been released */
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == BSM_GAIN_MUTE);
    ui_double_click(ui, knob(0, -60));
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == 0);
}

static void turn_wheel(ui_host *ui, instance *i)
{
    ui_point(ui, knob(1, 0));
    ui_button(ui, 5, true);
    ui_button(ui, 5, false);
    assert_true(control(i, BSM_PORT_INSTRUMENTAL_GAIN) == -1);
    ui_shift(ui, true);
    ui_button(ui, 4, true);
    ui_button(ui, 4, false);
    ui_shift(ui, false);
    assert_true(fabsf(control(i, BSM_PORT_INSTRUMENTAL_GAIN) + 0.9F) < 1e-6F);
}

static void press_buttons(ui_host *ui, instance *i)
{
    const bsm_layout l = layout(BSM_POPUP_NONE);
    ui_click(ui, l.mute[0]);
    assert_true(control(i, BSM_PORT_VOCALS_MUTE) == 1);
    ui_click(ui, l.mute[0]);
    assert_true(control(i, BSM_PORT_VOCALS_MUTE) == 0);
    ui_click(ui, l.solo[1]);
    assert_true(control(i, BSM_PORT_SOLO) == 2);
    ui_click(ui, l.solo[0]);
    assert_true(control(i, BSM_PORT_SOLO) == 1);
    ui_click(ui, l.solo[0]);
    assert_true(control(i, BSM_PORT_SOLO) == 0);
    ui_click(ui, l.bypass);
    assert_true(control(i, BSM_PORT_ENABLED) == 0);
    ui_click(ui, l.bypass);
    assert_true(control(i, BSM_PORT_ENABLED) == 1);
}

static void choose_settings(ui_host *ui, instance *i)
{
    const bsm_layout more = layout(BSM_POPUP_MORE);
    for (int s = 0; s < BSM_SETTINGS; s++) {
        const bsm_port port = bsm_face_settings[s].port;
        const float before = control(i, port);
        ui_click(ui, layout(BSM_POPUP_NONE).more);
        ui_click(ui, bsm_choice_box(&more, s, 2));
        assert_true(control(i, port) == 2);
        ui_click(ui, bsm_choice_box(&more, s, (int)before));
        ui_key(ui, XK_Escape);
    }
}

static void test_the_mouse(void **state)
{
    for (size_t stems = 0; stems < 2; stems++) {
        const host *h = fixture_host(state);
        const LilvPlugin *plugin = stems ? h->stems : h->remix;
        instance *i = fixture_instance(plugin, RATE, HOST_THREADED);
        ui_host *ui = ui_open(plugin, i, 1);
        drag_fader(ui, i);
        turn_wheel(ui, i);
        press_buttons(ui, i);
        choose_settings(ui, i);
        ui_close(ui);
        instance_close(i);
    }
}

/* ---- The keyboard ---- */

static void type(ui_host *ui, const char *letters)
{
    for (; *letters; letters++) {
        ui_key(ui, (unsigned char)*letters);
    }
}

static void test_the_keyboard(void **state)
{
    const host *h = fixture_host(state);
    instance *i = fixture_instance(h->stems, RATE, HOST_THREADED);
    ui_host *ui = ui_open(h->stems, i, 1);
    ui_click(ui, knob(0, 0));
    ui_key(ui, XK_Up);
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == 1);
    ui_key(ui, XK_Page_Down);
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == -5);
    type(ui, "-12.5");
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == -5); /* not yet entered */
    ui_key(ui, XK_Return);
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == -12.5F);
    type(ui, "3");
    ui_key(ui, XK_Escape);
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == -12.5F);
    type(ui, "99");
    ui_key(ui, XK_Return);
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == BSM_GAIN_MAX);
    ui_key(ui, XK_Home);
    assert_true(control(i, BSM_PORT_VOCALS_GAIN) == 0);
    ui_key(ui, XK_Right);
    ui_key(ui, XK_m);
    assert_true(control(i, BSM_PORT_INSTRUMENTAL_MUTE) == 1);
    ui_key(ui, XK_Tab);
    ui_key(ui, XK_Return);
    assert_true(control(i, BSM_PORT_INSTRUMENTAL_MUTE) == 0);
    ui_key(ui, XK_b);
    assert_true(control(i, BSM_PORT_ENABLED) == 0);
    ui_close(ui);
    instance_close(i);
}

/* ---- Models ---- */

/* The first row is the default model, the second is "other file...", and below its heading is the
 * one in $BSM_MODELS. */
static void test_a_model_is_chosen(void **state)
{
    const host *h = fixture_host(state);
    char folder[HOST_TEXT];
    snprintf(folder, sizeof folder, "%s", fixture_path("."));
    setenv("BSM_MODELS", folder, 1);
    setenv("HOME", folder, 1);
    unsetenv("XDG_STATE_HOME");
    instance *i = fixture_instance(h->remix, RATE, HOST_THREADED);
    fixture_run_until(i, "no model: ");
    ui_host *ui = ui_open(h->remix, i, 1);
    ui_click(ui, layout(BSM_POPUP_NONE).model);
    for (int down = 0; down < 3; down++) {
        ui_key(ui, XK_Down);
    }
    ui_key(ui, XK_Return);
    fixture_run_until(i, "ready: ");
    assert_string_equal(strrchr(instance_told_model(i), '.'), ".safetensors");

    /* Now it is among the models used last, and can also be found through "other file...". */
    instance_forget(i);
    ui_click(ui, layout(BSM_POPUP_NONE).model);
    ui_key(ui, XK_Down);
    ui_key(ui, XK_Down);
    ui_key(ui, XK_Return); /* other file ... */
    ui_key(ui, XK_Down);
    ui_key(ui, XK_Down); /* below the parent folder */
    ui_key(ui, XK_Return);
    fixture_run_until(i, "ready: ");
    ui_close(ui);
    instance_close(i);
}

/* ---- Pictures ---- */

static void tell(ui_host *ui, const bsm_face *face)
{
    for (bsm_port port = BSM_PORT_VOCALS_GAIN; port < BSM_NUM_PORTS; port++) {
        if (port < BSM_PORT_OUT_LEFT || port >= BSM_PORT_PRECISION) {
            ui_tell(ui, port, face->control[port]);
        }
    }
    ui_tell_text(ui, BSM_MODEL_URI, face->model);
    ui_tell_text(ui, BSM_STATUS_URI, face->status);
}

/* Compare what the server shows with what is drawn without it, apart from the seconds since loading
 * began. */
static void check_window(const host *h, const window_state *state, double scale)
{
    bsm_face *face = malloc(sizeof *face);
    assert_non_null(face);
    bsm_face_init(face, state->stems);
    state->make(face);
    ui_host *ui = ui_open(state->stems ? h->stems : h->remix, NULL, scale);
    tell(ui, face);
    ui_rounds(ui, 5);
    memset(&face->spectrum, 0, sizeof face->spectrum);
    for (size_t p = 0; p < BSM_NUM_PARTS; p++) {
        face->separated[p].db = face->separated[p].hold = BSM_METER_SILENT;
        face->heard[p].db = face->heard[p].hold = BSM_METER_SILENT;
    }
    face->facts = bsm_model_facts_of(face->model);
    face->rate = RATE;
    const double unlike =
        difference_of(ui_picture(ui), picture_of(face, scale, BSM_START_WIDTH, BSM_START_HEIGHT));
    print_message("%s at %g: %.3f %% unlike\n", state->name, scale, 100 * unlike);
    assert_true(unlike < 0.004);
    ui_close(ui);
    bsm_face_free(face);
    free(face);
}

static void test_the_window_shows_the_face(void **state)
{
    static const double scales[] = {1, 1.5, 2};
    for (size_t s = 0; s < 5; s++) {
        for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
            check_window(fixture_host(state), &window_states[s], scales[k]);
        }
    }
}

static void test_it_is_resized(void **state)
{
    const host *h = fixture_host(state);
    static const int sizes[][2] = {{480, 300}, {1500, 400}, {600, 900}, {1, 1}, {760, 440}};
    bsm_face face;
    ui_host *ui = ui_open(h->remix, NULL, 1);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        ui_resize(ui, sizes[s][0], sizes[s][1]);
        bsm_face_init(&face, false);
        face.rate = RATE;
        ui_tell(ui, BSM_PORT_LATENCY, 0);
        ui_rounds(ui, 3);
        const double unlike =
            difference_of(ui_picture(ui), picture_of(&face, 1, sizes[s][0], sizes[s][1]));
        assert_true(unlike < 0.01);
    }
    ui_close(ui);
}

/* ---- Again and again ---- */

/* Windows of two instances are opened and closed. Their output is the delayed input, as without
 * windows. */
static void test_a_hundred_windows(void **state)
{
    const host *h = fixture_host(state);
    instance *remix = fixture_instance(h->remix, RATE, HOST_THREADED);
    instance *stems = fixture_instance(h->stems, RATE, HOST_THREADED);
    fixture_run_until(remix, "no model: ");
    delay_line line;
    delay_line_init(&line);
    uint64_t seed = 3;
    float worst = 0;
    for (int n = 0; n < 100; n++) {
        ui_host *one = ui_open(h->remix, NULL, 1), *two = ui_open(h->stems, stems, 1);
        instance_watch(remix);
        for (int block = 0; block < 20; block++) {
            delay_line_feed(&line, remix, &seed, 512);
            instance_run(remix, 512);
            worst = fmaxf(worst, delay_line_compare(&line, remix, false,
                                                    (size_t)control(remix, BSM_PORT_LATENCY), 512));
            if (instance_scenes(remix)) {
                ui_tell_scene(one, instance_scene(remix));
            }
        }
        ui_rounds(one, 1);
        ui_close(one);
        ui_close(two);
    }
    assert_true(instance_scenes(remix) > 100);
    assert_true(worst < 1e-6F);
    instance_close(remix);
    instance_close(stems);
}

/* ---- Labels ---- */

static void test_choices_are_those_of_the_description(void **state)
{
    const host *h = fixture_host(state);
    for (int s = 0; s < BSM_SETTINGS; s++) {
        const bsm_setting *setting = &bsm_face_settings[s];
        const LilvPort *port =
            lilv_plugin_get_port_by_index(h->stems, bsm_port_index(true, setting->port));
        LilvScalePoints *points = lilv_port_get_scale_points(h->stems, port);
        assert_int_equal(lilv_scale_points_size(points), bsm_num_choices(s));
        LILV_FOREACH(scale_points, p, points)
        {
            const LilvScalePoint *point = lilv_scale_points_get(points, p);
            const int value = (int)lilv_node_as_float(lilv_scale_point_get_value(point));
            assert_string_equal(lilv_node_as_string(lilv_scale_point_get_label(point)),
                                setting->choices[value]);
        }
        lilv_scale_points_free(points);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_mouse),
        cmocka_unit_test(test_the_keyboard),
        cmocka_unit_test(test_a_model_is_chosen),
        cmocka_unit_test(test_the_window_shows_the_face),
        cmocka_unit_test(test_it_is_resized),
        cmocka_unit_test(test_a_hundred_windows),
        cmocka_unit_test(test_choices_are_those_of_the_description),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
