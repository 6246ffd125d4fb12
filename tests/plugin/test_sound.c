/* SPDX-License-Identifier: ISC */
/* Tests the plugins' ports, audio and latency from a host's point of view. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "fixture.h"
#include "noise.h"

/* ---- Description ---- */

typedef struct port_expectation {
    bsm_port port;
    const char *symbol;
} port_expectation;

static const port_expectation common_ports[] = {
    {BSM_PORT_CONTROL, "control"},     {BSM_PORT_NOTIFY, "notify"},
    {BSM_PORT_IN_LEFT, "in_left"},     {BSM_PORT_IN_RIGHT, "in_right"},
    {BSM_PORT_VOCALS_GAIN, "vocals"},  {BSM_PORT_INSTRUMENTAL_GAIN, "instrumental"},
    {BSM_PORT_LOOKAHEAD, "lookahead"}, {BSM_PORT_DEVICE, "device"},
    {BSM_PORT_ENABLED, "enabled"},     {BSM_PORT_FREEWHEEL, "freewheel"},
    {BSM_PORT_LATENCY, "latency"},     {BSM_PORT_LOAD, "load"},
    {BSM_PORT_MISSES, "misses"},
};
static const port_expectation remix_ports[] = {
    {BSM_PORT_OUT_LEFT, "out_left"},
    {BSM_PORT_OUT_RIGHT, "out_right"},
};
static const port_expectation stems_ports[] = {
    {BSM_PORT_OUT_LEFT, "vocals_left"},
    {BSM_PORT_OUT_RIGHT, "vocals_right"},
    {BSM_PORT_INSTRUMENTAL_LEFT, "instrumental_left"},
    {BSM_PORT_INSTRUMENTAL_RIGHT, "instrumental_right"},
};
static const port_expectation later_ports[] = {
    {BSM_PORT_PRECISION, "precision"},
    {BSM_PORT_VOCALS_MUTE, "vocals_mute"},
    {BSM_PORT_INSTRUMENTAL_MUTE, "instrumental_mute"},
    {BSM_PORT_SOLO, "solo"},
    {BSM_PORT_MEMORY, "memory"},
};

static void expect_ports(const LilvPlugin *plugin, const port_expectation *ports, size_t count)
{
    for (size_t p = 0; p < count; p++) {
        const unsigned index = bsm_port_index(host_is_stems(plugin), ports[p].port);
        const LilvPort *port = lilv_plugin_get_port_by_index(plugin, index);
        assert_non_null(port);
        assert_string_equal(lilv_node_as_string(lilv_port_get_symbol(plugin, port)),
                            ports[p].symbol);
    }
}

static void test_ports_are_those_of_the_description(void **state)
{
    const host *h = fixture_host(state);
    for (size_t s = 0; s < 2; s++) {
        const LilvPlugin *plugin = s ? h->stems : h->remix;
        assert_int_equal(lilv_plugin_get_num_ports(plugin), bsm_port_index(s, BSM_NUM_PORTS));
        expect_ports(plugin, common_ports, sizeof common_ports / sizeof *common_ports);
        expect_ports(plugin, s ? stems_ports : remix_ports, s ? 4 : 2);
        expect_ports(plugin, later_ports, sizeof later_ports / sizeof *later_ports);
        assert_true(lilv_plugin_has_latency(plugin));
        assert_int_equal(lilv_plugin_get_latency_port_index(plugin), BSM_PORT_LATENCY);
        assert_true(lilv_plugin_verify(plugin));
    }
}

static void test_ranges_are_those_of_the_code(void **state)
{
    const LilvPlugin *plugin = fixture_host(state)->stems;
    float low[BSM_NUM_PORTS], high[BSM_NUM_PORTS], initial[BSM_NUM_PORTS];
    lilv_plugin_get_port_ranges_float(plugin, low, high, initial);
    assert_true(low[BSM_PORT_VOCALS_GAIN] == BSM_GAIN_MUTE);
    assert_true(high[BSM_PORT_INSTRUMENTAL_GAIN] == BSM_GAIN_MAX);
    assert_true(high[BSM_PORT_LOOKAHEAD] == BSM_NUM_LOOKAHEADS - 1);
    assert_true(initial[BSM_PORT_LOOKAHEAD] == BSM_LOOKAHEAD_NORMAL);
    assert_true(high[BSM_PORT_DEVICE] == BSM_NUM_CHOICES - 1);
    assert_true(initial[BSM_PORT_DEVICE] == BSM_CHOICE_AUTO);
    assert_true(high[BSM_PORT_PRECISION] == BSM_NUM_PRECISIONS - 1);
    assert_true(initial[BSM_PORT_PRECISION] == BSM_CHOICE_LIVE);
    assert_true(high[BSM_PORT_SOLO] == BSM_NUM_SOLOS - 1 && initial[BSM_PORT_SOLO] == 0);
    assert_true(high[BSM_PORT_MEMORY] == BSM_NUM_MEMORIES - 1);
    assert_true(initial[BSM_PORT_MEMORY] == BSM_KEEP_AS_MODEL);
    assert_true(initial[BSM_PORT_ENABLED] == 1 && initial[BSM_PORT_FREEWHEEL] == 0);
}

