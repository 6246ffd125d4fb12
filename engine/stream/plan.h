/* SPDX-License-Identifier: ISC */
/** Derives from a model and the options of a stream its blocks, memory and latency.
 *
 *  At the model's rate, with C frames of commit and L of look-ahead, block b yields the samples
 *  from b C hop - n_fft / 2 on (less the expander's delay). It needs those up to
 *  ((b + 1) C + L - 1) hop + n_fft / 2, and one more for a reflection. The worker has as much time
 * to compute it as the block lasts, less the fade that the audio thread looks ahead. So the latency
 * is
 *
 *      (2 C + L - 1) hop + n_fft + 1     plus the delay of the model's expander and, if the rates
 *                                        differ, the samples that both resamplers hold,
 *
 *  and a block must last longer than a fade. */
#ifndef BSM_STREAM_PLAN_H
#define BSM_STREAM_PLAN_H

#include "bsm/stream.h"

/** The length of a crossfade: 5 ms. */
enum { BSM_FADES_PER_SECOND = 200 };

typedef struct bsm_stream_plan {
    size_t rate, model_rate;
    size_t hop, n_fft;
    size_t expander;          /**< delay of the model's expander in model samples */
    size_t commit, lookahead; /**< in frames */
    size_t history;           /**< frames of bounded memory; 0: not bounded */
    bsm_rolling rolling;      /**< frames of rolling memory; 0: carried or bounded */
    size_t resampler_lag;     /**< host samples that the input's resampler may hold */
    size_t latency;           /**< in host samples */
    size_t block;             /**< host samples of a committed block, rounded up */
} bsm_stream_plan;

/** Make a plan. If `model` is NULL, the transform is that of the plan `before`; if that is NULL,
 *  too, it is the paper's. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
bsm_status bsm_stream_plan_make(const bsm_model *model, const bsm_stream_plan *before,
                                const bsm_stream_options *options, bsm_stream_plan *plan,
                                bsm_error *error);

/** The frames that the network sees at once, and the frames that it computes for its most
 *  expensive block: with rolling memory, for one in which both states run. */
size_t bsm_stream_plan_block(const bsm_stream_plan *plan);
size_t bsm_stream_plan_dearest(const bsm_stream_plan *plan);

/** The number of host samples, counted from the span's start, that block number `block` needs. */
uint64_t bsm_stream_plan_ready(const bsm_stream_plan *plan, uint64_t block);

#endif
