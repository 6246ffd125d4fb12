/* SPDX-License-Identifier: ISC */
/* Tests the picture in the mixer strip, which is drawn through the extension's interface as in
 * Ardour. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/model.h"
#include "fixture.h"
#include "noise.h"
#include "picture.h"

/* The rate of the models, so that all of the noise goes through the network. */
enum { RATE = 44100, COLUMN = RATE / 25, BLOCK = 512 };

/* This is for the leak sanitizer: fontconfig keeps its fonts until the end. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

static void draw(instance *i, picture *p)
{
    picture_copy(p, instance_render(i, PICTURE_WIDTH, 1000));
}

static void fill(instance *i, uint64_t *seed, float level)
{
    for (bsm_port port = BSM_PORT_IN_LEFT; port <= BSM_PORT_IN_RIGHT; port++) {
        float *in = instance_audio(i, port);
        for (size_t n = 0; n < BLOCK; n++) {
            in[n] = level * noise_float(seed);
        }
    }
}

/* Play noise of this level for so many columns; run() waits for the network. */
static void play(instance *i, float level, size_t columns)
{
    uint64_t seed = 11;
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1;
    for (size_t frames = 0; frames < columns * COLUMN; frames += BLOCK) {
        fill(i, &seed, level);
        instance_run(i, BLOCK);
    }
    *instance_control(i, BSM_PORT_FREEWHEEL) = 0;
}

/* Play noise for as long as the latency and the whole picture. */
static void play_through(instance *i, float level)
{
    size_t latency = (size_t)*instance_control(i, BSM_PORT_LATENCY);
    play(i, level, PICTURE_WIDTH + latency / COLUMN + 2);
}

static void test_sizes(void **state)
{
    static const uint32_t sizes[][3] = {{1, 100, 30},    {60, 100, 30},   {99, 100, 49},
                                        {120, 100, 60},  {120, 40, 40},   {120, 13, 13},
                                        {400, 1000, 60}, {3000, 1000, 60}};
    instance *i = fixture_instance(fixture_host(state)->remix, RATE, HOST_THREADED);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const bsm_inline_picture *p = instance_render(i, sizes[s][0], sizes[s][1]);
        assert_non_null(p);
        assert_int_equal(p->width, sizes[s][0]);
        assert_int_equal(p->height, sizes[s][2]);
        assert_true(p->stride >= 4 * p->width);
        for (int y = 0; y < p->height; y++) {
            /* fails if the memory is too small */
            assert_int_equal(p->data[y * p->stride + 3], 0xff);
        }
    }
    assert_null(instance_render(i, 0, 100));
    assert_null(instance_render(i, 100, 0));
    assert_null(instance_render(i, 100, 12)); /* no room for text and bars */
    assert_null(instance_render(i, UINT32_MAX, 100));
    assert_non_null(instance_render(i, 100, 100)); /* the failures have no consequences */
    instance_close(i);
}

static void test_instrumental_is_below(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, RATE, HOST_THREADED);
    picture p;
    fixture_run_until(i, "no model: ");
    play_through(i, 0.5f);
    draw(i, &p);
    light below = picture_instrumental(&p, 0, PICTURE_WIDTH - 1);
    assert_true(picture_brightness(picture_vocals(&p, 0, PICTURE_WIDTH - 1)) < 1);
    assert_true(picture_brightness(below) > 40);
    assert_true(below.blue > below.red);
    instance_close(i);
}

/* The mask is 1, so everything is vocals. */
static void test_vocals_are_above_and_dim_where_muted(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, RATE, HOST_THREADED);
    picture heard, muted;
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    play_through(i, 0.5f);
    draw(i, &heard);
    light above = picture_vocals(&heard, 0, PICTURE_WIDTH - 1);
    double below = picture_brightness(picture_instrumental(&heard, 0, PICTURE_WIDTH - 1));
    assert_true(picture_brightness(above) > 40);
    assert_true(above.red > above.blue);
    assert_true(below < 1);

    *instance_control(i, BSM_PORT_VOCALS_GAIN) = -60;
    play_through(i, 0.5f);
    draw(i, &muted);
    double dim = picture_brightness(picture_vocals(&muted, 0, PICTURE_WIDTH - 1));
    assert_true(dim > 5);
    assert_true(dim < 0.6 * picture_brightness(above));
    instance_close(i);
}

static void test_time_runs_to_the_left(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, RATE, HOST_THREADED);
    picture p;
    fixture_run_until(i, "no model: ");
    size_t latency = (size_t)*instance_control(i, BSM_PORT_LATENCY);
    play_through(i, 0);
    play(i, 0.5f, latency / COLUMN + PICTURE_WIDTH / 4);
    draw(i, &p);
    assert_true(picture_brightness(picture_instrumental(&p, 0, PICTURE_WIDTH / 2)) < 1);
    assert_true(picture_brightness(
                    picture_instrumental(&p, PICTURE_WIDTH * 7 / 8, PICTURE_WIDTH - 1)) > 40);
    instance_close(i);
}

