/* SPDX-License-Identifier: ISC */
/* Tests the lengths, delay and precision of the sample rate conversion. */
#include "signal/signal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise.h"

/* Convert a stereo signal in blocks of random sizes; return the length of the output. */
static size_t convert(size_t from, size_t to, float *const in[2], size_t count, float *out[2],
                      uint64_t seed)
{
    bsm_resampler *resampler;
    assert_int_equal(bsm_resampler_new(from, to, 2, &resampler, NULL), BSM_OK);
    size_t capacity = (size_t)ceil((double)count * (double)to / (double)from) + 5000;
    out[0] = calloc(capacity, sizeof(float));
    out[1] = calloc(capacity, sizeof(float));
    size_t at = 0, length = 0, used = 0, made = 0;
    bool ended = false;
    while (!ended) {
        size_t block = noise_size(&seed, 1, 3000), room = noise_size(&seed, 1, 3000);
        block = block < count - at ? block : count - at;
        assert_true(length + room <= capacity);
        const float *from_here[] = {in[0] + at, in[1] + at};
        float *to_here[] = {out[0] + length, out[1] + length};
        assert_int_equal(bsm_resampler_process(resampler, at < count ? from_here : NULL, block,
                                               &used, to_here, room, &made, NULL),
                         BSM_OK);
        ended = at == count && made == 0;
        at += used;
        length += made;
    }
    bsm_resampler_free(resampler);
    return length;
}

static void release(float *audio[2])
{
    free(audio[0]);
    free(audio[1]);
}

static void test_length_is_exact(void **state)
{
    (void)state;
    const size_t rates[] = {8000, 11025, 22050, 44100, 44101, 48000, 96000, 192000};
    const size_t lengths[] = {1, 2, 7, 100, 441, 1000, 4099, 30011};
    for (size_t i = 0; i < 64; i++) {
        size_t from = rates[i / 8], to = rates[i % 8];
        for (size_t j = 0; j < 8; j++) {
            float *in[] = {calloc(lengths[j], sizeof(float)), calloc(lengths[j], sizeof(float))};
            float *out[2];
            size_t expected = (2 * lengths[j] * to + from) / (2 * from);
            assert_int_equal(convert(from, to, in, lengths[j], out, i * 8 + j), expected);
            release(in);
            release(out);
        }
    }
}

/* Write a sweep from 20 Hz to 0.9 of half of the lower rate, and another one in the opposite
 * direction, faded in and out so that they contain no higher frequencies. */
static void sweep(float *const out[2], size_t count, double rate, double highest)
{
    const double seconds = (double)count / rate, growth = (highest - 20) / seconds;
    for (size_t i = 0; i < count; i++) {
        double t = (double)i / rate, back = seconds - t;
        double edge = fmin(fmin(t, back) / 0.05, 1);
        double fade = 0.5 - 0.5 * cos(M_PI * edge);
        out[0][i] = (float)(0.5 * fade * sin(2 * M_PI * (20 + growth * t / 2) * t));
        out[1][i] = (float)(0.5 * fade * sin(2 * M_PI * (20 + growth * back / 2) * back));
    }
}

static double error_db(const float *a, const float *b, size_t count)
{
    double difference = 0, power = 0;
    for (size_t i = 0; i < count; i++) {
        difference += pow((double)a[i] - (double)b[i], 2);
        power += pow((double)b[i], 2);
    }
    return 10 * log10(difference / power);
}

static void check_sweep(size_t from, size_t to)
{
    const size_t count = 2 * from, other = 2 * to;
    const double highest = 0.9 * 0.5 * (double)(from < to ? from : to);
    float *in[] = {malloc(count * sizeof(float)), malloc(count * sizeof(float))};
    float *ideal[] = {malloc(other * sizeof(float)), malloc(other * sizeof(float))};
    float *there[2], *back[2];
    sweep(in, count, (double)from, highest);
    sweep(ideal, other, (double)to, highest);
    assert_int_equal(convert(from, to, in, count, there, 1), other);
    assert_int_equal(convert(to, from, there, other, back, 2), count);
    for (int c = 0; c < 2; c++) {
        double once = error_db(there[c], ideal[c], other), twice = error_db(back[c], in[c], count);
        if (!(once < -100) || !(twice < -100)) {
            fail_msg("%zu to %zu Hz: %.1f dB there, %.1f dB there and back", from, to, once, twice);
        }
    }
    release(in);
    release(ideal);
    release(there);
    release(back);
}

static void test_sweeps_survive(void **state)
{
    (void)state;
    const size_t rates[] = {8000, 44100, 48000, 96000};
    for (size_t i = 0; i < 16; i++) {
        if (i / 4 != i % 4) {
            check_sweep(rates[i / 4], rates[i % 4]);
        }
    }
}

/* The sizes of blocks must not matter: the same input in other blocks yields the same bits. */
static void test_blocks_do_not_matter(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    uint64_t seed = 3;
    float *in[] = {malloc(COUNT * sizeof(float)), malloc(COUNT * sizeof(float))};
    noise_fill(&seed, in[0], COUNT);
    noise_fill(&seed, in[1], COUNT);
    float *first[2], *second[2];
    size_t length = convert(48000, 44100, in, COUNT, first, 11);
    assert_int_equal(convert(48000, 44100, in, COUNT, second, 12), length);
    assert_memory_equal(first[0], second[0], length * sizeof(float));
    assert_memory_equal(first[1], second[1], length * sizeof(float));
    release(in);
    release(first);
    release(second);
}

static void test_bad_arguments(void **state)
{
    (void)state;
    bsm_resampler *resampler = NULL;
    bsm_error error = {0};
    assert_int_equal(bsm_resampler_new(0, 44100, 2, &resampler, &error), BSM_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "from 0 to 44100 Hz"));
    assert_int_equal(bsm_resampler_new(44100, 0, 2, &resampler, NULL), BSM_INVALID_ARGUMENT);
    assert_int_equal(bsm_resampler_new(44100, 48000, 0, &resampler, NULL), BSM_INVALID_ARGUMENT);
    assert_null(resampler);
    bsm_resampler_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_length_is_exact),
        cmocka_unit_test(test_sweeps_survive),
        cmocka_unit_test(test_blocks_do_not_matter),
        cmocka_unit_test(test_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
