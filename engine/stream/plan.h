/* SPDX-License-Identifier: ISC */
/** What follows from a model and the options of a stream: blocks, memory and latency.
 *
 *  At the model's rate, block b yields the samples from b C hop - n_fft / 2 on (less the expander's
 * delay), and needs those up to ((b + 1) C + L - 1) hop + n_fft / 2, and one more (a reflection's)
 * before it can be computed. The worker gets as much time for it as the block lasts, less the fade
 * that the audio thread looks ahead. So the latency is
 *
 *      (2 C + L - 1) hop + n_fft + 1     plus what the model's expander delays, and where the rates
 *                                        differ, what both resamplers hold,
 *
 *  and a block has to last longer than a fade. */
#ifndef BSM_STREAM_PLAN_H
#define BSM_STREAM_PLAN_H

#include "bsm/stream.h"

/** A crossfade lasts 5 ms. */
enum { BSM_FADES_PER_SECOND = 200 };

typedef struct bsm_stream_plan {
    size_t rate, model_rate;
    size_t hop, n_fft;
    size_t expander;          /**< model samples by which the model's expander delays the result */
    size_t commit, lookahead; /**< frames */
    size_t history;           /**< frames; 0: not bounded */
    bsm_rolling rolling;      /**< frames; 0: the state is carried, or bounded */
    size_t resampler_lag;     /**< host samples that the input's resampler may hold */
    size_t latency;           /**< host samples */
    size_t block;             /**< host samples of a committed block, rounded up */
} bsm_stream_plan;

/** `model` may be NULL: the transform is then that of the plan `before`, or if that is NULL, too,
 *  the paper's. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
bsm_status bsm_stream_plan_make(const bsm_model *model, const bsm_stream_plan *before,
                                const bsm_stream_options *options, bsm_stream_plan *plan,
                                bsm_error *error);

/** Frames that the network sees at once, and that it computes for the dearest of all blocks: with
 *  rolling memory one where both states run. */
size_t bsm_stream_plan_block(const bsm_stream_plan *plan);
size_t bsm_stream_plan_dearest(const bsm_stream_plan *plan);

/** Host samples, from a block's span on, after which block number `block` can be computed. */
uint64_t bsm_stream_plan_ready(const bsm_stream_plan *plan, uint64_t block);

#endif
