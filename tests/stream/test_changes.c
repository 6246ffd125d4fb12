/* SPDX-License-Identifier: ISC */
/* Changes a stream while a tone and noise play: nothing clicks, and the reported latency is
 * right. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/stream.h"
#include "clicks.h"
#include "identity.h"
#include "noise.h"

enum { FULL, HALF, OTHER_HOP, NUM_MODELS, NO_MODEL = NUM_MODELS };

static const bsm_stream_options start = {.commit = 5,
                                         .lookahead = 5,
                                         .max_latency = 2,
                                         .memory = BSM_MEMORY_CARRY,
                                         .device = BSM_DEVICE_CPU,
                                         .threads = 1,
                                         .freewheel = true};

typedef struct change {
    const char *what;
    int model;
    bsm_stream_options options;
} change;

#define WITH(...)                                                                                  \
    {                                                                                              \
        .threads = 1, __VA_ARGS__                                                                  \
    }

/* The name tells how each differs from the one before. */
static const change changes[] = {
    {"model", HALF, WITH(.commit = 5, .lookahead = 5, .memory = BSM_MEMORY_CARRY)},
    {"the same again", HALF, WITH(.commit = 5, .lookahead = 5, .memory = BSM_MEMORY_CARRY)},
    {"look-ahead", HALF, WITH(.commit = 5, .lookahead = 60, .memory = BSM_MEMORY_CARRY)},
    {"look-ahead and model", FULL, WITH(.commit = 5, .memory = BSM_MEMORY_CARRY)},
    {"commit", FULL, WITH(.commit = 20, .memory = BSM_MEMORY_CARRY)},
    {"transform", OTHER_HOP, WITH(.commit = 20, .memory = BSM_MEMORY_CARRY)},
    {"device", OTHER_HOP,
     WITH(.commit = 20, .memory = BSM_MEMORY_CARRY, .device = BSM_DEVICE_REFERENCE)},
    {"transform and device", HALF, WITH(.commit = 20, .memory = BSM_MEMORY_CARRY)},
    {"memory", HALF, WITH(.commit = 20, .memory = BSM_MEMORY_BOUNDED, .history = 10)},
    {"precision", HALF,
     WITH(.commit = 20, .memory = BSM_MEMORY_BOUNDED, .history = 10,
          .precision = BSM_PRECISION_INT8)},
    {"latency", HALF, WITH(.latency = 1.5, .memory = BSM_MEMORY_CARRY)},
    {"memory that rolls", HALF, WITH(.latency = 1.5, .memory = BSM_MEMORY_ROLLING)},
    {"none", NO_MODEL, WITH(.latency = 1.5, .memory = BSM_MEMORY_CARRY)},
    {"latency without a model", NO_MODEL, WITH(.latency = 0.3, .memory = BSM_MEMORY_CARRY)},
    {"longer without a model", NO_MODEL, WITH(.latency = 1.9, .memory = BSM_MEMORY_CARRY)},
    {"a model again", FULL, WITH(.latency = 0.15, .memory = BSM_MEMORY_CARRY)},
};

/* ---- A stream that is listened to ---- */

typedef struct player {
    bsm_stream *stream;
    bsm_model *models[NUM_MODELS + 1];
    size_t rate, block;
    bool tone;
    uint64_t seed;
    clicks clicks;
} player;

/* Noise is never close to zero, so that the vocals' fraction is visible in every sample. */
static float sample_at(player *p, uint64_t time)
{
    if (p->tone) {
        return (float)(0.8 * sin(2 * M_PI * 220 * (double)time / (double)p->rate));
    }
    float x = noise_float(&p->seed);
    return x < 0 ? x * 0.5f - 0.25f : x * 0.5f + 0.25f;
}

static void play(player *p, size_t samples)
{
    static float memory[6][BSM_STREAM_MAX_BLOCK];
    float *in[2] = {memory[0], memory[1]}, *vocals[2] = {memory[2], memory[3]};
    float *instrumental[2] = {memory[4], memory[5]};
    for (size_t done = 0; done < samples; done += p->block) {
        for (size_t n = 0; n < p->block; n++) {
            in[0][n] = sample_at(p, p->clicks.position + n);
            in[1][n] = -in[0][n];
        }
        clicks_take(&p->clicks, (const float *const *)in, p->block);
        bsm_stream_process(p->stream, (const float *const *)in, vocals, instrumental, p->block);
        clicks_listen(&p->clicks, bsm_stream_latency(p->stream), (const float *const *)vocals,
                      (const float *const *)instrumental, p->block);
    }
}

