/* SPDX-License-Identifier: ISC */
/** What a training starts from: fresh weights, a model, or a checkpoint. */
#ifndef BSM_TRAINER_INITIAL_H
#define BSM_TRAINER_INITIAL_H

#include "run/checkpoint.h"
#include "run/run.h"

/** Fresh weights, or those of training.init_from, in a model of `config`.
 *  What opening a model reports; BSM_BAD_MODEL if its network has other shapes. */
BSM_NODISCARD bsm_status bsm_initial_model(const bsm_trainer_settings *settings,
                                           const bsm_config *config, bsm_model **model,
                                           bsm_error *error);

/** Open the checkpoint of training.resume_from, and say what has changed since. NULL if there is
 *  none to resume from. BSM_BAD_MODEL if its network has other shapes. */
BSM_NODISCARD bsm_status bsm_resume_open(bsm_run *run, bsm_checkpoint **checkpoint,
                                         bsm_error *error);

/** True if a step of `settings` has another number of items than one of the checkpoint. */
bool bsm_resume_changes_steps(const bsm_checkpoint *checkpoint, const char *settings);

#endif
