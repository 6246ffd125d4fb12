/* SPDX-License-Identifier: ISC */
/* Tests the loss of devices on host memory: against golden numbers, its formula and finite
 * differences. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/stft.h"
#include "golden.h"
#include "host_case.h"
#include "noise.h"

enum { SILENCE_PIECE = 2500 };

static void transform(const bsm_config *config, const float *signal, float *spectrum)
{
    const float *channels[CHANNELS] = {signal, signal + SAMPLES};
    bsm_stft *stft;
    assert_int_equal(bsm_stft_new(config->n_fft, config->hop, CHANNELS, &stft, NULL), BSM_OK);
    bsm_stft_forward(stft, channels, SAMPLES, spectrum);
    bsm_stft_free(stft);
}

/* The network's golden output for two items has the golden loss. */
static void test_golden_loss(void **state)
{
    (void)state;
    golden *file = golden_open("train.safetensors");
    const bsm_config config = tiny();
    const bsm_training_options with = options(2);
    bsm_host *host = host_with(&config, &with);
    bsm_loss loss = {0};
    for (size_t item = 0; item < 2; item++) {
        size_t at = item * CHANNELS * SAMPLES;
        load(host, golden_find(file, "mix").data + at, golden_find(file, "target").data + at);
        transform(&config, golden_find(file, "prediction").data + at, host->masked);
        bsm_loss part = loss_of(host, 0.5);
        loss.total += part.total / 2;
        loss.time += part.time / 2;
        for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
            loss.spectral[i] += part.spectral[i] / 2;
        }
    }
    assert_near(loss.total, (double)*golden_find(file, "step0.loss.total").data, 1e-5);
    assert_near(10 * loss.time, (double)*golden_find(file, "step0.loss.time").data, 1e-5);
    for (size_t i = 0; i < with.loss.num_windows; i++) {
        char name[64];
        snprintf(name, sizeof name, "step0.loss.stft%zu", with.loss.windows[i]);
        assert_near(loss.spectral[i], (double)*golden_find(file, name).data, 1e-5);
    }
    assert_true(loss.spectral[with.loss.num_windows] == 0);
    host_free(host);
    golden_close(file);
}

/* The mixture's spectrum is the network's input. */
static void test_mixture(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    const bsm_training_options with = options(2);
    bsm_host *host = host_with(&config, &with);
    float *signals = malloc(2 * CHANNELS * SAMPLES * sizeof *signals);
    uint64_t seed = 1;
    noise_fill(&seed, signals, 2 * CHANNELS * SAMPLES);
    load(host, signals, signals + (size_t)CHANNELS * SAMPLES);
    transform(&config, signals, host->masked);
    assert_true(golden_relative_error(host->mixture, host->masked, spectrum_floats(host)) < 1e-6);
    free(signals);
    host_free(host);
}

/* Without a target the loss is homogeneous: <x, gradient> = loss. This holds for each term. */
static void test_homogeneous(void **state)
{
    (void)state;
    const bsm_loss_options losses[] = {
        bsm_loss_published(),
        {.lambda_time = 3},
        {.lambda_time = 3, .time_norm = BSM_NORM_L2},
        {.num_windows = 1, .windows = {4096}, .hop = 100},
        {.num_windows = 2, .windows = {2047, 2}, .hop = 441},
        {.num_windows = 8, .windows = {5000, 256, 100, 3, 64, 2048, 99, 1024}, .hop = 500},
    };
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        bsm_training_options with = options(2);
        with.loss = losses[i];
        bsm_host *host = random_host(&with, 0, 0);
        bsm_loss loss = loss_of(host, 0.25);
        double product = dot(host->masked, host->masked_gradient, spectrum_floats(host));
        assert_near(product, 0.25 * loss.total, 1e-5);
        host_free(host);
    }
}

/* Compare the gradient with the loss a small step forward and back, along random directions and
 * along the gradient. */
