/* SPDX-License-Identifier: ISC */
/* Tests how bsm-live processes audio: in any block size, with other rates and models while it
 * runs. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "clicks.h"
#include "identity.h"
#include "noise.h"
#include "pipeline.h"

enum { BLOCK = 20000 }; /* more than a stream takes at once */

static bsm_error error;

static pipeline *new_pipeline(bsm_model *model, size_t rate)
{
    pipeline *p = NULL;
    const bsm_stream_options options = {.sample_rate = rate,
                                        .latency = 0.1,
                                        .max_latency = 1,
                                        .threads = 1,
                                        .memory = BSM_MEMORY_CARRY};
    const bsm_remix_settings mix = {0};
    if (pipeline_new(model, &options, &mix, &p, &error)) {
        fail_msg("%s", error.message);
    }
    return p;
}

/* Play a signal, then silence for the latency, with or without NULL stems. Return the remix. */
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

/* When freewheeling, nothing is late. */
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
    /* There are two changes before the audio thread takes one, and one that is impossible. */
    assert_int_equal(pipeline_set_rate(p, 96000, &error), BSM_OK);
    assert_int_equal(pipeline_set_rate(p, 44100, &error), BSM_OK);
    assert_int_equal(pipeline_set_rate(p, 1, &error), BSM_INVALID_ARGUMENT);
    assert_int_equal(pipeline_rate(p), 44100);
    assert_int_not_equal(pipeline_latency(p), latency);
    pipeline_set_freewheel(p, true);
    signal silence = new_signal(1000), faded = run_pipeline(p, &silence, false);
    check_remix(p, &in, true);
    free_signal(&silence);
    free_signal(&faded);
    pipeline_tidy(p);
    assert_int_equal(pipeline_set_rate(p, 48000, &error), BSM_OK);
    assert_int_equal(pipeline_latency(p), latency);
    free_signal(&in);
    pipeline_free(p); /* includes a stream that was never taken */
    bsm_model_free(model);
}

/* Play a tone; return the largest step from one sample to the next. */
static float play_tone(pipeline *p, uint64_t *time, float last[2], size_t samples)
{
    static float buffers[2][512];
    const backend_buffers b = {.in = {buffers[0], buffers[1]}, .out = {buffers[0], buffers[1]}};
    float worst = 0;
    for (size_t done = 0; done < samples; done += 512) {
        for (size_t n = 0; n < 512; n++, ++*time) {
            buffers[0][n] = buffers[1][n] = 0.8F * sinf(0.02F * (float)(*time % 314159));
        }
        pipeline_process(p, &b, 512);
        pipeline_tidy(p);
        for (size_t c = 0; c < 2; c++) {
            for (size_t n = 0; n < 512; n++) {
                worst = fmaxf(worst, fabsf(buffers[c][n] - last[c]));
                last[c] = buffers[c][n];
            }
        }
    }
    return worst;
}

static void test_rate_changes_do_not_click(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    pipeline *p = new_pipeline(model, 48000);
    uint64_t time = 0;
    float last[2] = {0}, steps[4];
    pipeline_set_freewheel(p, true);
    static const size_t rates[] = {48000, 44100, 192000, 48000};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pipeline_set_rate(p, rates[i], &error), BSM_OK);
        steps[i] = play_tone(p, &time, last, 60000 + 100 * i);
        assert_true(fabsf(last[0]) > 0 && steps[i] < 0.03F);
    }
    pipeline_free(p);
    bsm_model_free(model);
}

static bsm_stream_options options_at(size_t rate)
{
    return (bsm_stream_options){.sample_rate = rate,
                                .commit = 10,
                                .lookahead = 8,
                                .max_latency = 3,
                                .threads = 1,
                                .memory = BSM_MEMORY_CARRY};
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
    const bsm_stream_options options = options_at(44100);
    assert_ptr_equal(pipeline_model(p), model);
    assert_int_equal(pipeline_set(p, other, &options, &error), BSM_OK);
    assert_ptr_equal(pipeline_model(p), other);
    bsm_model_free(other); /* the pipeline has a reference */
    assert_int_equal(pipeline_latency(p), latency);
    assert_true(pipeline_follow_latency(p));
    assert_int_not_equal(pipeline_latency(p), latency);
    assert_false(pipeline_follow_latency(p));
    char name[64];
    pipeline_device_name(p, name, sizeof name);
    assert_non_null(strstr(name, "cpu"));
    pipeline_free(p);
    bsm_model_free(model);
}

static void play_noise(pipeline *p, clicks *listener, uint64_t *seed, size_t block, size_t samples)
{
    static float in[2][BSM_STREAM_MAX_BLOCK], out[2][BSM_STREAM_MAX_BLOCK];
    const backend_buffers b = {.in = {in[0], in[1]}, .out = {out[0], out[1]}};
    for (size_t done = 0; done < samples; done += block) {
        noise_fill(seed, in[0], block);
        noise_fill(seed, in[1], block);
        clicks_take(listener, b.in, block);
        pipeline_process(p, &b, block);
        pipeline_follow_latency(p);
        clicks_listen(listener, pipeline_latency(p), (const float *const *)b.out, NULL, block);
    }
}