static void open_player(player *p, size_t rate, size_t block, bool tone)
{
    bsm_config config = small_stream_config(), other = config;
    bsm_stream_options options = start;
    other.hop = 512;
    options.sample_rate = rate;
    *p = (player){.rate = rate, .block = block, .tone = tone, .seed = 3};
    p->models[FULL] = factor_model(&config, 1);
    p->models[HALF] = factor_model(&config, 0.5f);
    p->models[OTHER_HOP] = factor_model(&other, 0.25f);
    p->stream = open_stream(p->models[FULL], &options);
    p->clicks =
        clicks_begin(rate, bsm_stream_latency(p->stream), rate == config.sample_rate ? 1e-4 : 1e-3);
}

static void close_player(player *p)
{
    clicks_end(&p->clicks);
    bsm_stream_free(p->stream);
    for (size_t m = 0; m < NUM_MODELS; m++) {
        bsm_model_free(p->models[m]);
    }
}

static void set(player *p, const change *to)
{
    bsm_error error = {0};
    if (bsm_stream_set(p->stream, p->models[to->model], &to->options, &error)) {
        fail_msg("%s: %s", to->what, error.message);
    }
}

static void expect_nothing_missed(const player *p)
{
    bsm_stream_stats stats;
    bsm_stream_get_stats(p->stream, &stats);
    assert_int_equal(stats.misses, 0);
    assert_int_equal(stats.dry_samples, 0);
    assert_int_equal(stats.latency, p->clicks.latency);
}

/* ---- Tests ---- */

/* Run fewer cases with sanitizers, which are slow. */
static bool brief;

static const double parts[] = {1, 0.5, 0.25, 0};

static void check_every_change(size_t rate, size_t block, bool tone)
{
    player p;
    open_player(&p, rate, block, tone);
    play(&p, rate);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        set(&p, &changes[i]);
        play(&p, 17 * rate / 4); /* more than twice the longest latency */
        expect_nothing_missed(&p);
        if (!(fabs(p.clicks.part - parts[changes[i].model]) < 0.01)) {
            fail_msg("%s: %g of the whole", changes[i].what, p.clicks.part);
        }
    }
    print_message("%zu Hz, blocks of %zu: %llu changes of the latency\n", rate, block,
                  (unsigned long long)p.clicks.changes);
    assert_int_equal(p.clicks.changes, 9);
    close_player(&p);
}

static void test_every_change(void **state)
{
    (void)state;
    static const size_t blocks[] = {33, 512, BSM_STREAM_MAX_BLOCK};
    check_every_change(48000, 512, true);
    for (size_t b = 0; b < sizeof blocks / sizeof *blocks && !brief; b++) {
        check_every_change(44100, blocks[b], false);
        check_every_change(44100, blocks[b], true);
    }
}

/* Changes follow in random order before the previous one is audible. */
static void test_changes_that_follow_closely(void **state)
{
    (void)state;
    uint64_t seed = 5;
    player p;
    open_player(&p, 44100, 256, false);
    p.clicks.tolerance = 1; /* two models may be crossfaded at two positions at once */
    for (size_t i = 0; i < (brief ? 30 : 100); i++) {
        set(&p, &changes[noise_size(&seed, 0, sizeof changes / sizeof *changes - 1)]);
        play(&p, noise_size(&seed, 0, 8) * 512);
    }
    set(&p, &changes[0]);
    play(&p, 5 * 44100);
    expect_nothing_missed(&p);
    assert_true(fabs(p.clicks.part - 0.5) < 0.01);
    close_player(&p);
}

static void test_at_once_before_the_first_sample(void **state)
{
    (void)state;
    player p;
    open_player(&p, 44100, 512, false);
    const change *last = &changes[sizeof changes / sizeof *changes - 1];
    set(&p, &changes[10]);
    assert_true(bsm_stream_latency(p.stream) > 44100);
    set(&p, last);
    const size_t latency = bsm_stream_latency(p.stream);
    assert_true(latency < 44100 * 15 / 100);
    p.clicks.latency = latency;
    play(&p, 44100);
    assert_int_equal(p.clicks.changes, 0);
    expect_nothing_missed(&p);
    close_player(&p);
}

