/* SPDX-License-Identifier: ISC */
/* Tests rolling memory: a stream equals what its states yield if each is computed alone as
 * docs/model.md says; no state sees too much or too little; and one takes over from the other
 * without a click. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocks.h"
#include "net/history.h"
#include "noise.h"
#include "odd_config.h"

static const double PI = 3.14159265358979323846;

static const bsm_device_kind devices[] = {BSM_DEVICE_REFERENCE, BSM_DEVICE_CPU};

/* Everything in frames. */
typedef struct shape {
    size_t total, commit, lookahead;
    bsm_rolling rolling;
} shape;

static const shape shapes[] = {
    {130, 5, 5, {.segment = 40, .warmup = 10}}, {130, 5, 5, {.segment = 44, .warmup = 7}},
    {97, 4, 0, {.segment = 16, .warmup = 5}},   {80, 1, 3, {.segment = 9, .warmup = 2}},
    {60, 7, 2, {.segment = 200, .warmup = 50}}, {120, 6, 9, {.segment = 27, .warmup = 1}},
};
enum { NUM_SHAPES = sizeof shapes / sizeof *shapes };

static bsm_network *open_rolling(bsm_model *model, bsm_device_kind device, const shape *s)
{
    const bsm_network_options options = {.device = device,
                                         .threads = 1,
                                         .max_frames = s->commit + s->lookahead,
                                         .streaming = true,
                                         .rolling = s->rolling};
    bsm_network *network = NULL;
    bsm_error error = {0};
    if (bsm_network_new(model, &options, &network, &error)) {
        fail_msg("%s", error.message);
    }
    return network;
}

/* Run the blocks of a stream up to block `to`, whose state is zero at frame `zero`, and add those
 * from block `heard` on to `out`. */
static void run_life(bsm_network *carrying, const shape *s, const float *samples, size_t zero,
                     size_t heard, size_t to, float *out)
{
    const bsm_config *config = bsm_model_config(bsm_network_model(carrying));
    float *unheard = new_samples(config, s->total);
    bsm_network_reset(carrying);
    for (size_t b = zero / s->commit; b < to && b * s->commit < s->total; b++) {
        const size_t left = s->total - b * s->commit, whole = s->commit + s->lookahead;
        bsm_block block = {.frames = whole < left ? whole : left};
        block.wanted = block.commit = s->commit < left ? s->commit : left;
        assert_int_equal(run_block(carrying, samples, s->total, b * s->commit, block,
                                   b < heard ? unheard : out, NULL),
                         BSM_OK);
    }
    free(unheard);
}

/* Return the first block that ends more than a segment after `zero`; all blocks are full. */
static size_t first_too_old(const shape *s, size_t zero)
{
    size_t block = zero / s->commit;
    while ((block + 1) * s->commit + s->lookahead <= zero + s->rolling.segment) {
        block++;
    }
    return block;
}

/* Run the states one by one as docs/model.md says. Return how many there were. */
static size_t run_plainly(bsm_network *carrying, const shape *s, const float *samples, float *out)
{
    const size_t warm = (s->rolling.warmup + s->commit - 1) / s->commit;
    size_t zero = 0, heard = 0, lives = 1;
    for (; zero + s->rolling.segment < s->total; lives++) {
        const size_t end = first_too_old(s, zero);
        run_life(carrying, s, samples, zero, heard, end, out);
        heard = end;
        zero = (end - warm) * s->commit;
    }
    run_life(carrying, s, samples, zero, heard, s->total, out);
    return lives;
}

static void test_a_stream_is_what_its_states_give(void **unused)
{
    (void)unused;
    const bsm_config config = odd_config(12, 9);
    bsm_model *model = open_config(&config);
    for (size_t i = 0; i < NUM_SHAPES; i++) {
        const shape *s = &shapes[i];
        const size_t count = config.channels * covered(&config, s->total);
        float *samples = noise_samples(&config, s->total, 3 + (unsigned int)i);
        float *expected = new_samples(&config, s->total), *actual = new_samples(&config, s->total);
        bsm_network *plain = open_network(model, BSM_DEVICE_REFERENCE, 1, s->commit + s->lookahead);
        const size_t lives = run_plainly(plain, s, samples, expected);
        assert_true(lives > 1 || s->rolling.segment >= s->total);
        for (size_t d = 0; d < sizeof devices / sizeof *devices; d++) {
            bsm_network *network = open_rolling(model, devices[d], s);
            /* a reset starts again from the beginning */
            for (size_t again = 0; again < 2; again++) {
                run_stream(network, samples, s->total, s->commit, s->lookahead, actual);
                assert_true(golden_relative_error(actual, expected, count) < 1e-5);
            }
            bsm_network_free(network);
        }
        /* with carried memory */
        run_stream(plain, samples, s->total, s->commit, s->lookahead, actual);
        assert_true((golden_relative_error(actual, expected, count) > 1e-4) == (lives > 1));
        bsm_network_free(plain);
        free(samples);
        free(expected);
        free(actual);
    }
    bsm_model_free(model);
}

