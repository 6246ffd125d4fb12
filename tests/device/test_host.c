/* SPDX-License-Identifier: ISC */
/* What devices on host memory share when they train: the loss against golden numbers and by finite
 * differences, the optimiser against its formula, and the same bits on any number of threads. */
#include "device/host/host.h"

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
#include "model/vector.h"
#include "noise.h"

enum { CHANNELS = 2, SAMPLES = 13230, SILENCE_PIECE = 2500 };

static bsm_config tiny(void)
{
    bsm_config config;
    assert_int_equal(bsm_config_preset("tiny", &config, NULL), BSM_OK);
    return config;
}

static bsm_training_options options(size_t threads)
{
    return (bsm_training_options){
        .threads = threads, .samples = SAMPLES, .loss = bsm_loss_published()};
}

static bsm_host *host_with(const bsm_config *config, const bsm_training_options *with)
{
    bsm_model *model = NULL;
    size_t size;
    bsm_host *host = malloc(sizeof *host);
    assert_int_equal(bsm_model_new_untrained(config, &model, NULL), BSM_OK);
    assert_int_equal(bsm_vector_size(config, &size, NULL), BSM_OK);
    float *parameters = malloc(size * sizeof *parameters);
    bsm_vector_read(model, parameters);
    assert_int_equal(bsm_host_init(host, config, with, parameters, NULL), BSM_OK);
    assert_int_equal(host->size, size);
    assert_memory_equal(host->vectors[BSM_AVERAGES], parameters, size * sizeof *parameters);
    free(parameters);
    bsm_model_free(model);
    return host;
}

static void host_free(bsm_host *host)
{
    bsm_host_clear(host);
    free(host);
}

static size_t spectrum_floats(const bsm_host *host)
{
    return host->frames * bsm_config_features(&host->config);
}

/* Load signals of [channel][SAMPLES] each, which stay where they are; every stem is `target`. */
static void load(bsm_host *host, const float *mixture, const float *target)
{
    static const float *mixtures[CHANNELS], *targets[CHANNELS], *const *stems[BSM_MAX_STEMS];
    static bsm_training_item item; /* the loss reads it, too */
    for (size_t c = 0; c < CHANNELS; c++) {
        mixtures[c] = mixture + c * SAMPLES;
        targets[c] = target + c * SAMPLES;
    }
    for (size_t stem = 0; stem < BSM_MAX_STEMS; stem++) {
        stems[stem] = targets;
    }
    item = (bsm_training_item){.mixture = mixtures, .stems = stems, .scale = 1};
    assert_int_equal(bsm_host_load(host, &item, NULL), BSM_OK);
}

static void transform(const bsm_config *config, const float *signal, float *spectrum)
{
    const float *channels[CHANNELS] = {signal, signal + SAMPLES};
    bsm_stft *stft;
    assert_int_equal(bsm_stft_new(config->n_fft, config->hop, CHANNELS, &stft, NULL), BSM_OK);
    bsm_stft_forward(stft, channels, SAMPLES, spectrum);
    bsm_stft_free(stft);
}

static bsm_loss loss_of(bsm_host *host, double scale)
{
    bsm_loss loss;
    assert_int_equal(bsm_host_loss(host, 0, scale, &loss, NULL), BSM_OK);
    return loss;
}

static void assert_near(double actual, double expected, double relative)
{
    if (!(fabs(actual - expected) <= relative * fabs(expected))) {
        fail_msg("%.9g instead of %.9g", actual, expected);
    }
}

/* The network's golden output of two items has the golden loss. */
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

