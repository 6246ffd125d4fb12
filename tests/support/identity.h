/* SPDX-License-Identifier: ISC */
/** Models and signals whose result is known, and streams that are run from beginning to end. */
#ifndef BSM_TESTS_STREAM_IDENTITY_H
#define BSM_TESTS_STREAM_IDENTITY_H

#include "bsm/stream.h"

/** Return a very small network with the paper's transform: dim 4, depth 1, four bands. */
bsm_config small_stream_config(void);

/** Return a model of this configuration whose mask is 1: the vocals are the whole mixture. */
bsm_model *identity_model(const bsm_config *config);

/** Return a model of the same shapes whose weights come from a hash, so that its vocals depend on
 *  every weight. */
bsm_model *hash_model(const bsm_config *config);

/** Return the data of a tensor of a model, and its size in `count`. The tensor's name is `format`
 *  with the number of the band. */
float *model_weights(const bsm_model *model, const char *format, size_t band, size_t *count);

/** A stereo signal, one array per channel. */
typedef struct signal {
    size_t samples;
    float *audio[2];
} signal;

signal new_signal(size_t samples);
void free_signal(signal *s);

/** Return white noise with a peak of 0.5. */
signal noise_signal(size_t samples, unsigned int seed);

/** Return a sum of sines from 20 Hz to `highest` with a peak below 1. */
signal sines_signal(size_t samples, size_t rate, double highest);

typedef struct stream_result {
    signal vocals, instrumental;
} stream_result;

void free_result(stream_result *result);

/** Return whether "int8" is faster than float32 on this processor; otherwise float32 is used. */
bool cpu_has_int8(void);

/** Open a new stream; an error fails the test. */
bsm_stream *open_stream(bsm_model *model, const bsm_stream_options *options);

/** Play `in` through the stream, in blocks of `block` samples (0: random sizes), then silence until
 *  the last sample has come out. The outputs have in->samples + latency samples. */
stream_result play_signal(bsm_stream *stream, const signal *in, size_t block);

/** Return norm(out[latency ...] - in) / norm(in) in dB, without `edge` samples at both ends. */
double delay_error(const signal *out, size_t latency, const signal *in, size_t edge);

/** Return the largest |vocals + instrumental - input|, where the input is that of `latency` samples
 *  ago. */
double sum_error(const stream_result *result, size_t latency, const signal *in);

#endif
