/* SPDX-License-Identifier: ISC */
/** Checkpoints, their folder, and the initial state of a training. */
#ifndef BSM_TRAINER_RUN_CHECKPOINT_H
#define BSM_TRAINER_RUN_CHECKPOINT_H

#include <stdint.h>

#include "bsm/status.h"
#include "bsm/training.h"
#include "run/run.h"
#include "run/state.h"

/* A checkpoint is one file with all that a training needs to go on as if it had not stopped.
 *
 * It is a safetensors file. The weights have their published names, so that it can be opened as a
 * model; "ema.NAME" is their average, "first_moment.NAME" and "second_moment.NAME" are AdamW's,
 * and "gradient.NAME" exists if the training was stopped within a step. The metadata contain the
 * network's configuration (docs/model-format.md), "checkpoint" (the state of the training, JSON)
 * and "settings" (the training's configuration, YAML). The file's name is
 * checkpoint-STEP.safetensors. */

/** Write a checkpoint beside `path`, and rename it. `shapes` is any model of the training's
 *  network. */
BSM_NODISCARD bsm_status bsm_checkpoint_write(const char *path, bsm_training *training,
                                              const bsm_model *shapes, const bsm_state *state,
                                              const char *settings, bsm_error *error);

typedef struct bsm_checkpoint bsm_checkpoint;

/** Open a checkpoint. The errors of opening a model; BSM_BAD_MODEL if it is not a checkpoint. */
BSM_NODISCARD bsm_status bsm_checkpoint_open(const char *path, bsm_checkpoint **checkpoint,
                                             bsm_error *error);
void bsm_checkpoint_close(bsm_checkpoint *checkpoint);

/** These live as long as the checkpoint. */
const bsm_state *bsm_checkpoint_state(const bsm_checkpoint *checkpoint);
const bsm_config *bsm_checkpoint_config(const bsm_checkpoint *checkpoint);
const char *bsm_checkpoint_settings(const bsm_checkpoint *checkpoint);

/** Copy all vectors into a training of the same shapes. */
BSM_NODISCARD bsm_status bsm_checkpoint_restore(const bsm_checkpoint *checkpoint,
                                                bsm_training *training, const bsm_model *shapes,
                                                bsm_error *error);

/** The file name of the checkpoint of a step, for free(); NULL when out of memory. */
char *bsm_checkpoint_path(const char *folder, uint64_t step);

/** Find the path of the newest checkpoint in a folder, for free(), and its step; NULL if there is
 *  none or no folder. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_checkpoint_latest(const char *folder, char **path, uint64_t *step,
                                               bsm_error *error);

/** Remove incomplete files of programs that were killed while they wrote. */
void bsm_checkpoint_clean(const char *folder);

/** Remove all but the newest `keep` checkpoints; 0 keeps all. A file that cannot be removed
 *  stays. */
void bsm_checkpoint_prune(const char *folder, size_t keep);

/* ---- The vectors of a checkpoint, in the order of the file ---- */

typedef struct bsm_checkpoint_part {
    bsm_training_vector vector;
    const char *prefix; /**< prefix of the tensors' names */
} bsm_checkpoint_part;

extern const bsm_checkpoint_part bsm_checkpoint_parts[BSM_NUM_TRAINING_VECTORS];

/** How many of them there are: the gradients only within a step. */
size_t bsm_checkpoint_num_parts(const bsm_state *state);

/* ---- The folder that a training writes to ---- */

/** Create the folder and the folders above it, and lock it. The lock lasts until `*fd` is closed;
 *  `*fd` is set whenever the folder was opened. Files that a killed training left incomplete are
 *  removed. BSM_EXISTS: another training is running there. */
BSM_NODISCARD bsm_status bsm_output_folder_open(const char *path, int *fd, bsm_error *error);

/** Check that a training which begins there overwrites nothing. BSM_EXISTS: there has been another
 *  training. */
BSM_NODISCARD bsm_status bsm_output_folder_check_unused(const char *path, bsm_error *error);

/** Check that a training which continues after `step` will make the newest checkpoints there,
 *  since only the newest are kept and resumed from. BSM_EXISTS: there are later ones. */
BSM_NODISCARD bsm_status bsm_output_folder_check_later(const char *path, uint64_t step,
                                                       bsm_error *error);

/** Check that `needed` bytes can be written there; a file system that gives no figure is assumed
 *  to have enough. BSM_IO. */
BSM_NODISCARD bsm_status bsm_output_folder_check_space(const char *path, uint64_t needed,
                                                       bsm_error *error);

/* ---- The initial state of a training: fresh weights, a model, or a checkpoint ---- */

/** Make fresh weights, or load those of training.init_from, in a model of `config`. The errors of
 *  opening a model; BSM_BAD_MODEL if its network has other shapes. */
BSM_NODISCARD bsm_status bsm_initial_model(const bsm_trainer_settings *settings,
                                           const bsm_config *config, bsm_model **model,
                                           bsm_error *error);

/** Open the checkpoint of training.resume_from, and report what has changed since. NULL if there
 *  is none to resume from. BSM_BAD_MODEL if its network has other shapes. */
BSM_NODISCARD bsm_status bsm_resume_open(bsm_run *run, bsm_checkpoint **checkpoint,
                                         bsm_error *error);

/** Whether a step of `settings` has another number of items than a step of the checkpoint. */
bool bsm_resume_changes_steps(const bsm_checkpoint *checkpoint, const char *settings);

#endif
