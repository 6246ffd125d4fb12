/* SPDX-License-Identifier: ISC */
/** Listens for clicks while a stream changes, from outside: from the input, the outputs and the
 *  latency that is reported after each call it knows every sample that should come out.
 *
 *  Vocals and instrumental add up to the input a latency ago; in the call after which another
 *  latency is reported, both delays are crossfaded from its first sample on. The models' masks are
 *  plain factors, so the vocals are a part of that sum, which moves no faster than a fade. */
#ifndef BSM_TESTS_STREAM_CLICKS_H
#define BSM_TESTS_STREAM_CLICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/model.h"

/** A model whose mask is this factor, everywhere. */
bsm_model *factor_model(const bsm_config *config, float factor);

enum { CLICKS_MEMORY = 1 << 19 };

typedef struct clicks {
    size_t fade;         /**< samples of a crossfade of two delays: 5 ms */
    size_t latency, old; /**< of what is heard, and of what fades out */
    size_t fade_left;
    double tolerance; /**< of the vocals: what a resampler does to them */
    float *memory[2]; /**< what went in */
    uint64_t position;
    double part;        /**< of the vocals in the sum, in the last sample that showed it ... */
    uint64_t part_seen; /**< ... behind which position this is */
    double part_left;   /**< the same of the delay that fades out */
    uint64_t changes;   /**< of the latency */
} clicks;

/** `latency` is what is reported before the first call. */
clicks clicks_begin(size_t rate, size_t latency, double tolerance);
void clicks_end(clicks *c);

/** Before a call: remember what goes in. */
void clicks_take(clicks *c, const float *const in[2], size_t frames);

/** After it: fails the test if a sample is not what it should be. `instrumental` NULL: `vocals` is
 *  the sum of both. */
void clicks_listen(clicks *c, size_t latency, const float *const vocals[2],
                   const float *const instrumental[2], size_t frames);

#endif
