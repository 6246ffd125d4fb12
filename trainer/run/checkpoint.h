/* SPDX-License-Identifier: ISC */
/** Checkpoints: all that a training needs to go on as if it had not stopped, in one file.
 *
 *  It is a safetensors file. The weights have their published names, so that it can be opened as a
 *  model; "ema.NAME" is their average, "first_moment.NAME" and "second_moment.NAME" are AdamW's,
 *  and "gradient.NAME" is there if the training was stopped within a step. The metadata hold the
 *  network's configuration (docs/model-format.md), "checkpoint" (where the training stands, JSON)
 *  and "settings" (the training's configuration, YAML). Its name is checkpoint-STEP.safetensors. */
#ifndef BSM_TRAINER_CHECKPOINT_H
#define BSM_TRAINER_CHECKPOINT_H

#include "bsm/training.h"
#include "run/state.h"

/** Write beside `path`, and rename. `shapes` is any model of the training's network. */
BSM_NODISCARD bsm_status bsm_checkpoint_write(const char *path, bsm_training *training,
                                              const bsm_model *shapes, const bsm_state *state,
                                              const char *settings, bsm_error *error);

typedef struct bsm_checkpoint bsm_checkpoint;

/** Open one. What opening a model reports; BSM_BAD_MODEL if it is no checkpoint. */
BSM_NODISCARD bsm_status bsm_checkpoint_open(const char *path, bsm_checkpoint **checkpoint,
                                             bsm_error *error);
void bsm_checkpoint_close(bsm_checkpoint *checkpoint);

/** Live as long as the checkpoint. */
const bsm_state *bsm_checkpoint_state(const bsm_checkpoint *checkpoint);
const bsm_config *bsm_checkpoint_config(const bsm_checkpoint *checkpoint);
const char *bsm_checkpoint_settings(const bsm_checkpoint *checkpoint);

/** Write all vectors into a training of the same shapes. */
BSM_NODISCARD bsm_status bsm_checkpoint_restore(const bsm_checkpoint *checkpoint,
                                                bsm_training *training, const bsm_model *shapes,
                                                bsm_error *error);

/** The name of the checkpoint of a step, for free(); NULL when out of memory. */
char *bsm_checkpoint_path(const char *folder, uint64_t step);

/** The path of the newest checkpoint of a folder, for free(), and its step; NULL if there is none
 *  or no folder. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_checkpoint_latest(const char *folder, char **path, uint64_t *step,
                                               bsm_error *error);

/** Remove what programs that were killed while they wrote have left behind. */
void bsm_checkpoint_clean(const char *folder);

/** Remove all but the newest `keep` checkpoints; 0 keeps all. A file that cannot be removed stays.
 */
void bsm_checkpoint_prune(const char *folder, size_t keep);

#endif
