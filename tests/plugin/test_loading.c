/* SPDX-License-Identifier: ISC */
/* Tests models and settings that change while the plugin runs. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"
#include "identity.h"

/* Run until the latency is below this one. The worker needs real time for that. */
static void run_until_quicker(instance *i, float latency)
{
    for (size_t tries = 0; tries < 4000; tries++) {
        for (size_t b = 0; b < 8; b++) {
            instance_run(i, 512);
        }
        if (*instance_control(i, BSM_PORT_LATENCY) < latency) {
            return;
        }
        usleep(5000);
    }
    fail_msg("latency %g, not below %g", (double)*instance_control(i, BSM_PORT_LATENCY),
             (double)latency);
}

static void test_no_model_is_said_so(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_THREADED);
    fixture_run_until(i, "no model: ");
    assert_string_equal(instance_told_model(i), "");
    instance_close(i);
}

static void test_model_is_set_and_told(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->stems, 48000, HOST_THREADED);
    *instance_control(i, BSM_PORT_DEVICE) = BSM_CHOICE_CPU;
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1; /* so that nothing is late */
    fixture_run_until(i, "no model: ");
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: identity.safetensors on cpu");
    assert_string_equal(instance_told_model(i), fixture_identity());
    instance_set_model(i, fixture_other());
    fixture_run_until(i, "ready: other.safetensors on cpu");
    instance_forget(i);
    instance_run(i, 64);
    assert_string_equal(instance_told_status(i), "");
    instance_get_all(i);
    instance_run(i, 64);
    assert_string_equal(instance_told_model(i), fixture_other());
    assert_true(!strncmp(instance_told_status(i), "ready: ", 7));
    instance_set_model(i, "");
    fixture_run_until(i, "no model: ");
    instance_close(i);
}

static void test_environment_names_the_default(void **state)
{
    setenv("BSM_MODEL", fixture_other(), 1);
    instance *i = fixture_instance(fixture_host(state)->stems, 48000, HOST_THREADED);
    fixture_run_until(i, "ready: other.safetensors");
    assert_string_equal(instance_told_model(i), fixture_other());
    instance_close(i);
    unsetenv("BSM_MODEL");
}

/* This plays faster than anything can be computed. */
static void test_being_late_is_told(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_THREADED);
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    for (size_t b = 0; strncmp(instance_told_status(i), "too slow: load ", 15) != 0; b++) {
        assert_true(b < 1000000);
        instance_run(i, 8192);
    }
    print_message("%s\n", instance_told_status(i));
    assert_true(*instance_control(i, BSM_PORT_MISSES) > 0);
    unsigned long load = 0, worst = 0, late = 0;
    assert_int_equal(sscanf(instance_told_status(i),
                            "too slow: load %lu %%, at worst %lu %%; %lu block", &load, &worst,
                            &late),
                     3);
    assert_true(load <= worst && late > 0 && (float)late <= *instance_control(i, BSM_PORT_MISSES));
    fixture_run_until(i, "ready: "); /* when freewheeling, run() waits for its results */
    instance_close(i);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect_failure(instance *i, const char *path)
{
    instance_forget(i);
    instance_set_model(i, path);
    fixture_run_until(i, "failed: ");
    assert_string_equal(instance_told_model(i), fixture_identity());
    fixture_run_until(i, "failed: ");
}

static void test_bad_files_leave_what_plays(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_THREADED);
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    char bad[HOST_TEXT];
    snprintf(bad, sizeof bad, "%s", fixture_path("bad.safetensors"));
    write_file(bad, "no tensors here");
    expect_failure(i, fixture_path("absent.safetensors"));
    assert_non_null(strstr(instance_told_status(i), "absent.safetensors"));
    expect_failure(i, bad);
    expect_failure(i, fixture_path("")); /* a folder */
    expect_failure(i, "relative\n\x01name");
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1;
    *instance_control(i, BSM_PORT_VOCALS_GAIN) = BSM_GAIN_MUTE;
    for (size_t at = 0; at < 2 * 48000; at += 8192) {
        for (size_t n = 0; n < 8192; n++) {
            instance_audio(i, BSM_PORT_IN_LEFT)[n] = 0.5f;
        }
        instance_run(i, 8192);
    }
    /* the identity model plays */
    assert_true(fabsf(instance_audio(i, BSM_PORT_OUT_LEFT)[8191]) < 1e-4f);
    instance_close(i);
}

