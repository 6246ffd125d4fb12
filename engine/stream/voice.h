/* SPDX-License-Identifier: ISC */
/** A model made ready to run in a stream. */
#ifndef BSM_STREAM_VOICE_H
#define BSM_STREAM_VOICE_H

#include "separate/blocks.h"
#include "stream/plan.h"

typedef struct bsm_voice {
    bsm_stream_plan plan;
    bsm_network *network; /**< NULL: no vocals */
    size_t stem;          /**< the one named "vocals", or the first */
    bool in_pool;
    bool warmed; /**< its state is of what was heard lately */
} bsm_voice;

/** `model` may be NULL; `before` is the plan of the last voice, or NULL (see bsm_stream_plan_make).
 *  BSM_UNSUPPORTED for a model that is not stereo, and as bsm_network_new. */
bsm_status bsm_voice_new(bsm_model *model, const bsm_stream_plan *before,
                         const bsm_stream_options *options, bsm_voice **voice, bsm_error *error);
void bsm_voice_free(bsm_voice *voice);

/** Cut `signal`, at the model's rate, into blocks and separate them. With `keep_state` the network
 *  goes on from the state that it has. The voice must outlive the blocks. */
bsm_status bsm_voice_start(bsm_voice *voice, bsm_signal signal, bool keep_state,
                           bsm_blocks **blocks, bsm_error *error);

#endif
