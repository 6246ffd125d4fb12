/* SPDX-License-Identifier: ISC */
/* Tests what the plugin tells a window about the music, and mute and solo, which the window
 * sets. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

enum { RATE = 48000, BLOCK = 256, SECOND = RATE / BLOCK };

/* Play a constant on the left and half of it on the right; run() waits for the network. */
static void play(instance *i, float level, size_t blocks)
{
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1;
    for (size_t b = 0; b < blocks; b++) {
        for (size_t n = 0; n < BLOCK; n++) {
            instance_audio(i, BSM_PORT_IN_LEFT)[n] = level;
            instance_audio(i, BSM_PORT_IN_RIGHT)[n] = level / 2;
        }
        instance_run(i, BLOCK);
    }
}

/* Return an instance that has played for longer than the latency. */
static instance *playing(const LilvPlugin *plugin, bool identity)
{
    instance *i = fixture_instance(plugin, RATE, HOST_THREADED);
    if (identity) {
        instance_set_model(i, fixture_identity());
    }
    fixture_run_until(i, identity ? "ready: " : "no model: ");
    play(i, 0.5f, 3 * SECOND);
    return i;
}

static void test_scenes_come_while_somebody_asks(void **state)
{
    instance *i = playing(fixture_host(state)->remix, false);
    assert_int_equal(instance_scenes(i), 0);
    instance_watch(i);
    play(i, 0.5f, SECOND);
    const size_t first = instance_scenes(i);
    assert_in_range(first, BSM_SCENES_PER_SECOND - 2, BSM_SCENES_PER_SECOND);
    play(i, 0.5f, 4 * SECOND);
    const size_t last = instance_scenes(i);
    assert_in_range(last, BSM_SCENE_SECONDS * BSM_SCENES_PER_SECOND - 1,
                    BSM_SCENE_SECONDS * BSM_SCENES_PER_SECOND);
    play(i, 0.5f, SECOND);
    assert_int_equal(instance_scenes(i), last);
    instance_close(i);
}

/* Without a model everything is instrumental; with the identity model (nearly) everything is
 * vocals. */
static void test_a_scene_has_samples_and_levels(void **state)
{
    for (size_t identity = 0; identity < 2; identity++) {
        instance *i = playing(fixture_host(state)->stems, identity);
        *instance_control(i, BSM_PORT_VOCALS_GAIN) = -20;
        instance_watch(i);
        play(i, 0.5f, SECOND);
        const bsm_scene *scene = instance_scene(i);
        const double mean = 0.375 * BSM_SCENE_FULL;
        assert_true(scene->rate == RATE);
        for (size_t n = 0; n < BSM_SCENE_WINDOW; n++) {
            assert_true(fabs(scene->mixture[n] - mean) < 2);
            assert_true(fabs(scene->vocals[n] - (identity ? mean : 0)) < 0.1 * mean);
        }
        assert_true(fabsf(scene->levels.separated[BSM_VOCALS] - (identity ? 0.5f : 0)) < 0.05f);
        assert_true(fabsf(scene->levels.heard[BSM_VOCALS] - (identity ? 0.05f : 0)) < 0.005f);
        instance_close(i);
    }
}

static float heard(instance *i)
{
    play(i, 0.5f, 20); /* until the change is audible */
    return fabsf(instance_audio(i, BSM_PORT_OUT_LEFT)[BLOCK - 1]);
}

static void test_mute_and_solo(void **state)
{
    instance *i = playing(fixture_host(state)->remix, false);
    assert_true(heard(i) > 0.49f);
    *instance_control(i, BSM_PORT_INSTRUMENTAL_MUTE) = 1;
    assert_true(heard(i) < 1e-6f);
    *instance_control(i, BSM_PORT_INSTRUMENTAL_MUTE) = 0;
    *instance_control(i, BSM_PORT_SOLO) = BSM_SOLO_VOCALS;
    assert_true(heard(i) < 1e-6f);
    *instance_control(i, BSM_PORT_SOLO) = BSM_SOLO_INSTRUMENTAL;
    *instance_control(i, BSM_PORT_VOCALS_MUTE) = 1;
    assert_true(heard(i) > 0.49f);
    *instance_control(i, BSM_PORT_SOLO) = NAN;
    assert_true(heard(i) > 0.49f);
    instance_close(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes_come_while_somebody_asks),
        cmocka_unit_test(test_a_scene_has_samples_and_levels),
        cmocka_unit_test(test_mute_and_solo),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