/* ---- Sound ---- */

/* Return a size from 1 to 8192; small ones are as frequent as large ones. */
static size_t random_block(uint64_t *seed)
{
    size_t most = (size_t)1 << noise_size(seed, 0, 13);
    return noise_size(seed, (most + 1) / 2, most);
}

/* Check that `blocks` blocks of random sizes reproduce the input, `latency` samples later. */
static void null_test(const LilvPlugin *plugin, double rate, size_t blocks, const char *model)
{
    bool stems = host_is_stems(plugin);
    instance *i = fixture_instance(plugin, rate, HOST_SYNCHRONOUS);
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1;
    if (model) {
        instance_set_model(i, model);
    }
    delay_line line;
    delay_line_init(&line);
    uint64_t seed = 7;
    float worst = 0;
    for (size_t b = 0; b < blocks; b++) {
        size_t frames = random_block(&seed);
        delay_line_feed(&line, i, &seed, frames);
        instance_run(i, frames);
        size_t latency = (size_t)*instance_control(i, BSM_PORT_LATENCY);
        worst = fmaxf(worst, delay_line_compare(&line, i, stems, latency, frames));
    }
    print_message("%s, %.0f Hz: latency %.0f, worst %g\n", stems ? "stems" : "remix", rate,
                  (double)*instance_control(i, BSM_PORT_LATENCY), (double)worst);
    assert_true(worst < 1e-6f);
    assert_true(*instance_control(i, BSM_PORT_MISSES) == 0);
    if (model) {
        assert_true(!strncmp(instance_told_status(i), "ready: ", 7));
    }
    instance_close(i);
}

static void test_nothing_is_lost_without_a_model(void **state)
{
    const host *h = fixture_host(state);
    static const double rates[] = {44100, 48000, 96000};
    for (size_t r = 0; r < 3; r++) {
        null_test(h->remix, rates[r], 1000, NULL);
        null_test(h->stems, rates[r], 1000, NULL);
    }
}

static void test_nothing_is_lost_with_a_model(void **state)
{
    const host *h = fixture_host(state);
    null_test(h->remix, 44100, fixture_quick() ? 300 : 10000, fixture_identity());
    null_test(h->stems, 48000, fixture_quick() ? 300 : 1000, fixture_identity());
    null_test(h->stems, 96000, 300, fixture_identity());
}

/* Ardour does this while it determines the latency. */
static void test_all_ports_may_share_a_buffer(void **state)
{
    const host *h = fixture_host(state);
    static const bsm_port audio[] = {BSM_PORT_IN_LEFT,           BSM_PORT_IN_RIGHT,
                                     BSM_PORT_OUT_LEFT,          BSM_PORT_OUT_RIGHT,
                                     BSM_PORT_INSTRUMENTAL_LEFT, BSM_PORT_INSTRUMENTAL_RIGHT};
    for (size_t s = 0; s < 2; s++) {
        instance *i = fixture_instance(s ? h->stems : h->remix, 48000, HOST_THREADED);
        float *buffer = instance_audio(i, BSM_PORT_IN_LEFT);
        for (size_t p = 0; p < (s ? 6 : 4); p++) {
            instance_connect(i, audio[p], buffer);
        }
        uint64_t seed = 1;
        for (size_t b = 0; b < 200; b++) {
            noise_fill(&seed, buffer, 512);
            instance_run(i, 512);
        }
        for (size_t n = 0; n < 512; n++) {
            assert_true(fabsf(buffer[n]) <= 1.0001f);
        }
        instance_close(i);
    }
}

/* Left input and output share a buffer, and so do the right ones: each must read the right
 * samples. */
static void test_runs_in_place(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 48000, HOST_THREADED);
    instance_connect(i, BSM_PORT_OUT_LEFT, instance_audio(i, BSM_PORT_IN_LEFT));
    instance_connect(i, BSM_PORT_OUT_RIGHT, instance_audio(i, BSM_PORT_IN_RIGHT));
    instance_run(i, 1);
    size_t latency = (size_t)*instance_control(i, BSM_PORT_LATENCY);
    assert_true(latency > 1000);
    size_t at = 1;                                      /* samples so far */
    for (; at < latency + 5000; at += HOST_MAX_BLOCK) { /* more than the plugin's own 8192 */
        for (size_t n = 0; n < HOST_MAX_BLOCK; n++) {
            instance_audio(i, BSM_PORT_IN_LEFT)[n] = (float)(at + n) / 1e6f;
            instance_audio(i, BSM_PORT_IN_RIGHT)[n] = -(float)(at + n) / 1e6f;
        }
        instance_run(i, HOST_MAX_BLOCK);
        for (size_t n = 0; n < HOST_MAX_BLOCK; n++) {
            float expected = at + n > latency ? (float)(at + n - latency) / 1e6f : 0;
            assert_true(fabsf(instance_audio(i, BSM_PORT_IN_LEFT)[n] - expected) < 1e-7f);
            assert_true(fabsf(instance_audio(i, BSM_PORT_IN_RIGHT)[n] + expected) < 1e-7f);
        }
    }
    instance_close(i);
}