/* The rule holds for all blocks, with a warm-up of up to half of the segment. */
static void test_no_state_sees_too_much_or_too_little(void **unused)
{
    (void)unused;
    uint64_t seed = 11;
    for (size_t i = 0; i < 300; i++) {
        const size_t commit = noise_size(&seed, 1, 30), lookahead = noise_size(&seed, 0, 30);
        const size_t warm = noise_size(&seed, 1, 12);
        const size_t lasts = noise_size(&seed, 2 * warm, 60); /* both in blocks */
        bsm_roll roll = {
            .rule = {.segment = lasts * commit + lookahead + noise_size(&seed, 0, commit - 1),
                     .warmup = warm * commit - noise_size(&seed, 0, commit - 1)}};
        const bsm_block block = {.frames = commit + lookahead, .wanted = commit, .commit = commit};
        size_t zero[2] = {0}, runs = 0, at = 0;
        for (size_t b = 0; b < 500; b++, at += commit) {
            bsm_roll_begin(&roll, &block);
            if (roll.warms && roll.age[1 - roll.heard] == 0) {
                zero[1 - roll.heard] = at;
            }
            assert_true(at + block.frames - zero[roll.heard] <= roll.rule.segment);
            assert_true(zero[roll.heard] == 0 || at - zero[roll.heard] >= roll.rule.warmup);
            assert_int_equal(roll.age[roll.heard], at - zero[roll.heard]);
            runs += 1 + roll.warms;
            bsm_roll_end(&roll, &block);
        }
        const double expected = (double)lasts / (double)(lasts - warm);
        assert_true(fabs((double)runs / 500 - expected) < 0.15 * expected);
    }
}

/* ---- The hand-over ---- */

/* Return sample i of a frame's window. */
static float window_at(const bsm_config *config, size_t i)
{
    return (float)(0.5 - 0.5 * cos(2 * PI * (double)i / (double)config->n_fft));
}

/* Check that a difference, which starts here and continues in steps of `step` samples, rises from
 * zero like the window of one frame: its second half, up to a hop in total, bounds the first
 * half. */
static void check_ramp(const bsm_config *config, const float *difference, ptrdiff_t step)
{
    float height = 0;
    for (size_t i = config->hop / 2; i < config->hop; i++) {
        height = fmaxf(height, fabsf(difference[(ptrdiff_t)i * step]) / window_at(config, i));
    }
    assert_true(height > 0);
    for (size_t i = 0; i < config->hop / 2; i++) {
        assert_true(fabsf(difference[(ptrdiff_t)i * step]) <=
                    2 * height * window_at(config, i) + 1e-3F * height);
    }
}

/* The old state's frames end where the new one's begin: both fade out and in with their windows. */
static void test_one_takes_over_without_a_click(void **unused)
{
    (void)unused;
    const shape s = {130, 5, 5, {.segment = 50, .warmup = 10}};
    bsm_config config = odd_config(12, 9);
    config.channels = 1;
    bsm_model *model = open_config(&config);
    const size_t end = first_too_old(&s, 0), from = end * s.commit * config.hop;
    /* the first sample after the old state's last one */
    const size_t behind = from + config.n_fft - config.hop;
    float *samples = new_samples(&config, s.total), *rolled = new_samples(&config, s.total);
    float *old = new_samples(&config, s.total), *new = new_samples(&config, s.total);
    for (size_t i = 0; i < covered(&config, s.total); i++) {
        samples[i] = (float)sin(2 * PI * (double)i / (double)(16 * config.n_fft));
    }
    bsm_network *network = open_rolling(model, BSM_DEVICE_CPU, &s);
    run_stream(network, samples, s.total, s.commit, s.lookahead, rolled);
    bsm_network_free(network);
    network = open_network(model, BSM_DEVICE_CPU, 1, s.commit + s.lookahead);
    run_life(network, &s, samples, 0, 0, s.total, old);
    run_life(network, &s, samples, end * s.commit - s.rolling.warmup, 0, s.total, new);
    bsm_network_free(network);

    assert_memory_equal(rolled, old, from * sizeof(float));
    for (size_t i = from; i < behind + config.hop; i++) {
        old[i] -= rolled[i];
        new[i] -= rolled[i];
        assert_true(i < behind || fabsf(new[i]) < 1e-6F);
    }
    check_ramp(&config, old + from, 1);
    check_ramp(&config, new + behind, -1);
    free(samples);
    free(rolled);
    free(old);
    free(new);
    bsm_model_free(model);
}

/* ---- Arguments ---- */

static void test_bad_options(void **unused)
{
    (void)unused;
    static const bsm_network_options bad[] = {
        {.threads = 1, .max_frames = 10, .rolling = {30, 5}},
        {.threads = 1, .max_frames = 10, .streaming = true, .rolling = {9, 2}},
        {.threads = 1, .max_frames = 10, .streaming = true, .rolling = {30, 0}},
    };
    bsm_model *model = open_preset("tiny");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bsm_network *network = NULL;
        assert_int_equal(bsm_network_new(model, &bad[i], &network, NULL), BSM_INVALID_ARGUMENT);
        assert_null(network);
    }
    bsm_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_is_what_its_states_give),
        cmocka_unit_test(test_no_state_sees_too_much_or_too_little),
        cmocka_unit_test(test_one_takes_over_without_a_click),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
