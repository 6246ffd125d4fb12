/* SPDX-License-Identifier: ISC */
/* A stream's latency and samples are exact at every rate and block size. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "identity.h"
#include "separate/separation.h"

static bsm_stream_options options_at(size_t rate)
{
    return (bsm_stream_options){.sample_rate = rate,
                                .commit = 10,
                                .lookahead = 10,
                                .memory = BSM_MEMORY_CARRY,
                                .device = BSM_DEVICE_CPU,
                                .threads = 1,
                                .freewheel = true};
}

/* Test fewer rates with sanitizers, which are slow. */
static bool brief;

static void test_identity_is_a_delay(void **unused)
{
    (void)unused;
    static const size_t rates[] = {44100, 48000, 8000, 11025, 22050, 32000, 88200, 96000, 192000};
    bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    for (size_t i = 0; i < (brief ? 2 : sizeof rates / sizeof *rates); i++) {
        bsm_stream_options options = options_at(rates[i]);
        bsm_stream *stream = open_stream(model, &options);
        size_t latency = bsm_stream_latency(stream);
        bool same_rate = rates[i] == 44100;
        double highest = fmin(18000, 0.4 * (double)rates[i]);
        signal in = same_rate ? noise_signal(2 * rates[i], 3)
                              : sines_signal(2 * rates[i], rates[i], highest);
        stream_result out = play_signal(stream, &in, 0);
        double error = delay_error(&out.vocals, latency, &in, same_rate ? 0 : rates[i] / 50);
        print_message("%zu Hz: latency %zu samples, %.3f s, error %.1f dB\n", rates[i], latency,
                      (double)latency / (double)rates[i], error);
        assert_true(error < (same_rate ? -90 : -80));
        assert_true(sum_error(&out, latency, &in) < 1e-6);

        bsm_stream_stats stats;
        bsm_stream_get_stats(stream, &stats);
        assert_int_equal(stats.misses, 0);
        assert_int_equal(stats.dry_samples, 0);
        assert_int_equal(stats.dropped, 0);
        assert_int_equal(stats.processed, in.samples + latency);
        bsm_stream_free(stream);
        free_result(&out);
        free_signal(&in);
    }
    bsm_model_free(model);
}

static void check_block_sizes(size_t rate)
{
    static const size_t blocks[] = {8192, 1, 64, 441, 1024, 0};
    bsm_config config = small_stream_config();
    bsm_model *model = hash_model(&config);
    bsm_stream_options options = options_at(rate);
    signal in = noise_signal(rate, 5);
    stream_result first = {0};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        bsm_stream *stream = open_stream(model, &options);
        stream_result out = play_signal(stream, &in, blocks[i]);
        if (i == 0) {
            first = out;
        } else {
            for (size_t c = 0; c < 2; c++) {
                size_t bytes = out.vocals.samples * sizeof(float);
                assert_memory_equal(out.vocals.audio[c], first.vocals.audio[c], bytes);
                assert_memory_equal(out.instrumental.audio[c], first.instrumental.audio[c], bytes);
            }
            free_result(&out);
        }
        bsm_stream_free(stream);
    }
    free_result(&first);
    free_signal(&in);
    bsm_model_free(model);
}

static void test_block_sizes_change_nothing(void **unused)
{
    (void)unused;
    check_block_sizes(44100);
    check_block_sizes(48000);
}

/* ---- The same as a file ---- */

typedef struct reader {
    const signal *in;
    size_t at;
} reader;

static bsm_status read_samples(void *user, float *const *audio, size_t count, size_t *got,
                               bsm_error *error)
{
    (void)error;
    reader *r = user;
    size_t left = r->in->samples - r->at;
    *got = count < left ? count : left;
    for (size_t c = 0; c < 2; c++) {
        memcpy(audio[c], r->in->audio[c] + r->at, *got * sizeof(float));
    }
    r->at += *got;
    return BSM_OK;
}