static bool is_alarm(const picture *p)
{
    light words = picture_words(p);
    assert_true(picture_brightness(words) > 1); /* there is some text */
    return words.red > 1.2 * words.blue;
}

/* Draw until the text changes. */
static void draw_news(instance *i, const picture *before, picture *news)
{
    for (size_t tries = 0; tries < 5000; tries++) {
        draw(i, news);
        if (!picture_same_words(news, before)) {
            return;
        }
    }
}

/* Return a model that takes the worker a while: about 40 MB to read and to pack. */
static const char *large_model(void)
{
    bsm_config config;
    bsm_model *model;
    const char *path = fixture_path("large.safetensors");
    assert_int_equal(bsm_config_preset("lite", &config, NULL), BSM_OK);
    config.depth = 1;
    assert_int_equal(bsm_model_new_untrained(&config, &model, NULL), BSM_OK);
    fixture_save(model, path);
    return path;
}

/* While the worker loads, the text differs from the texts before and after. */
static bool catch_loading(instance *i, picture before, picture *loading)
{
    char large[HOST_TEXT];
    snprintf(large, sizeof large, "%s", large_model());
    for (size_t tries = 0; tries < 100; tries++) {
        picture after;
        instance_set_model(i, tries % 2 ? fixture_identity() : large);
        instance_forget(i);
        instance_run(i, BLOCK);
        draw_news(i, &before, loading);
        fixture_run_until(i, "ready: ");
        instance_settle(i);
        draw(i, &after);
        if (!picture_same_words(loading, &before) && !picture_same_words(loading, &after)) {
            return true;
        }
        before = after;
    }
    return false;
}

static void test_the_state_in_words(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, RATE, HOST_THREADED);
    picture none, ready, loading, failed;
    fixture_run_until(i, "no model: ");
    draw(i, &none);
    assert_true(is_alarm(&none));
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    draw(i, &ready);
    assert_false(is_alarm(&ready));
    assert_false(picture_same_words(&none, &ready));
    assert_true(catch_loading(i, ready, &loading));
    assert_false(is_alarm(&loading));
    instance_set_model(i, fixture_path("absent"));
    fixture_run_until(i, "failed: ");
    draw(i, &failed);
    assert_true(is_alarm(&failed));
    assert_false(picture_same_words(&failed, &none));

    /* The text names the reason and the file, whatever its folder is. */
    picture elsewhere;
    instance_forget(i);
    instance_set_model(i, "/absent");
    fixture_run_until(i, "failed: ");
    draw(i, &elsewhere);
    assert_true(picture_same_words(&failed, &elsewhere));
    assert_int_equal(instance_strange_draws(i), 0);
    instance_close(i);
}

/* ---- Threads ---- */

static _Atomic bool stop;

static void *draw_all_the_time(void *argument)
{
    for (uint32_t n = 0; !atomic_load(&stop); n++) {
        assert_non_null(instance_render(argument, 50 + n % 100, 100));
    }
    return NULL;
}

static void test_drawing_beside_everything(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->stems, RATE, HOST_THREADED);
    pthread_t drawer;
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&drawer, NULL, draw_all_the_time, i), 0);
    for (size_t n = 0; n < 20; n++) {
        instance_set_model(i, n % 3 == 0   ? fixture_identity()
                              : n % 3 == 1 ? fixture_path("absent")
                                           : fixture_other());
        *instance_control(i, BSM_PORT_LOOKAHEAD) = (float)(n / 4 % 3);
        play(i, 0.5f, 3);
    }
    atomic_store(&stop, true);
    pthread_join(drawer, NULL);
    instance_settle(i);
    assert_int_equal(instance_strange_draws(i), 0);
    instance_close(i);
}

/* The plugin asks to be drawn once per column, from run(). */
static void test_wishes_to_be_drawn(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, RATE, HOST_THREADED);
    size_t frames = 0;
    uint64_t seed = 3;
    assert_int_equal(instance_draws(i), 0);
    while (frames < 100 * COLUMN) {
        size_t count = noise_size(&seed, 1, COLUMN);
        instance_run(i, count);
        frames += count;
        assert_int_equal(instance_draws(i), frames / COLUMN);
    }
    assert_int_equal(instance_strange_draws(i), 0);
    instance_close(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_instrumental_is_below),
        cmocka_unit_test(test_vocals_are_above_and_dim_where_muted),
        cmocka_unit_test(test_time_runs_to_the_left),
        cmocka_unit_test(test_the_state_in_words),
        cmocka_unit_test(test_drawing_beside_everything),
        cmocka_unit_test(test_wishes_to_be_drawn),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
