/* SPDX-License-Identifier: ISC */
/* What bsm-live does with the sound: any block, other rates and models while it runs. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "pipeline.h"
#include "stream/identity.h"

enum { BLOCK = 20000 }; /* more than a stream takes at once */

static bsm_error error;

static pipeline *new_pipeline(bsm_model *model, size_t rate)
{
    pipeline *p = NULL;
    const bsm_stream_options options = {
        .sample_rate = rate, .latency = 0.1, .threads = 1, .memory = BSM_MEMORY_CARRY};
    const mix_settings mix = {0};
    if (pipeline_new(model, &options, &mix, &p, &error)) {
        fail_msg("%s", error.message);
    }
    return p;
}

/* Put a signal and the latency's silence through; NULL stems, too. Returns the remix. */
static signal run_pipeline(pipeline *p, const signal *in, bool stems)
{
    const size_t total = in->samples + pipeline_latency(p);
    signal padded = new_signal(total), out = new_signal(total);
    signal vocals = new_signal(total), instrumental = new_signal(total);
    for (size_t c = 0; c < 2; c++) {
        memcpy(padded.audio[c], in->audio[c], in->samples * sizeof(float));
    }
    for (size_t at = 0; at < total; at += BLOCK) {
        backend_buffers b = {0};
        for (size_t c = 0; c < 2; c++) {
            b.in[c] = padded.audio[c] + at;
            b.out[c] = out.audio[c] + at;
            b.vocals[c] = stems ? vocals.audio[c] + at : NULL;
            b.instrumental[c] = stems ? instrumental.audio[c] + at : NULL;
        }
        pipeline_process(p, &b, total - at < BLOCK ? total - at : BLOCK);
    }
    if (stems) {
        assert_true(delay_error(&vocals, pipeline_latency(p), in, 0) < -90);
    }
    free_signal(&padded);
    free_signal(&vocals);
    free_signal(&instrumental);
    return out;
}

static void check_remix(pipeline *p, const signal *in, bool stems)
{
    signal out = run_pipeline(p, in, stems);
    assert_true(delay_error(&out, pipeline_latency(p), in, 0) < -120);
    free_signal(&out);
}

/* Freewheeling, so that nothing is late. */
static void test_large_blocks(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    pipeline *p = new_pipeline(model, 44100);
    signal in = noise_signal(60000, 3);
    pipeline_set_freewheel(p, true);
    check_remix(p, &in, true);
    check_remix(p, &in, false);
    bsm_stream_stats stats;
    pipeline_get_stats(p, &stats);
    assert_int_equal(stats.misses, 0);
    free_signal(&in);
    pipeline_free(p);
    bsm_model_free(model);
}

static void test_rate_changes(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    pipeline *p = new_pipeline(model, 48000);
    const size_t latency = pipeline_latency(p);
    signal in = noise_signal(30000, 5);
    check_remix(p, &in, false);
    assert_int_equal(pipeline_set_rate(p, 48000, &error), BSM_OK);
    /* Two changes before the audio thread takes one, and one that cannot be. */
    assert_int_equal(pipeline_set_rate(p, 96000, &error), BSM_OK);
    assert_int_equal(pipeline_set_rate(p, 44100, &error), BSM_OK);
    assert_int_equal(pipeline_set_rate(p, 1, &error), BSM_INVALID_ARGUMENT);
    assert_int_equal(pipeline_rate(p), 44100);
    assert_int_not_equal(pipeline_latency(p), latency);
    pipeline_set_freewheel(p, true);
    check_remix(p, &in, true);
    pipeline_tidy(p);
    assert_int_equal(pipeline_set_rate(p, 48000, &error), BSM_OK);
    assert_int_equal(pipeline_latency(p), latency);
    free_signal(&in);
    pipeline_free(p); /* with a stream that was never taken */
    bsm_model_free(model);
}

static void test_model_changes(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_config longer = config;
    longer.hop = 1024;
    bsm_model *model = identity_model(&config), *other = identity_model(&longer);
    pipeline *p = new_pipeline(model, 44100);
    const size_t latency = pipeline_latency(p);
    assert_ptr_equal(pipeline_model(p), model);
    assert_int_equal(pipeline_set_model(p, other, 0, 0, &error), BSM_OK);
    assert_ptr_equal(pipeline_model(p), other);
    bsm_model_free(other); /* the pipeline holds it */
    assert_int_not_equal(pipeline_latency(p), latency);
    char name[64];
    pipeline_device_name(p, name, sizeof name);
    assert_non_null(strstr(name, "cpu"));
    pipeline_free(p);
    bsm_model_free(model);
}

/* A look-ahead and a history that the stream was not made for, and some that no stream has. */
static void test_frames_change(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    const bsm_stream_options options = {.sample_rate = 44100,
                                        .commit = 4,
                                        .lookahead = 8,
                                        .history = 9,
                                        .threads = 1,
                                        .memory = BSM_MEMORY_BOUNDED};
    const mix_settings mix = {0};
    pipeline *p = NULL;
    assert_int_equal(pipeline_new(model, &options, &mix, &p, &error), BSM_OK);
    pipeline_set_freewheel(p, true);
    assert_int_equal(pipeline_set_model(p, model, 200, 9, &error), BSM_OK);
    assert_true(pipeline_latency(p) > 200 * config.hop);
    assert_int_equal(pipeline_set_model(p, model, 2, 30, &error), BSM_OK);
    assert_true(pipeline_latency(p) < 20 * config.hop);
    assert_int_equal(pipeline_set_model(p, model, 1 << 20, 9, &error), BSM_INVALID_ARGUMENT);
    bsm_stream_stats stats;
    pipeline_get_stats(p, &stats);
    assert_int_equal(stats.lookahead, 2);
    assert_int_equal(stats.history, 30);
    signal in = noise_signal(20000, 3);
    check_remix(p, &in, true);
    free_signal(&in);
    pipeline_free(p);
    bsm_model_free(model);
}

/* ---- The audio thread against the others ---- */

typedef struct player {
    pipeline *pipeline;
    _Atomic bool stop;
} player;

static void *play(void *user)
{
    player *a = user;
    static float buffers[2][256];
    const backend_buffers b = {.in = {buffers[0], buffers[1]}, .out = {buffers[0], buffers[1]}};
    while (!a->stop) {
        pipeline_process(a->pipeline, &b, 256);
    }
    return NULL;
}

/* For the thread sanitizer and the memory checkers; nothing to hear. */
static void test_changes_while_it_plays(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    player a = {.pipeline = new_pipeline(model, 48000)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play, &a), 0);
    for (size_t i = 0; i < 30; i++) {
        const struct timespec pause = {.tv_nsec = 5000000};
        const mix_settings mix = {.solo = (mix_solo)(i % 3), .bypass = i % 5 == 0};
        mixer_set(pipeline_mixer(a.pipeline), &mix);
        assert_true(mixer_take_peak(pipeline_mixer(a.pipeline), MIX_VOCALS) >= 0);
        pipeline_set_freewheel(a.pipeline, i % 4 == 0);
        assert_int_equal(pipeline_set_rate(a.pipeline, i % 2 ? 44100 : 48000, &error), BSM_OK);
        pipeline_tidy(a.pipeline);
        nanosleep(&pause, NULL);
    }
    a.stop = true;
    pthread_join(thread, NULL);
    pipeline_free(a.pipeline);
    bsm_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_blocks),           cmocka_unit_test(test_rate_changes),
        cmocka_unit_test(test_frames_change),          cmocka_unit_test(test_model_changes),
        cmocka_unit_test(test_changes_while_it_plays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