/* Separate like bsm-separate --commit. */
static signal separate_whole(bsm_model *model, const signal *in, const bsm_block_shape *shape,
                             bsm_rolling rolling)
{
    bsm_network_options options = {.device = BSM_DEVICE_CPU,
                                   .threads = 1,
                                   .max_frames = shape->history + shape->commit + shape->lookahead,
                                   .streaming = true,
                                   .rolling = rolling};
    bsm_network *network = NULL;
    assert_int_equal(bsm_network_new(model, &options, &network, NULL), BSM_OK);
    reader r = {.in = in};
    bsm_separation separation = {.config = bsm_model_config(model),
                                 .separator = bsm_separator_of_network(network),
                                 .signal = {&r, read_samples},
                                 .lanes = 1,
                                 .wanted = {true}};
    bsm_blocks *blocks = NULL;
    assert_int_equal(bsm_blocks_new(&separation, shape, &blocks, NULL), BSM_OK);
    signal out = new_signal(in->samples);
    float *const *audio;
    size_t count = 1;
    for (size_t at = 0; count > 0; at += count) {
        assert_int_equal(bsm_blocks_next(blocks, &audio, &count, NULL), BSM_OK);
        for (size_t c = 0; c < 2; c++) {
            memcpy(out.audio[c] + at, audio[c], count * sizeof(float));
        }
    }
    bsm_blocks_free(blocks);
    bsm_network_free(network);
    return out;
}

/* The stream's input continues with silence after the end of the file. Look-ahead past the end sees
 * something else there, so the last second is not compared. */
static void check_against_file(const bsm_stream_options *options)
{
    enum { SECONDS = 4 };
    bsm_config config = small_stream_config();
    config.segment = 1; /* so that rolling memory rolls */
    bsm_model *model = hash_model(&config);
    signal in = noise_signal(SECONDS * 44100, 9);
    bsm_stream *stream = open_stream(model, options);
    stream_result out = play_signal(stream, &in, 512);
    bsm_stream_stats stats;
    bsm_stream_get_stats(stream, &stats);
    bsm_block_shape shape = {stats.commit, stats.lookahead, stats.history};
    const bsm_rolling rolling = {stats.segment, stats.warmup};
    signal whole = separate_whole(model, &in, &shape, rolling);
    for (size_t c = 0; c < 2; c++) {
        double error = golden_relative_error(out.vocals.audio[c] + stats.latency, whole.audio[c],
                                             (SECONDS - 1) * 44100);
        assert_true(error < 1e-5);
    }
    free_signal(&whole);
    bsm_stream_free(stream);
    free_result(&out);
    free_signal(&in);
    bsm_model_free(model);
}

static void test_equals_a_separated_file(void **unused)
{
    (void)unused;
    bsm_stream_options options = options_at(44100);
    check_against_file(&options);
    options.lookahead = 0;
    check_against_file(&options);
    options.commit = 1;
    check_against_file(&options);
    options.commit = 0; /* chosen automatically */
    check_against_file(&options);
    options.memory = BSM_MEMORY_BOUNDED;
    options.history = 33;
    check_against_file(&options);
    options.memory = BSM_MEMORY_ROLLING;
    options.commit = 7;
    check_against_file(&options);
    options.lookahead = 9;
    options.warmup = 0.3;
    check_against_file(&options);
}

/* The expander's delay is part of the latency, also if blocks are shorter than that delay. */
static void test_an_expander_delays(void **unused)
{
    (void)unused;
    bsm_config config = small_stream_config();
    size_t latencies[2];
    for (size_t i = 0; i < 2; i++) {
        config.expander = i ? 60 : 0;
        bsm_model *model = identity_model(&config);
        bsm_stream_options options = options_at(44100);
        options.commit = 1;
        options.lookahead = 0;
        bsm_stream *stream = open_stream(model, &options);
        latencies[i] = bsm_stream_latency(stream);
        signal in = noise_signal(44100, 3);
        stream_result out = play_signal(stream, &in, 64);
        assert_true(delay_error(&out.vocals, latencies[i], &in, 0) < -90);
        assert_true(sum_error(&out, latencies[i], &in) < 1e-6);
        bsm_stream_free(stream);
        free_result(&out);
        free_signal(&in);
        bsm_model_free(model);
    }
    assert_int_equal(latencies[1] - latencies[0], bsm_expander_delay(&config));
}

/* ---- Buffers and options ---- */

static void test_all_buffers_may_be_one(void **unused)
{
    (void)unused;
    enum { BLOCK = 256 };
    bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    bsm_stream_options options = options_at(44100);
    bsm_stream *stream = open_stream(model, &options);
    size_t latency = bsm_stream_latency(stream);
    signal in = noise_signal(44100 / BLOCK * BLOCK, 11);
    float buffer[BLOCK];
    for (size_t at = 0; at < in.samples; at += BLOCK) {
        /* Both inputs and all outputs share it. The instrumental's right channel is written last,
         * and is silent, because everything becomes vocals. */
        memcpy(buffer, in.audio[0] + at, sizeof buffer);
        bsm_stream_process(stream, (const float *[]){buffer, buffer}, (float *[]){buffer, buffer},
                           (float *[]){NULL, NULL}, BLOCK);
        for (size_t i = 0; i < BLOCK; i++) {
            float expected = at + i < latency ? 0 : in.audio[0][at + i - latency];
            assert_true(fabsf(buffer[i] - expected) < 1e-5f);
        }
    }
    bsm_stream_free(stream);
    free_signal(&in);
    bsm_model_free(model);
}