static void check_finite_differences(const bsm_training_options *with, size_t silent)
{
    bsm_host *host = random_host(with, 0.01F, silent);
    const size_t count = spectrum_floats(host);
    float *at = malloc(count * sizeof *at), *gradient = malloc(count * sizeof *gradient);
    float *direction = malloc(count * sizeof *direction);
    memcpy(at, host->masked, count * sizeof *at);
    loss_of(host, 1);
    memcpy(gradient, host->masked_gradient, count * sizeof *gradient);
    uint64_t seed = 11;
    for (size_t run = 0; run < 4; run++) {
        noise_fill(&seed, direction, count);
        double length = sqrt(dot(gradient, gradient, count) / (double)count);
        for (size_t i = 0; i < count; i++) {
            direction[i] += (float)((double)run * (double)gradient[i] / length);
        }
        double losses[2];
        const float step = 1e-3F;
        for (size_t side = 0; side < 2; side++) {
            for (size_t i = 0; i < count; i++) {
                host->masked[i] = at[i] + (side ? step : -step) * direction[i];
            }
            losses[side] = loss_of(host, 1).total;
        }
        double slope = (losses[1] - losses[0]) / (2 * (double)step);
        double size = sqrt(dot(gradient, gradient, count) * dot(direction, direction, count));
        if (!(fabs(slope - dot(gradient, direction, count)) < 2e-4 * size)) {
            fail_msg("slope %g, gradient %g, of %g", slope, dot(gradient, direction, count), size);
        }
    }
    free(at);
    free(gradient);
    free(direction);
    host_free(host);
}

static bsm_training_options silence_alone(void)
{
    bsm_training_options with = options(2);
    with.loss = (bsm_loss_options){
        .lambda_silence = 0.5, .silence_floor = -45, .silence_piece = SILENCE_PIECE};
    return with;
}

static void test_finite_differences(void **state)
{
    (void)state;
    bsm_training_options with = options(2);
    check_finite_differences(&with, 0);
    with.loss.time_norm = BSM_NORM_L2;
    check_finite_differences(&with, 0);
    with = silence_alone();
    check_finite_differences(&with, SAMPLES);
    with.loss = bsm_loss_published();
    with.loss.lambda_silence = 0.1;
    with.loss.silence_floor = -45;
    with.loss.silence_piece = SILENCE_PIECE;
    check_finite_differences(&with, SAMPLES / 2);
}

/* Check the term of silent pieces by its formula, from the waveform of the masked spectrum. In
 * other pieces the prediction costs nothing. */
static void test_silence_term(void **state)
{
    (void)state;
    enum { FIRST_LOUD = 3 * SILENCE_PIECE + 100 };
    const bsm_config config = tiny();
    const bsm_training_options with = silence_alone();
    bsm_host *host = random_host(&with, 0.1F, FIRST_LOUD);
    const float *const *mixture = host->item->mixture;
    float predicted[CHANNELS * SAMPLES];
    uint64_t seed = 3;
    for (size_t i = 0; i < (size_t)CHANNELS * SAMPLES; i++) {
        predicted[i] = 0.02F * noise_float(&seed);
    }
    transform(&config, predicted, host->masked);
    double expected = 0;
    for (size_t first = 0; first + SILENCE_PIECE <= FIRST_LOUD; first += SILENCE_PIECE) {
        double m = 0, p = 0;
        for (size_t c = 0; c < CHANNELS; c++) {
            m += dot(mixture[c] + first, mixture[c] + first, SILENCE_PIECE);
            p += dot(predicted + c * SAMPLES + first, predicted + c * SAMPLES + first,
                     SILENCE_PIECE);
        }
        expected += 10 * log10(1 + p / (pow(10, -4.5) * m)) * SILENCE_PIECE / SAMPLES;
    }
    const bsm_loss loss = loss_of(host, 1);
    assert_near(loss.silence, expected, 1e-4);
    assert_near(loss.total, 0.5 * expected, 1e-4);
    host_free(host);
}

/* A perfect prediction has no gradient except for rounding, and silence has none at all. */
static void test_silence(void **state)
{
    (void)state;
    bsm_training_options with = options(2);
    with.loss.lambda_silence = 1;
    with.loss.silence_floor = -45;
    with.loss.silence_piece = SILENCE_PIECE;
    bsm_host *host = random_host(&with, 0, 0);
    const size_t count = spectrum_floats(host);
    memset(host->masked, 0, count * sizeof *host->masked);
    assert_true(loss_of(host, 1).total == 0);
    assert_true(dot(host->masked_gradient, host->masked_gradient, count) == 0);
    host->masked[count / 2] = NAN;
    assert_true(isnan(loss_of(host, 1).total));
    assert_true(isnan(dot(host->masked_gradient, host->masked_gradient, count)));
    host_free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_loss), cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_homogeneous), cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_silence),     cmocka_unit_test(test_silence_term),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
