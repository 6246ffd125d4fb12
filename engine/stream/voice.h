/* SPDX-License-Identifier: ISC */
/** A model prepared to run in a stream, and the thread that computes for all streams. */
#ifndef BSM_STREAM_VOICE_H
#define BSM_STREAM_VOICE_H

#include "bsm/status.h"
#include "separate/separation.h"
#include "stream/plan.h"

/* One thread computes for all streams of a process, in the order in which they ask.
 *
 * It shares the work of each block among the process's team (base/team.h). If each stream's worker
 * computed by itself, all would compete for the same cores at the same time. */

/** Join the pool, whose thread runs until every member has called bsm_pool_leave; the first member
 *  starts it. BSM_NO_MEMORY. */
bsm_status bsm_pool_join(bsm_error *error);
void bsm_pool_leave(void);

/** Run `job(user)` in the pool's thread after the jobs that were asked for before, and return when
 *  it is done. Not from within a job, and not for the audio thread. */
void bsm_pool_run(void (*job)(void *user), void *user);

/* ---- A model made ready to run in a stream ---- */

typedef struct bsm_voice {
    bsm_stream_plan plan;
    bsm_network *network; /**< NULL: no vocals */
    size_t stem;          /**< the index of the stem named "vocals", or the first */
    bool in_pool;
    bool warmed; /**< its state comes from audio that was heard recently */
} bsm_voice;

/** Make one. `model` may be NULL; `before` is the plan of the last voice, or NULL (see
 *  bsm_stream_plan_make). BSM_UNSUPPORTED for a model that is not stereo, and the errors of
 *  bsm_network_new. */
bsm_status bsm_voice_new(bsm_model *model, const bsm_stream_plan *before,
                         const bsm_stream_options *options, bsm_voice **voice, bsm_error *error);
void bsm_voice_free(bsm_voice *voice);

/** Cut `signal`, which has the model's rate, into blocks and separate them. With `keep_state` the
 *  network goes on from its present state. The voice must outlive the blocks. */
bsm_status bsm_voice_start(bsm_voice *voice, bsm_signal signal, bool keep_state,
                           bsm_blocks **blocks, bsm_error *error);

#endif