static void test_without_a_model(void **unused)
{
    (void)unused;
    bsm_stream_options options = options_at(48000);
    bsm_stream *stream = open_stream(NULL, &options);
    size_t latency = bsm_stream_latency(stream);
    signal in = noise_signal(96000, 13);
    stream_result out = play_signal(stream, &in, 0);
    assert_true(sum_error(&out, latency, &in) == 0);
    bsm_stream_stats stats;
    bsm_stream_get_stats(stream, &stats);
    assert_int_equal(stats.misses, 0);
    char name[64];
    bsm_stream_device_name(stream, name, sizeof name);
    assert_string_equal(name, "none");
    bsm_stream_free(stream);
    free_result(&out);
    free_signal(&in);
}

static void test_precision(void **unused)
{
    (void)unused;
    bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    for (int int8 = 0; int8 < 2; int8++) {
        bsm_stream_options options = options_at(44100);
        options.device = BSM_DEVICE_CPU;
        options.precision = int8 ? BSM_PRECISION_INT8 : BSM_PRECISION_FLOAT32;
        bsm_stream *stream = open_stream(model, &options);
        char name[128];
        bsm_stream_device_name(stream, name, sizeof name);
        assert_int_equal(strstr(name, "int8") != NULL, int8 && cpu_has_int8());
        bsm_stream_free(stream);
    }
    bsm_model_free(model);
}

/* When freewheeling, a model that was set is audible exactly one latency later, however slow the
 * worker is. */
static void test_a_first_model_while_freewheeling(void **unused)
{
    (void)unused;
    bsm_config config = small_stream_config();
    bsm_model *model = identity_model(&config);
    bsm_stream_options options = options_at(44100);
    for (int i = 0; i < 20; i++) {
        bsm_stream *stream = open_stream(NULL, &options);
        assert_int_equal(bsm_stream_set(stream, model, NULL, NULL), BSM_OK);
        signal in = noise_signal(10000, 3);
        stream_result out = play_signal(stream, &in, 500);
        size_t latency = bsm_stream_latency(stream);
        for (size_t n = 1000; n < in.samples; n++) {
            float difference = out.vocals.audio[0][n + latency] - in.audio[0][n];
            assert_true(fabsf(difference) < 1e-5f);
        }
        bsm_stream_free(stream);
        free_signal(&in);
        free_result(&out);
    }
    bsm_model_free(model);
}

/* Change to a longer latency and back, in large blocks: the vocals are never missing. */
static void test_another_latency(void **unused)
{
    (void)unused;
    bsm_config config = small_stream_config(), longer = config;
    longer.hop = 2 * config.hop;
    bsm_model *models[] = {identity_model(&config), identity_model(&longer)};
    const bsm_stream_options options = options_at(44100);
    bsm_stream *stream = open_stream(models[0], &options);
    signal in = noise_signal(100000, 19);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(bsm_stream_set(stream, models[(i + 1) % 2], NULL, NULL), BSM_OK);
        bsm_stream_stats stats;
        stream_result out = play_signal(stream, &in, BSM_STREAM_MAX_BLOCK - 1000 * i);
        free_result(&out);
        bsm_stream_get_stats(stream, &stats);
        assert_int_equal(stats.misses, 0);
        assert_int_equal(stats.dry_samples, 0);
    }
    bsm_stream_free(stream);
    free_signal(&in);
    bsm_model_free(models[0]);
    bsm_model_free(models[1]);
}