static void test_refused_work_is_asked_for_again(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_FAILING);
    instance_set_model(i, fixture_identity());
    *instance_control(i, BSM_PORT_LOOKAHEAD) = BSM_LOOKAHEAD_LOW;
    instance_run(i, 512);
    float latency = *instance_control(i, BSM_PORT_LATENCY);
    for (size_t b = 0; b < 100; b++) {
        instance_run(i, 512);
        assert_true(*instance_control(i, BSM_PORT_LATENCY) == latency);
    }
    instance_set_worker(i, HOST_THREADED);
    fixture_run_until(i, "ready: identity.safetensors");
    run_until_quicker(i, latency);
    instance_close(i);
}

/* ---- Settings ---- */

static float run_for(instance *i, double seconds)
{
    for (double at = 0; at < seconds; at += 512 / 48000.0) {
        instance_run(i, 512);
    }
    return *instance_control(i, BSM_PORT_LATENCY);
}

static void test_lookahead_changes_the_latency(void **state)
{
    static const double wished[] = {0.3, 0.8, 2.0};
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_SYNCHRONOUS);
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1;
    instance_set_model(i, fixture_identity());
    for (int choice = 2; choice >= 0; choice--) {
        *instance_control(i, BSM_PORT_LOOKAHEAD) = (float)choice;
        double latency = (double)run_for(i, 5) / 48000;
        print_message("look-ahead %d: %.3f s\n", choice, latency);
        assert_true(latency <= wished[choice] + 1e-9 && latency > 0.8 * wished[choice]);
    }
    instance_close(i);
}

/* At the start nothing is audible yet, so the first call already reports the right latency. */
static void test_first_lookahead_comes_at_once(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_SYNCHRONOUS);
    *instance_control(i, BSM_PORT_LOOKAHEAD) = BSM_LOOKAHEAD_HIGH;
    instance_run(i, 512);
    assert_true(*instance_control(i, BSM_PORT_LATENCY) > 1.6f * 48000);
    instance_close(i);
}

/* The input is a slow ramp, so that the value of a sample tells its position. */
static void test_change_has_no_gap(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_SYNCHRONOUS);
    size_t at = 0;
    float before = 0, latency = 0;
    bool changed = false;
    for (size_t b = 0; b < 600; b++) {
        for (size_t n = 0; n < 512; n++) {
            instance_audio(i, BSM_PORT_IN_LEFT)[n] = 0.5f + (float)(at + n) * 1e-7f;
        }
        if (b == 200) {
            *instance_control(i, BSM_PORT_LOOKAHEAD) = BSM_LOOKAHEAD_HIGH;
        }
        instance_run(i, 512);
        at += 512;
        const float *out = instance_audio(i, BSM_PORT_OUT_LEFT);
        for (size_t n = 0; n < 512 && b > 100; n++) {
            assert_true(out[n] >= 0.5f && fabsf(out[n] - before) < 1e-4f);
            before = out[n];
        }
        before = out[511];
        changed = changed || (latency > 0 && latency != *instance_control(i, BSM_PORT_LATENCY));
        latency = *instance_control(i, BSM_PORT_LATENCY);
    }
    assert_true(changed && latency > 1.6f * 48000);
    assert_true(fabsf(before - (0.5f + (float)(at - 1 - (size_t)latency) * 1e-7f)) < 1e-6f);
    instance_close(i);
}

/* Settings change as fast as a user can change them, with a worker thread. */
static void test_settings_may_change_all_the_time(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->stems, 48000, HOST_THREADED);
    instance_set_model(i, fixture_identity());
    for (size_t b = 0; b < 1000; b++) {
        *instance_control(i, BSM_PORT_LOOKAHEAD) = (float)(b / 7 % 4); /* 3 is out of range */
        *instance_control(i, BSM_PORT_DEVICE) = (float)(b / 40 % 3);
        if (b % 90 == 0) {
            instance_set_model(i, b % 180 ? fixture_identity() : fixture_other());
        }
        instance_run(i, 1 + b * 13 % 700);
        usleep(500);
    }
    *instance_control(i, BSM_PORT_DEVICE) = BSM_CHOICE_AUTO;
    *instance_control(i, BSM_PORT_LOOKAHEAD) = BSM_LOOKAHEAD_LOW;
    run_until_quicker(i, 0.3f * 48000);
    instance_close(i);
}

