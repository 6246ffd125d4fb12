/* SPDX-License-Identifier: ISC */
#include "identity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise.h"

bsm_config small_stream_config(void)
{
    return (bsm_config){.dim = 4,
                        .depth = 1,
                        .expand = 2,
                        .headdim = 4,
                        .d_state = 4,
                        .d_conv = 4,
                        .mask_expansion = 1,
                        .num_bands = 4,
                        .bands = {24, 101, 300, 600},
                        .n_fft = 2048,
                        .hop = 441,
                        .sample_rate = 44100,
                        .channels = 2,
                        .num_stems = 1,
                        .stems = {"vocals"},
                        .segment = 8};
}

bsm_model *hash_model(const bsm_config *config)
{
    bsm_error error = {0};
    bsm_model *model = NULL;
    if (bsm_model_new_untrained(config, &model, &error)) {
        fail_msg("%s", error.message);
    }
    return model;
}

/* Write access is safe, because an untrained model's tensors are in the model's own memory, which
 * nothing else uses yet. */
float *model_weights(const bsm_model *model, const char *format, size_t band, size_t *count)
{
    char name[96];
    snprintf(name, sizeof name, format, band);
    const bsm_tensor *tensor = bsm_model_find(model, name);
    assert_non_null(tensor);
    *count = tensor->count;
    return (float *)(uintptr_t)tensor->data;
}

bsm_model *identity_model(const bsm_config *config)
{
    bsm_model *model = hash_model(config);
    for (size_t k = 0; k < config->num_bands; k++) {
        size_t count;
        float *weight =
            model_weights(model, "mask_estimators.0.to_freqs.%zu.0.2.weight", k, &count);
        memset(weight, 0, count * sizeof *weight);
        float *bias = model_weights(model, "mask_estimators.0.to_freqs.%zu.0.2.bias", k, &count);
        for (size_t i = 0; i < count; i++) { /* first numbers 1 + 0i, then open gates */
            bias[i] = i >= count / 2 ? 100 : i % 2 ? 0 : 1;
        }
    }
    return model;
}

signal new_signal(size_t samples)
{
    signal s = {.samples = samples};
    for (size_t c = 0; c < 2; c++) {
        s.audio[c] = calloc(samples ? samples : 1, sizeof(float));
        assert_non_null(s.audio[c]);
    }
    return s;
}

void free_signal(signal *s)
{
    free(s->audio[0]);
    free(s->audio[1]);
}

signal noise_signal(size_t samples, unsigned int seed)
{
    signal s = new_signal(samples);
    uint64_t state = seed;
    for (size_t c = 0; c < 2; c++) {
        noise_fill(&state, s.audio[c], samples);
        for (size_t i = 0; i < samples; i++) {
            s.audio[c][i] *= 0.5f;
        }
    }
    return s;
}

signal sines_signal(size_t samples, size_t rate, double highest)
{
    enum { SINES = 24 };
    signal s = new_signal(samples);
    for (size_t k = 0; k < SINES; k++) {
        double frequency = 20 * pow(highest / 20, (double)k / (SINES - 1));
        for (size_t i = 0; i < samples; i++) {
            double phase = 2 * M_PI * frequency * (double)i / (double)rate + (double)k;
            s.audio[0][i] += (float)(sin(phase) / SINES);
            s.audio[1][i] += (float)(cos(phase) / SINES);
        }
    }
    return s;
}

void free_result(stream_result *result)
{
    free_signal(&result->vocals);
    free_signal(&result->instrumental);
}

bool cpu_has_int8(void)
{
    char line[256];
    bsm_error error;
    assert_int_equal(bsm_device_describe(BSM_DEVICE_CPU, line, sizeof line, &error), BSM_OK);
    return strstr(line, "int8 by ") != NULL;
}

bsm_stream *open_stream(bsm_model *model, const bsm_stream_options *options)
{
    bsm_error error = {0};
    bsm_stream *stream = NULL;
    if (bsm_stream_new(model, options, &stream, &error)) {
        fail_msg("%s", error.message);
    }
    return stream;
}

stream_result play_signal(bsm_stream *stream, const signal *in, size_t block)
{
    size_t total = in->samples + bsm_stream_latency(stream);
    stream_result r = {new_signal(total), new_signal(total)};
    float silence[BSM_STREAM_MAX_BLOCK] = {0};
    uint64_t seed = 1;
    for (size_t at = 0; at < total;) {
        size_t count = block ? block : noise_size(&seed, 1, 3000);
        size_t end = at < in->samples ? in->samples : total;
        count = count < end - at ? count : end - at;
        const float *from[2] = {silence, silence};
        float *vocals[2], *instrumental[2];
        for (size_t c = 0; c < 2; c++) {
            from[c] = at < in->samples ? in->audio[c] + at : silence;
            vocals[c] = r.vocals.audio[c] + at;
            instrumental[c] = r.instrumental.audio[c] + at;
        }
        bsm_stream_process(stream, from, vocals, instrumental, count);
        at += count;
    }
    return r;
}

double delay_error(const signal *out, size_t latency, const signal *in, size_t edge)
{
    double difference = 0, power = 0;
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = edge; i + edge < in->samples; i++) {
            double x = (double)in->audio[c][i], y = (double)out->audio[c][i + latency];
            difference += (y - x) * (y - x);
            power += x * x;
        }
    }
    return 10 * log10(difference / power);
}

double sum_error(const stream_result *result, size_t latency, const signal *in)
{
    double worst = 0;
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < in->samples + latency; i++) {
            double input = i < latency ? 0 : (double)in->audio[c][i - latency];
            double sum =
                (double)result->vocals.audio[c][i] + (double)result->instrumental.audio[c][i];
            worst = fmax(worst, fabs(sum - input));
        }
    }
    return worst;
}