/* Return the level of the output for a constant input, which shows the gain. The identity model
 * makes everything vocals. */
static float settled_level(instance *i)
{
    for (size_t c = 0; c < 2; c++) {
        for (size_t n = 0; n < 8192; n++) {
            instance_audio(i, BSM_PORT_IN_LEFT + c)[n] = n % 2 ? 0.25f : -0.25f;
        }
    }
    for (size_t at = 0; at < 48000; at += 8192) {
        instance_run(i, 8192);
    }
    return fabsf(instance_audio(i, BSM_PORT_OUT_LEFT)[8191]) / 0.25f;
}

static void expect_level(instance *i, float vocals, float instrumental, float expected)
{
    *instance_control(i, BSM_PORT_VOCALS_GAIN) = vocals;
    *instance_control(i, BSM_PORT_INSTRUMENTAL_GAIN) = instrumental;
    float level = settled_level(i);
    if (fabsf(level - expected) > 1e-3f) {
        fail_msg("vocals %g dB, instrumental %g dB: %g instead of %g", (double)vocals,
                 (double)instrumental, (double)level, (double)expected);
    }
}

static void test_gains_act_on_their_parts(void **state)
{
    instance *i = fixture_instance(fixture_host(state)->remix, 44100, HOST_SYNCHRONOUS);
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1;
    instance_set_model(i, fixture_identity());
    expect_level(i, 0, 0, 1);
    expect_level(i, BSM_GAIN_MUTE, 0, 0);
    expect_level(i, 12, BSM_GAIN_MUTE, 3.98107f);
    expect_level(i, 99, 0, 3.98107f);
    expect_level(i, -6, 0, 0.501187f);
    expect_level(i, NAN, 0, 0);
    *instance_control(i, BSM_PORT_ENABLED) = 0;
    expect_level(i, BSM_GAIN_MUTE, 12, 1);
    instance_close(i);
}

/* A step of the gain must not become a step of the output, and the result is the same in blocks of
 * any size. */
static void test_gains_move_smoothly(void **state)
{
    float *results[2];
    enum { LENGTH = 4096 };
    for (size_t r = 0; r < 2; r++) {
        instance *i = fixture_instance(fixture_host(state)->remix, 44100, HOST_SYNCHRONOUS);
        for (size_t n = 0; n < HOST_MAX_BLOCK; n++) {
            instance_audio(i, BSM_PORT_IN_LEFT)[n] = 1;
        }
        for (size_t at = 0; at < 48000; at += 8192) {
            instance_run(i, 8192);
        }
        results[r] = calloc(LENGTH, sizeof(float));
        *instance_control(i, BSM_PORT_INSTRUMENTAL_GAIN) = BSM_GAIN_MUTE;
        size_t block = r ? 1 : 64;
        for (size_t at = 0; at < LENGTH; at += block) {
            instance_run(i, block);
            memcpy(results[r] + at, instance_audio(i, BSM_PORT_OUT_LEFT), block * sizeof(float));
        }
        instance_close(i);
    }
    assert_memory_equal(results[0], results[1], LENGTH * sizeof(float));
    assert_true(results[0][0] > 0.99f && results[0][LENGTH - 1] == 0);
    for (size_t n = 1; n < LENGTH; n++) {
        assert_true(fabsf(results[0][n] - results[0][n - 1]) < 0.002f);
    }
    free(results[0]);
    free(results[1]);
}

static void test_bypass_keeps_time(void **state)
{
    const host *h = fixture_host(state);
    for (size_t s = 0; s < 2; s++) {
        instance *i = fixture_instance(s ? h->stems : h->remix, 48000, HOST_THREADED);
        delay_line line;
        delay_line_init(&line);
        uint64_t seed = 5;
        float before = -1;
        for (size_t b = 0; b < 300; b++) {
            *instance_control(i, BSM_PORT_ENABLED) = b / 20 % 2 ? 0 : 1;
            delay_line_feed(&line, i, &seed, 512);
            instance_run(i, 512);
            float latency = *instance_control(i, BSM_PORT_LATENCY);
            assert_true(latency == before || before < 0);
            before = latency;
            assert_true(delay_line_compare(&line, i, s == 1, (size_t)latency, 512) < 1e-6f);
        }
        instance_close(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_are_those_of_the_description),
        cmocka_unit_test(test_ranges_are_those_of_the_code),
        cmocka_unit_test(test_nothing_is_lost_without_a_model),
        cmocka_unit_test(test_nothing_is_lost_with_a_model),
        cmocka_unit_test(test_all_ports_may_share_a_buffer),
        cmocka_unit_test(test_runs_in_place),
        cmocka_unit_test(test_gains_act_on_their_parts),
        cmocka_unit_test(test_gains_move_smoothly),
        cmocka_unit_test(test_bypass_keeps_time),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
