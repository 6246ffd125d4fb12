/* SPDX-License-Identifier: ISC */
/* Tests the kernels before and after the transforms, run on the host, against plain loops: with
 * signals shorter than a frame, windows shorter than a frame, and hops that divide neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels.h"
#include "numbers.h"

static const bsm_kernel_queue queue = {0};

/* All cases have the same window and weights. */
static bsm_framing new_framing(size_t n_fft, size_t window_size, size_t hop, size_t channels,
                               size_t samples)
{
    return (bsm_framing){.n_fft = (uint32_t)n_fft,
                         .window_size = (uint32_t)window_size,
                         .hop = (uint32_t)hop,
                         .channels = (uint32_t)channels,
                         .samples = (uint32_t)samples,
                         .frames = (uint32_t)(1 + samples / hop),
                         .before = (uint32_t)(n_fft / 2),
                         .window = noise(window_size, 0, 1),
                         .weights = noise(samples, 0.5F, 2)};
}

/* Reflect a position at the ends of the signal, step by step. */
static size_t reflected(int64_t position, int64_t samples)
{
    while (samples > 1 && (position < 0 || position >= samples)) {
        position = position < 0 ? -position : 2 * (samples - 1) - position;
    }
    return samples > 1 ? (size_t)position : 0;
}

/* Return the window at index `i` of a frame. */
static double window_at(const bsm_framing *f, size_t i)
{
    const size_t left = (f->n_fft - f->window_size) / 2;
    return i >= left && i < left + f->window_size ? (double)f->window[i - left] : 0;
}

static size_t numbers_of(const bsm_framing *f)
{
    return (size_t)f->frames * f->channels * f->n_fft;
}

/* Where number `k` of all frames belongs: its frame, its channel and its index in the frame. */
typedef struct frame_place {
    size_t frame, channel, i;
    int64_t position; /* in the signal */
} frame_place;

static frame_place place_of(const bsm_framing *f, size_t k)
{
    frame_place p = {k / f->n_fft / f->channels, k / f->n_fft % f->channels, k % f->n_fft, 0};
    p.position = (int64_t)(p.frame * f->hop + p.i) - (int64_t)f->before;
    return p;
}

/* ---- Frames ---- */

static void check_cut_frames(const bsm_framing *f, bool adjoint)
{
    const size_t count = numbers_of(f);
    float *audio = noise((size_t)f->channels * f->samples, -1, 1);
    float *frames = new_values(false, count), *expected = zeros(count);
    for (size_t k = 0; k < count; k++) {
        const frame_place p = place_of(f, k);
        const float *channel = audio + p.channel * f->samples;
        const bool inside = p.position >= 0 && p.position < (int64_t)f->samples;
        const size_t at = reflected(p.position, f->samples);
        const double weight = !adjoint ? 1 : inside ? (double)f->weights[at] : 0;
        expected[k] = (float)(window_at(f, p.i) * weight * (double)channel[at]);
    }
    bsm_kernel_cut_frames(queue, f, audio, adjoint, frames);
    assert_numbers(frames, expected, count);
}

/* Add up the frames at their positions. If `folded`, numbers outside the signal are added at their
 * reflection. */
static void add_frames(const bsm_framing *f, const float *frames, bool folded, double *sums)
{
    for (size_t k = 0; k < numbers_of(f); k++) {
        const frame_place p = place_of(f, k);
        const bool inside = p.position >= 0 && p.position < (int64_t)f->samples;
        if (inside || folded) {
            sums[p.channel * f->samples + reflected(p.position, f->samples)] +=
                window_at(f, p.i) * (double)frames[k];
        }
    }
}

static void check_overlap_add(const bsm_framing *f)
{
    const size_t count = (size_t)f->channels * f->samples;
    float *frames = noise(numbers_of(f), -1, 1), *audio = new_values(false, count);
    float *expected = zeros(count);
    double *sums = double_zeros(count);
    add_frames(f, frames, false, sums);
    for (size_t i = 0; i < count; i++) {
        expected[i] = (float)(sums[i] * (f->weights ? (double)f->weights[i % f->samples] : 1));
    }
    bsm_kernel_overlap_add(queue, f, frames, audio);
    assert_numbers(audio, expected, count);
}

static void check_fold_frames(const bsm_framing *f)
{
    const size_t count = (size_t)f->channels * f->samples;
    float *frames = noise(numbers_of(f), -1, 1), *audio = noise(count, -1, 1);
    float *expected = zeros(count);
    double *sums = double_zeros(count);
    add_frames(f, frames, true, sums);
    for (size_t i = 0; i < count; i++) {
        expected[i] = (float)((double)audio[i] + sums[i]);
    }
    bsm_kernel_fold_frames(queue, f, frames, audio);
    assert_numbers(audio, expected, count);
}

static void test_frames(void **unused)
{
    (void)unused;
    const size_t sizes[][5] = {{16, 16, 5, 2, 37},
                               {16, 11, 4, 3, 61},
                               {16, 7, 3, 1, 5},
                               {16, 16, 5, 2, 2},
                               {8, 8, 3, 1, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const bsm_framing f =
            new_framing(sizes[i][0], sizes[i][1], sizes[i][2], sizes[i][3], sizes[i][4]);
        check_cut_frames(&f, false);
        check_cut_frames(&f, true);
        check_overlap_add(&f);
        check_fold_frames(&f);
    }
}

/* As in a live block: no frame reaches over an end of the signal, and the sums go to the host as
 * they are. */
static void test_frames_inside(void **unused)
{
    (void)unused;
    bsm_framing f = new_framing(16, 16, 5, 2, 6 * 5 + 16);
    f.before = 0;
    f.frames = 7;
    f.weights = NULL;
    check_cut_frames(&f, false);
    check_overlap_add(&f);
}

/* ---- Bins ---- */

static void check_bins(size_t n_fft, size_t channels, bool adjoint)
{
    const bsm_framing f = new_framing(n_fft, n_fft, 3, channels, 20);
    const size_t num_bins = n_fft / 2 + 1, count = f.frames * channels * num_bins;
    float *bins = noise(2 * count, -1, 1), *spectrum = new_values(false, 2 * count);
    float *back = new_values(false, 2 * count), *expected = zeros(2 * count);
    float *expected_back = zeros(2 * count);
    for (size_t k = 0; k < count; k++) {
        const size_t bin = k % num_bins, transform = k / num_bins;
        const size_t frame = transform / channels, channel = transform % channels;
        const size_t at = (frame * num_bins + bin) * channels + channel;
        const bool inner = bin > 0 && 2 * bin < n_fft;
        const double factor = !adjoint ? 1 : (inner ? 2.0 : 1.0) / (double)n_fft;
        for (size_t part = 0; part < 2; part++) {
            const double number = factor * (double)bins[2 * k + part];
            expected[2 * at + part] = (float)number;
            expected_back[2 * k + part] = part && !inner ? 0 : (float)(number / (double)n_fft);
        }
    }
    bsm_kernel_store_bins(queue, &f, bins, adjoint, spectrum);
    assert_numbers(spectrum, expected, 2 * count);
    bsm_kernel_load_bins(queue, &f, spectrum, back);
    assert_numbers(back, expected_back, 2 * count);
}

static void test_bins(void **unused)
{
    (void)unused;
    for (size_t channels = 1; channels <= 3; channels++) {
        check_bins(16, channels, false);
        check_bins(30, channels, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_frames, free_numbers),
        cmocka_unit_test_teardown(test_frames_inside, free_numbers),
        cmocka_unit_test_teardown(test_bins, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
