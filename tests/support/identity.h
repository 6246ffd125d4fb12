/* SPDX-License-Identifier: ISC */
/** Models and signals whose result is known, and streams run from end to end. */
#ifndef BSM_TESTS_STREAM_IDENTITY_H
#define BSM_TESTS_STREAM_IDENTITY_H

#include "bsm/stream.h"

/** A very small network with the paper's transform: dim 4, depth 1, four bands. */
bsm_config small_stream_config(void);

/** A model of this configuration whose mask is 1: all energy goes to the vocals. */
bsm_model *identity_model(const bsm_config *config);

/** The same shapes with the weights' hash: vocals that depend on everything. */
bsm_model *hash_model(const bsm_config *config);

/** The data of one of a model's tensors, whose name is `format` with the band's number, and how
 * many values it has. */
float *model_weights(const bsm_model *model, const char *format, size_t band, size_t *count);

/** A stereo signal, interleaved by plane. */
typedef struct signal {
    size_t samples;
    float *audio[2];
} signal;

signal new_signal(size_t samples);
void free_signal(signal *s);

/** White noise, peak 0.5. */
signal noise_signal(size_t samples, unsigned int seed);

/** Sines from 20 Hz up to `highest`, peak below 1. */
signal sines_signal(size_t samples, size_t rate, double highest);

typedef struct stream_result {
    signal vocals, instrumental;
} stream_result;

void free_result(stream_result *result);

/** Whether "int8" is faster than float32 on this processor: where it is not, float32 is used. */
bool cpu_has_int8(void);

/** A new stream; a failure fails the test. */
bsm_stream *open_stream(bsm_model *model, const bsm_stream_options *options);

/** Put `in` through, in blocks of `block` samples (0: random sizes), then silence until the last
 *  sample has come out: outputs have in->samples + latency samples. */
stream_result play_signal(bsm_stream *stream, const signal *in, size_t block);

/** norm(out[latency ...] - in) / norm(in), in dB, leaving out `edge` samples at both ends. */
double delay_error(const signal *out, size_t latency, const signal *in, size_t edge);

/** The largest |vocals + instrumental - input latency samples ago|. */
double sum_error(const stream_result *result, size_t latency, const signal *in);

#endif
