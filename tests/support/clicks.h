/* SPDX-License-Identifier: ISC */
/** Listens for clicks while a stream changes, using only the stream's interface: from the input,
 *  the outputs and the latency that is reported after each call it knows every sample of the
 *  output.
 *
 *  Vocals and instrumental add up to the input one latency ago. If a call is followed by the report
 *  of another latency, both delays are crossfaded from the first sample of that call on. The masks
 *  of the models are constant factors, so the vocals are a fraction of that sum, which changes no
 *  faster than a fade. */
#ifndef BSM_TESTS_STREAM_CLICKS_H
#define BSM_TESTS_STREAM_CLICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/model.h"

/** Return a model whose mask is this factor everywhere. */
bsm_model *factor_model(const bsm_config *config, float factor);

enum { CLICKS_MEMORY = 1 << 19 };

typedef struct clicks {
    size_t fade;         /**< samples of a crossfade of two delays: 5 ms */
    size_t latency, old; /**< `latency` fades in or is constant, `old` fades out */
    size_t fade_left;
    double tolerance; /**< of the vocals, for the errors of a resampler */
    float *memory[2]; /**< the input */
    uint64_t position;
    double part;        /**< vocals / sum, in the last sample that showed it */
    uint64_t part_seen; /**< the position after that sample */
    double part_left;   /**< `part` for the delay that fades out */
    uint64_t changes;   /**< number of changes of the latency */
} clicks;

/** `latency` is the one reported before the first call. */
clicks clicks_begin(size_t rate, size_t latency, double tolerance);
void clicks_end(clicks *c);

/** Call this before each call of the stream: remembers its input. */
void clicks_take(clicks *c, const float *const in[2], size_t frames);

/** Call this after each call of the stream: fails the test if a sample is wrong. If `instrumental`
 *  is NULL, `vocals` is the sum of both. */
void clicks_listen(clicks *c, size_t latency, const float *const vocals[2],
                   const float *const instrumental[2], size_t frames);

#endif