static void test_missing_device_is_said_so(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_THREADED);
    instance_set_model(i, fixture_identity());
    fixture_run_until(i, "ready: ");
    if (strstr(instance_told_status(i), " on cuda")) { /* then CUDA is not missing */
        instance_close(i);
        skip();
    }
    *instance_control(i, BSM_PORT_DEVICE) = BSM_CHOICE_CUDA;
    fixture_run_until(i, "failed: ");
    print_message("%s\n", instance_told_status(i));
    assert_non_null(strstr(instance_told_status(i), "cuda"));
    *instance_control(i, BSM_PORT_DEVICE) = BSM_CHOICE_CPU;
    fixture_run_until(i, "ready: identity.safetensors on cpu");
    instance_close(i);
}

/* The host may still receive a status from before the change. */
static void run_until_precision(instance *i, const char *name, bool present)
{
    for (size_t tries = 0; tries < 2000; tries++) {
        fixture_run_until(i, "ready: ");
        if ((strstr(instance_told_status(i), name) != NULL) == present) {
            return;
        }
        instance_run(i, 512);
        usleep(10000);
    }
    fail_msg("'%s': %s is %s", instance_told_status(i), name, present ? "missing" : "there");
}

static void test_precision_changes_the_network(void **state)
{
    if (!cpu_has_int8()) {
        print_message("skipped: all precisions are float32 on this processor\n");
        skip();
    }
    const host *h = fixture_host(state);
    for (size_t s = 0; s < 2; s++) {
        const LilvPlugin *plugin = s ? h->stems : h->remix;
        instance *i = fixture_instance(plugin, 48000, HOST_THREADED);
        float *precision = instance_control(i, BSM_PORT_PRECISION);
        *instance_control(i, BSM_PORT_DEVICE) = BSM_CHOICE_CPU;
        instance_set_model(i, fixture_identity());
        fixture_run_until(i, "ready: ");
        assert_null(strstr(instance_told_status(i), "int8")); /* nobody has chosen it */
        *precision = BSM_CHOICE_INT8;
        instance_forget(i);
        run_until_precision(i, "int8", true);
        *precision = BSM_CHOICE_BFLOAT16; /* or float32 if the CPU does not have it */
        instance_forget(i);
        run_until_precision(i, "int8", false);
        instance_close(i);
    }
}

static void test_activate_forgets(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_THREADED);
    for (size_t n = 0; n < HOST_MAX_BLOCK; n++) {
        instance_audio(i, BSM_PORT_IN_LEFT)[n] = 1;
    }
    run_for(i, 2);
    assert_true(instance_audio(i, BSM_PORT_OUT_LEFT)[0] == 1);
    lilv_instance_deactivate(instance_lilv(i));
    lilv_instance_activate(instance_lilv(i));
    size_t latency = (size_t)*instance_control(i, BSM_PORT_LATENCY);
    for (size_t at = 0; at < 48000; at += 100) {
        instance_run(i, 100);
        for (size_t n = 0; n < 100; n++) {
            assert_true(instance_audio(i, BSM_PORT_OUT_LEFT)[n] == (at + n < latency ? 0 : 1));
        }
    }
    instance_close(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_model_is_said_so),
        cmocka_unit_test(test_model_is_set_and_told),
        cmocka_unit_test(test_environment_names_the_default),
        cmocka_unit_test(test_being_late_is_told),
        cmocka_unit_test(test_bad_files_leave_what_plays),
        cmocka_unit_test(test_refused_work_is_asked_for_again),
        cmocka_unit_test(test_lookahead_changes_the_latency),
        cmocka_unit_test(test_first_lookahead_comes_at_once),
        cmocka_unit_test(test_change_has_no_gap),
        cmocka_unit_test(test_settings_may_change_all_the_time),
        cmocka_unit_test(test_missing_device_is_said_so),
        cmocka_unit_test(test_precision_changes_the_network),
        cmocka_unit_test(test_activate_forgets),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