static void test_what_is_not_a_number(void **unused)
{
    (void)unused;
    bsm_config config = small_stream_config();
    bsm_model *model = hash_model(&config);
    bsm_stream_options options = options_at(44100);
    bsm_stream *stream = open_stream(model, &options);
    signal in = noise_signal(3 * 44100, 17), clean = noise_signal(3 * 44100, 17);
    const float odd[] = {NAN, INFINITY, -INFINITY, 1e-40f, -1e-41f};
    for (size_t i = 0; i < 1000; i++) {
        in.audio[i % 2][20000 + 7 * i] = odd[i % 5];
        clean.audio[i % 2][20000 + 7 * i] = 0;
    }
    stream_result out = play_signal(stream, &in, 0);
    assert_true(sum_error(&out, bsm_stream_latency(stream), &clean) < 1e-6);
    for (size_t i = 0; i < out.vocals.samples; i++) {
        assert_true(isfinite(out.vocals.audio[0][i]));
    }
    bsm_stream_stats stats;
    bsm_stream_get_stats(stream, &stats);
    assert_int_equal(stats.nonfinite, 600);
    bsm_stream_free(stream);
    free_result(&out);
    free_signal(&in);
    free_signal(&clean);
    bsm_model_free(model);
}

static void test_bad_options(void **unused)
{
    (void)unused;
    bsm_stream_options bad[] = {
        {.sample_rate = 0},
        {.sample_rate = 7999},
        {.sample_rate = 192001},
        {.sample_rate = 48000, .max_block = 8193},
        {.sample_rate = 48000, .latency = -1},
        {.sample_rate = 48000, .latency = (double)NAN},
        {.sample_rate = 48000, .commit = 1000000},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bsm_stream *stream = NULL;
        bsm_error error = {0};
        assert_int_equal(bsm_stream_new(NULL, &bad[i], &stream, &error), BSM_INVALID_ARGUMENT);
        assert_true(strlen(error.message) > 0);
        assert_null(stream);
    }
    bsm_config mono = small_stream_config();
    mono.channels = 1;
    bsm_model *model = hash_model(&mono);
    bsm_stream_options options = options_at(48000);
    bsm_stream *stream = NULL;
    assert_int_equal(bsm_stream_new(model, &options, &stream, NULL), BSM_UNSUPPORTED);
    bsm_model_free(model);
}

static void test_the_wished_latency(void **unused)
{
    (void)unused;
    static const size_t rates[] = {44100, 48000, 96000};
    bsm_config config = small_stream_config();
    bsm_model *model = hash_model(&config);
    for (size_t i = 0; i < 3; i++) {
        for (double wish = 0.15; wish < 4; wish *= 1.5) {
            bsm_stream_options options = {
                .sample_rate = rates[i], .latency = wish, .memory = BSM_MEMORY_CARRY, .threads = 1};
            bsm_stream *stream = open_stream(model, &options);
            double latency = (double)bsm_stream_latency(stream) / (double)rates[i];
            assert_true(latency <= wish && latency > wish - 0.035);
            bsm_stream_free(stream);
        }
    }
    bsm_model_free(model);
}

static bsm_stream_stats stats_with(bsm_model *model, size_t rate, size_t lookahead, double latency)
{
    bsm_stream_options options = {.sample_rate = rate,
                                  .lookahead = lookahead,
                                  .keep_lookahead = true,
                                  .latency = latency,
                                  .memory = BSM_MEMORY_CARRY,
                                  .threads = 1};
    bsm_stream_stats stats;
    bsm_stream *stream = open_stream(model, &options);
    bsm_stream_get_stats(stream, &stats);
    bsm_stream_free(stream);
    assert_int_equal(stats.lookahead, lookahead);
    return stats;
}

static void test_a_look_ahead_that_is_kept(void **unused)
{
    (void)unused;
    static const size_t rates[] = {44100, 48000};
    bsm_config config = small_stream_config();
    bsm_model *model = hash_model(&config);
    for (size_t i = 0; i < 2; i++) {
        double rate = (double)rates[i], step = 2 * 441 / 44100.0;
        bsm_stream_stats stats = stats_with(model, rates[i], 10, 0.5);
        assert_true((double)stats.latency / rate <= 0.5);
        assert_true((double)stats.latency / rate > 0.5 - step);
        stats = stats_with(model, rates[i], 0, 0);
        assert_true((double)stats.latency / rate <= 0.8);
        assert_true((double)stats.latency / rate > 0.8 - step);
        assert_int_equal(stats_with(model, rates[i], 20, 0).commit, 20);
        assert_int_equal(stats_with(model, rates[i], 0, 0.001).commit, 1);
        assert_int_equal(stats_with(model, rates[i], 100, 0.1).commit, 1);
    }
    bsm_model_free(model);
}

/* ---- Several at once: one pool computes for all, and mixes nothing up ---- */

typedef struct player {
    bsm_model *model;
    signal in;
    stream_result out;
} player;

