/* SPDX-License-Identifier: ISC */
/* Changes everything that the ports and the model of the plugins can change, while noise plays:
 * nothing clicks, and the latency is what the port reports. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clicks.h"
#include "fixture.h"
#include "noise.h"

enum { RATE = 44100 };

typedef struct change {
    int lookahead, device, precision;
    bool other; /* use the other model */
} change;

static const change changes[] = {
    {BSM_LOOKAHEAD_NORMAL, BSM_CHOICE_CPU, BSM_CHOICE_FLOAT32, true},
    {BSM_LOOKAHEAD_LOW, BSM_CHOICE_CPU, BSM_CHOICE_FLOAT32, true},
    {BSM_LOOKAHEAD_HIGH, BSM_CHOICE_CPU, BSM_CHOICE_INT8, false},
    {BSM_LOOKAHEAD_HIGH, BSM_CHOICE_AUTO, BSM_CHOICE_LIVE, false},
    {BSM_LOOKAHEAD_LOW, BSM_CHOICE_CUDA, BSM_CHOICE_FLOAT32, false}, /* there may be no GPU */
    {BSM_LOOKAHEAD_NORMAL, BSM_CHOICE_CPU, BSM_CHOICE_FLOAT32, true},
};

static void play(instance *i, clicks *listener, bool stems, size_t block, size_t samples)
{
    static uint64_t seed = 1;
    const float *out[2], *rest[2];
    for (size_t c = 0; c < 2; c++) {
        out[c] = instance_audio(i, BSM_PORT_OUT_LEFT + (bsm_port)c);
        rest[c] = instance_audio(i, BSM_PORT_INSTRUMENTAL_LEFT + (bsm_port)c);
    }
    for (size_t done = 0; done < samples; done += block) {
        float *const in[2] = {instance_audio(i, BSM_PORT_IN_LEFT),
                              instance_audio(i, BSM_PORT_IN_RIGHT)};
        noise_fill(&seed, in[0], block);
        noise_fill(&seed, in[1], block);
        clicks_take(listener, (const float *const *)in, block);
        instance_run(i, block);
        clicks_listen(listener, (size_t)*instance_control(i, BSM_PORT_LATENCY), out,
                      stems ? rest : NULL, block);
    }
}

static void set(instance *i, const change *to)
{
    *instance_control(i, BSM_PORT_LOOKAHEAD) = (float)to->lookahead;
    *instance_control(i, BSM_PORT_DEVICE) = (float)to->device;
    *instance_control(i, BSM_PORT_PRECISION) = (float)to->precision;
    instance_set_model(i, to->other ? fixture_other() : fixture_identity());
}

/* The host exports, so that nothing is late. The tolerance is 1, because the other model's mask is
 * not a constant. */
static void check_plugin(const LilvPlugin *plugin, size_t block)
{
    const bool stems = host_is_stems(plugin);
    instance *i = fixture_instance(plugin, RATE, HOST_SYNCHRONOUS);
    *instance_control(i, BSM_PORT_FREEWHEEL) = 1;
    instance_set_model(i, fixture_identity());
    instance_run(i, 1);
    clicks listener = clicks_begin(RATE, (size_t)*instance_control(i, BSM_PORT_LATENCY), 1);
    listener.position = 1; /* one sample of silence has been played */
    play(i, &listener, stems, block, RATE);
    for (size_t c = 0; c < sizeof changes / sizeof *changes; c++) {
        set(i, &changes[c]);
        play(i, &listener, stems, block, 5 * RATE / 2);
    }
    assert_true(*instance_control(i, BSM_PORT_MISSES) == 0);
    assert_true(listener.changes >= 3); /* a change that follows closely may replace another one */
    clicks_end(&listener);
    instance_close(i);
}

static void test_nothing_clicks(void **state)
{
    const host *h = fixture_host(state);
    check_plugin(h->remix, 64);
    check_plugin(h->stems, 1000);
    check_plugin(h->remix, 8192);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_clicks),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