/* Make every kind of change like the program; the output is the remix. */
static void check_changes(size_t block)
{
    const bsm_config config = small_stream_config();
    bsm_config other_hop = config;
    other_hop.hop = 512;
    bsm_model *models[] = {factor_model(&config, 1), factor_model(&other_hop, 0.5F)};
    pipeline *p = NULL;
    bsm_stream_options options = options_at(48000);
    const bsm_remix_settings mix = {0};
    assert_int_equal(pipeline_new(models[0], &options, &mix, &p, &error), BSM_OK);
    pipeline_set_freewheel(p, true);
    clicks listener = clicks_begin(48000, pipeline_latency(p), 1e-3);
    uint64_t seed = 1;
    play_noise(p, &listener, &seed, block, 48000);
    for (size_t i = 0; i < 8; i++) {
        options.lookahead = i % 3 ? 8 : 60;
        options.memory = i % 2 ? BSM_MEMORY_BOUNDED : BSM_MEMORY_CARRY;
        options.history = i % 2 ? 10 : 0;
        options.device = i % 5 ? BSM_DEVICE_CPU : BSM_DEVICE_REFERENCE;
        options.precision = i == 6 ? BSM_PRECISION_INT8 : BSM_PRECISION_FLOAT32;
        assert_int_equal(pipeline_set(p, models[i / 3 % 2], &options, &error), BSM_OK);
        play_noise(p, &listener, &seed, block, 60000);
    }
    bsm_stream_stats stats;
    pipeline_get_stats(p, &stats);
    assert_int_equal(stats.misses, 0);
    assert_true(listener.changes >= 5);
    clicks_end(&listener);
    pipeline_free(p);
    bsm_model_free(models[0]);
    bsm_model_free(models[1]);
}

static void test_changes_do_not_click(void **state)
{
    (void)state;
    check_changes(64);
    check_changes(1000);
    check_changes(BSM_STREAM_MAX_BLOCK);
}

/* Tests changes that no stream supports, and one for which this stream has no room. */
static void test_what_cannot_be(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    pipeline *p = new_pipeline(model, 44100);
    const size_t latency = pipeline_latency(p);
    bsm_stream_options options = options_at(44100);
    options.lookahead = 1 << 20;
    assert_int_equal(pipeline_set(p, model, &options, &error), BSM_INVALID_ARGUMENT);
    options.lookahead = 2000; /* 20 s */
    assert_int_equal(pipeline_set(p, model, &options, &error), BSM_UNSUPPORTED);
    assert_false(pipeline_follow_latency(p));
    assert_int_equal(pipeline_latency(p), latency);
    pipeline_free(p);
    bsm_model_free(model);
}

/* All of the noise is separated as vocals, so that only their gain is audible. */
static void test_mix_and_peaks(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    pipeline *p = new_pipeline(model, 44100);
    signal in = noise_signal(60000, 3);
    float peaks[BSM_NUM_PARTS];
    pipeline_set_freewheel(p, true);
    const bsm_remix_settings mute = {.mute = {true, false}};
    pipeline_set_mix(p, &mute);
    signal out = run_pipeline(p, &in, true);
    for (size_t n = 5000; n < in.samples; n++) {
        assert_true(fabsf(out.audio[0][n]) < 1e-4F);
    }
    pipeline_take_peaks(p, peaks);
    assert_true(peaks[BSM_VOCALS] > 0.49F && peaks[BSM_VOCALS] < 0.51F);
    assert_true(peaks[BSM_INSTRUMENTAL] < 1e-4F);
    pipeline_take_peaks(p, peaks);
    assert_true(peaks[BSM_VOCALS] == 0);
    free_signal(&out);
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

/* This is for the thread sanitizer and the memory checkers; it checks no samples. */
static void test_changes_while_it_plays(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    player a = {.pipeline = new_pipeline(model, 48000)};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, play, &a), 0);
    for (size_t i = 0; i < 12; i++) {
        const struct timespec pause = {.tv_nsec = 5000000};
        const bsm_remix_settings mix = {.solo = (bsm_solo)(i % 3), .bypass = i % 5 == 0};
        float peaks[BSM_NUM_PARTS];
        const bsm_stream_options options = options_at(0);
        pipeline_set_mix(a.pipeline, &mix);
        pipeline_take_peaks(a.pipeline, peaks);
        assert_int_equal(pipeline_set(a.pipeline, model, &options, &error), BSM_OK);
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
        cmocka_unit_test(test_large_blocks),
        cmocka_unit_test(test_rate_changes_do_not_click),
        cmocka_unit_test(test_rate_changes),
        cmocka_unit_test(test_model_changes),
        cmocka_unit_test(test_changes_do_not_click),
        cmocka_unit_test(test_what_cannot_be),
        cmocka_unit_test(test_mix_and_peaks),
        cmocka_unit_test(test_changes_while_it_plays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