static void test_what_cannot_be_leaves_all_as_it_was(void **state)
{
    (void)state;
    static const struct {
        bsm_stream_options options;
        bsm_status status;
    } bad[] = {
        {{.latency = 6}, BSM_UNSUPPORTED},
        {{.latency = -1}, BSM_INVALID_ARGUMENT},
        {{.commit = 1000000}, BSM_INVALID_ARGUMENT},
        {{.commit = 5, .device = BSM_DEVICE_CUDA}, BSM_NO_DEVICE},
    };
    player p;
    open_player(&p, 44100, 512, false);
    const size_t latency = bsm_stream_latency(p.stream);
    play(&p, 44100);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bsm_error error = {0};
        bsm_status status = bsm_stream_set(p.stream, p.models[HALF], &bad[i].options, &error);
        if (!status && bad[i].options.device == BSM_DEVICE_CUDA) {
            break; /* this machine has a GPU */
        }
        assert_int_equal(status, bad[i].status);
        assert_true(*error.message);
        play(&p, 22050);
    }
    assert_int_equal(bsm_stream_latency(p.stream), latency);
    assert_int_equal(p.clicks.changes, 0);
    close_player(&p);
}

/* After a restart, what was played before is not audible, and what follows has the same latency as
 * before. */
static void test_restart(void **state)
{
    (void)state;
    player p;
    open_player(&p, 44100, 512, false);
    play(&p, 44100);
    bsm_stream_restart(p.stream);
    const size_t latency = bsm_stream_latency(p.stream);
    clicks_end(&p.clicks);
    p.clicks = clicks_begin(44100, latency, 1e-4);
    play(&p, 44100);
    expect_nothing_missed(&p);
    assert_true(fabs(p.clicks.part - 1) < 0.01);
    close_player(&p);
}

/* ---- What a new voice knows ---- */

enum { RATE = 44100, HEARD = 4 * RATE, AFTER = 2 * RATE, STEP = 441 };

static void process(bsm_stream *stream, const signal *in, signal *vocals, size_t from, size_t to)
{
    for (size_t at = from; at < to; at += STEP) {
        const float *const audio[2] = {in->audio[0] + at, in->audio[1] + at};
        float *const out[2] = {vocals->audio[0] + at, vocals->audio[1] + at};
        float *const none[2] = {NULL, NULL};
        bsm_stream_process(stream, audio, out, none, STEP);
    }
}

/* Return the energy of a - b relative to b, in dB, from a sample on. */
static double difference(const signal *a, const signal *b, size_t from)
{
    double error = 0, whole = 0;
    for (size_t n = from; n < b->samples; n++) {
        const double d = (double)a->audio[0][n] - (double)b->audio[0][n];
        error += d * d;
        whole += (double)b->audio[0][n] * (double)b->audio[0][n];
    }
    return 10 * log10(error / whole + 1e-20);
}

/* Three streams play the same: one that never changes, one that changes to an equal model, and one
 * that begins when the second changes. The second knows the music before that, the third does
 * not. */
static void test_a_new_voice_is_warm(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_model *model = hash_model(&config), *equal = hash_model(&config);
    bsm_stream_options options = start;
    bsm_error error = {0};
    options.sample_rate = RATE;
    bsm_stream *const unchanged = open_stream(model, &options);
    bsm_stream *const changed = open_stream(model, &options);
    bsm_stream *const cold = open_stream(model, &options);
    const size_t latency = bsm_stream_latency(unchanged);
    signal in = noise_signal(HEARD + AFTER, 3),
           out[3] = {new_signal(in.samples), new_signal(in.samples), new_signal(in.samples)};
    process(unchanged, &in, &out[0], 0, in.samples);
    process(changed, &in, &out[1], 0, HEARD);
    assert_int_equal(bsm_stream_set(changed, equal, &options, &error), BSM_OK);
    process(changed, &in, &out[1], HEARD, in.samples);
    process(cold, &in, &out[2], HEARD, in.samples);
    const size_t from = HEARD + latency;
    const double warm_error = difference(&out[1], &out[0], from);
    const double cold_error = difference(&out[2], &out[0], from);
    print_message("after a change %.1f dB, after a cold start %.1f dB\n", warm_error, cold_error);
    assert_true(warm_error < -60);
    assert_true(cold_error > -40);
    for (size_t i = 0; i < 3; i++) {
        free_signal(&out[i]);
    }
    free_signal(&in);
    bsm_stream_free(unchanged);
    bsm_stream_free(changed);
    bsm_stream_free(cold);
    bsm_model_free(model);
    bsm_model_free(equal);
}

/* Usage: test_changes [brief] */
int main(int argc, char **argv)
{
    (void)argv;
    brief = argc > 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_change),
        cmocka_unit_test(test_changes_that_follow_closely),
        cmocka_unit_test(test_at_once_before_the_first_sample),
        cmocka_unit_test(test_what_cannot_be_leaves_all_as_it_was),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_a_new_voice_is_warm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