static void *play(void *user)
{
    player *p = user;
    bsm_stream_options options = options_at(44100);
    bsm_stream *stream = open_stream(p->model, &options);
    p->out = play_signal(stream, &p->in, 500);
    bsm_stream_free(stream);
    return NULL;
}

static void test_many_streams_at_once(void **unused)
{
    (void)unused;
    enum { STREAMS = 12 };
    bsm_config config = small_stream_config();
    bsm_model *model = hash_model(&config);
    player players[STREAMS];
    pthread_t threads[STREAMS];
    for (size_t i = 0; i < STREAMS; i++) {
        players[i] = (player){.model = model, .in = noise_signal(44100, (unsigned int)i / 2)};
        assert_int_equal(pthread_create(&threads[i], NULL, play, &players[i]), 0);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        pthread_join(threads[i], NULL);
    }
    size_t bytes = players[0].out.vocals.samples * sizeof(float);
    for (size_t i = 0; i < STREAMS; i += 2) { /* pairs have the same input */
        const float *a = players[i].out.vocals.audio[0], *b = players[i + 1].out.vocals.audio[0];
        assert_memory_equal(a, b, bytes);
        assert_memory_not_equal(a, players[(i + 2) % STREAMS].out.vocals.audio[0], bytes);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        free_signal(&players[i].in);
        free_result(&players[i].out);
    }
    bsm_model_free(model);
}

/* ---- Memory ---- */

static bsm_stream_stats memory_of(const bsm_stream_options *options)
{
    bsm_config config = small_stream_config();
    bsm_model *model = hash_model(&config);
    bsm_stream *stream = open_stream(model, options);
    bsm_stream_stats stats;
    bsm_stream_get_stats(stream, &stats);
    bsm_stream_free(stream);
    bsm_model_free(model);
    return stats;
}

/* Models that were trained on 8 s are not given more than that. */
static void test_memory_follows_the_model(void **unused)
{
    (void)unused;
    bsm_stream_options options = options_at(44100);
    options.memory = BSM_MEMORY_MODEL;
    bsm_stream_stats stats = memory_of(&options);
    assert_int_equal(stats.segment, 800);
    assert_int_equal(stats.warmup, 200);
    assert_int_equal(stats.history, 0);
    options.commit = options.lookahead = 300; /* no room for two states */
    stats = memory_of(&options);
    assert_int_equal(stats.segment, 0);
    assert_int_equal(stats.history, 200);
    options = options_at(44100);
    options.memory = BSM_MEMORY_BOUNDED;
    stats = memory_of(&options);
    assert_int_equal(stats.history + stats.commit + stats.lookahead, 800);
    options.memory = BSM_MEMORY_CARRY;
    stats = memory_of(&options);
    assert_int_equal(stats.history + stats.segment, 0);
}

static void test_a_warmup_needs_room(void **unused)
{
    (void)unused;
    bsm_config config = small_stream_config();
    bsm_model *model = hash_model(&config);
    bsm_stream_options options = options_at(44100);
    bsm_stream *stream = NULL;
    bsm_error error = {0};
    options.memory = BSM_MEMORY_ROLLING;
    options.warmup = 4.5;
    assert_int_equal(bsm_stream_new(model, &options, &stream, &error), BSM_INVALID_ARGUMENT);
    assert_non_null(
        strstr(error.message, "no room for two warm-ups of 450 in the model's segment"));
    options.warmup = -1;
    assert_int_equal(bsm_stream_new(model, &options, &stream, &error), BSM_INVALID_ARGUMENT);
    options.warmup = 3;
    assert_int_equal(memory_of(&options).warmup, 300);
    bsm_model_free(model);
}

/* Usage: test_stream [brief] */
int main(int argc, char **argv)
{
    (void)argv;
    brief = argc > 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_is_a_delay),
        cmocka_unit_test(test_an_expander_delays),
        cmocka_unit_test(test_block_sizes_change_nothing),
        cmocka_unit_test(test_equals_a_separated_file),
        cmocka_unit_test(test_all_buffers_may_be_one),
        cmocka_unit_test(test_without_a_model),
        cmocka_unit_test(test_precision),
        cmocka_unit_test(test_a_first_model_while_freewheeling),
        cmocka_unit_test(test_another_latency),
        cmocka_unit_test(test_what_is_not_a_number),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_the_wished_latency),
        cmocka_unit_test(test_a_look_ahead_that_is_kept),
        cmocka_unit_test(test_many_streams_at_once),
        cmocka_unit_test(test_memory_follows_the_model),
        cmocka_unit_test(test_a_warmup_needs_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