static double dot(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

/* A host with a random mixture and masked spectrum. The target is `level` times the mixture, but
 * nothing in the first `silent` samples. */
static bsm_host *random_host(const bsm_training_options *with, float level, size_t silent)
{
    static float mixture[CHANNELS * SAMPLES], target[CHANNELS * SAMPLES];
    const bsm_config config = tiny();
    bsm_host *host = host_with(&config, with);
    uint64_t seed = 5;
    for (size_t i = 0; i < (size_t)CHANNELS * SAMPLES; i++) {
        mixture[i] = noise_float(&seed);
        target[i] = i % SAMPLES < silent ? 0 : level * mixture[i];
    }
    load(host, mixture, target);
    noise_fill(&seed, host->masked, spectrum_floats(host));
    return host;
}

/* Without a target the loss is homogeneous: <x, gradient> = loss. This holds for each term. */
static void test_homogeneous(void **state)
{
    (void)state;
    const bsm_loss_options losses[] = {
        bsm_loss_published(),
        {.lambda_time = 3},
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

/* The loss a little way ahead and back, along random directions and uphill. */
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
    with = silence_alone();
    check_finite_differences(&with, SAMPLES);
    with.loss = bsm_loss_published();
    with.loss.lambda_silence = 0.1;
    with.loss.silence_floor = -45;
    with.loss.silence_piece = SILENCE_PIECE;
    check_finite_differences(&with, SAMPLES / 2);
}

/* What is predicted in silent pieces, by the formula, from the waveform that the masked spectrum
 * stands for; in the others it costs nothing. */
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

/* A perfect prediction: no gradient but that of rounding, none at all of silence. */
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

/* ---- The optimiser ---- */

static const bsm_adamw published = {.learning_rate = 5e-4,
                                    .beta1 = 0.9,
                                    .beta2 = 0.999,
                                    .epsilon = 1e-8,
                                    .weight_decay = 0.01,
                                    .gradient_scale = 1,
                                    .ema = 0.999};

/* AdamW and the average as they are defined, in double. */
static void plain_step(const bsm_adamw *step, double *x, double gradient)
{
    double g = gradient * step->gradient_scale, n = (double)step->step;
    x[BSM_PARAMETERS] *= 1 - step->learning_rate * step->weight_decay;
    x[BSM_FIRST_MOMENTS] = step->beta1 * x[BSM_FIRST_MOMENTS] + (1 - step->beta1) * g;
    x[BSM_SECOND_MOMENTS] = step->beta2 * x[BSM_SECOND_MOMENTS] + (1 - step->beta2) * g * g;
    double first = x[BSM_FIRST_MOMENTS] / (1 - pow(step->beta1, n));
    double second = x[BSM_SECOND_MOMENTS] / (1 - pow(step->beta2, n));
    x[BSM_PARAMETERS] -= step->learning_rate * first / (sqrt(second) + step->epsilon);
    x[BSM_AVERAGES] = step->ema * x[BSM_AVERAGES] + (1 - step->ema) * x[BSM_PARAMETERS];
}

static void test_adamw(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    const bsm_training_options with = options(3);
    bsm_host *host = host_with(&config, &with);
    const size_t size = host->size;
    double(*x)[BSM_NUM_TRAINING_VECTORS] = calloc(size, sizeof *x);
    for (size_t i = 0; i < size; i++) {
        x[i][BSM_PARAMETERS] = x[i][BSM_AVERAGES] = (double)host->vectors[BSM_PARAMETERS][i];
    }
    bsm_adamw step = published;
    uint64_t seed = 3;
    for (step.step = 1; step.step <= 4; step.step++) {
        step.gradient_scale = 1 / (double)step.step;
        for (size_t i = 0; i < size; i++) {
            float gradient = i % 5 ? 1e-3F * noise_float(&seed) : 0;
            host->vectors[BSM_GRADIENTS][i] = gradient;
            plain_step(&step, x[i], (double)gradient);
        }
        assert_int_equal(bsm_host_update(host, &step, NULL), BSM_OK);
    }
    const int vectors[] = {BSM_PARAMETERS, BSM_AVERAGES, BSM_FIRST_MOMENTS, BSM_SECOND_MOMENTS};
    const double tolerance[] = {1e-6, 1e-6, 1e-9, 1e-12};
    for (size_t i = 0; i < size; i++) {
        assert_true(host->vectors[BSM_GRADIENTS][i] == 0);
        for (size_t v = 0; v < 4; v++) {
            double error = fabs((double)host->vectors[vectors[v]][i] - x[i][vectors[v]]);
            if (!(error <= tolerance[v] * fmax(1, fabs(x[i][vectors[v]])))) {
                fail_msg("vector %d: %g instead of %g", vectors[v],
                         (double)host->vectors[vectors[v]][i], x[i][vectors[v]]);
            }
        }
    }
    free(x);
    host_free(host);
}

static void test_norm(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    const bsm_training_options with = options(2);
    bsm_host *host = host_with(&config, &with);
    float *gradients = host->vectors[BSM_GRADIENTS];
    uint64_t seed = 9;
    double norm;
    assert_int_equal(bsm_host_norm(host, &norm, NULL), BSM_OK);
    assert_true(norm == 0);
    noise_fill(&seed, gradients, host->size);
    assert_int_equal(bsm_host_norm(host, &norm, NULL), BSM_OK);
    assert_near(norm, sqrt(dot(gradients, gradients, host->size)), 1e-12);
    gradients[host->size - 1] = 1e30F; /* whose square is beyond float32 */
    assert_int_equal(bsm_host_norm(host, &norm, NULL), BSM_OK);
    assert_near(norm, 1e30, 1e-6);
    gradients[0] = NAN;
    assert_int_equal(bsm_host_norm(host, &norm, NULL), BSM_OK);
    assert_true(isnan(norm));
    host_free(host);
}

/* Read and write are each other's inverse. */
static void test_read_write(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    const bsm_training_options with = options(1);
    bsm_host *host = host_with(&config, &with);
    float *written = malloc(host->size * sizeof *written),
          *read = malloc(host->size * sizeof *read);
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        uint64_t seed = (uint64_t)v;
        noise_fill(&seed, written, host->size);
        assert_int_equal(bsm_host_write(host, (bsm_training_vector)v, written, NULL), BSM_OK);
    }
    for (int v = 0; v < BSM_NUM_TRAINING_VECTORS; v++) {
        uint64_t seed = (uint64_t)v;
        noise_fill(&seed, written, host->size);
        assert_int_equal(bsm_host_read(host, (bsm_training_vector)v, read, NULL), BSM_OK);
        assert_memory_equal(read, written, host->size * sizeof *read);
    }
    /* The weights that devices compute with are the vector's. */
    const float *first = host->weights->time[0].forward.norm;
    assert_ptr_equal(first, host->vectors[BSM_PARAMETERS]);
    assert_ptr_equal(bsm_host_gradient(host, first + 3), host->vectors[BSM_GRADIENTS] + 3);
    free(written);
    free(read);
    host_free(host);
}

/* ---- The same bits ---- */

static void test_same_bits(void **state)
{
    (void)state;
    bsm_host *hosts[3];
    bsm_loss losses[3];
    double norms[3];
    for (size_t i = 0; i < 3; i++) {
        const bsm_training_options with = options(1 + i);
        hosts[i] = random_host(&with, 0.01F, SAMPLES / 2);
        bsm_adamw step = published;
        step.step = 1;
        uint64_t seed = 1;
        noise_fill(&seed, hosts[i]->vectors[BSM_GRADIENTS], hosts[i]->size);
        losses[i] = loss_of(hosts[i], 1);
        assert_int_equal(bsm_host_norm(hosts[i], &norms[i], NULL), BSM_OK);
        assert_int_equal(bsm_host_update(hosts[i], &step, NULL), BSM_OK);
    }
    for (size_t i = 1; i < 3; i++) {
        assert_memory_equal(&losses[i], &losses[0], sizeof *losses);
        assert_memory_equal(&norms[i], &norms[0], sizeof *norms);
        assert_memory_equal(hosts[i]->masked_gradient, hosts[0]->masked_gradient,
                            spectrum_floats(hosts[0]) * sizeof(float));
        assert_memory_equal(hosts[i]->vectors[BSM_AVERAGES], hosts[0]->vectors[BSM_AVERAGES],
                            hosts[0]->size * sizeof(float));
    }
    for (size_t i = 0; i < 3; i++) {
        host_free(hosts[i]);
    }
}

/* Every mixer has a key of its own, and the share of dropped values is as asked. */
static void test_dropout(void **state)
{
    (void)state;
    uint64_t keys[3 * 2 * 2 * 2];
    size_t count = 0;
    for (uint64_t item = 1; item <= 2; item++) {
        for (size_t i = 0; i < 12; i++) {
            bsm_axis axis = i & 1 ? BSM_ALONG_BANDS : BSM_ALONG_TIME;
            keys[count++] = bsm_dropout_key(item, i / 4, axis, i & 2);
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(keys[i], keys[j]);
        }
        size_t dropped = 0;
        for (uint64_t index = 0; index < 10000; index++) {
            float factor = bsm_dropout_factor(keys[i], index, 0.25);
            assert_true(factor == 0 || factor == (float)(1 / 0.75));
            dropped += factor == 0;
            assert_true(bsm_dropout_factor(keys[i], index, 0) == 1);
        }
        assert_in_range(dropped, 2500 - 250, 2500 + 250);
    }
}

static void test_precision(void **state)
{
    (void)state;
    const bsm_config config = tiny();
    bsm_training_options with = options(1);
    with.precision = BSM_PRECISION_BFLOAT16;
    bsm_training_memory memory = {0};
    bsm_host host;
    float parameter = 0;
    assert_int_equal(bsm_host_plan(&config, &with, &memory, NULL), BSM_UNSUPPORTED);
    assert_int_equal(bsm_host_init(&host, &config, &with, &parameter, NULL), BSM_UNSUPPORTED);
    with.precision = BSM_PRECISION_FLOAT32;
    assert_int_equal(bsm_host_plan(&config, &with, &memory, NULL), BSM_OK);
    assert_in_range(memory.parameters, bsm_config_parameters(&config) * 20,
                    bsm_config_parameters(&config) * 21);
    assert_true(memory.scratch > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_loss), cmocka_unit_test(test_mixture),
        cmocka_unit_test(test_homogeneous), cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_silence),     cmocka_unit_test(test_silence_term),
        cmocka_unit_test(test_adamw),       cmocka_unit_test(test_norm),
        cmocka_unit_test(test_read_write),  cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_dropout),     cmocka_unit_test(test_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
