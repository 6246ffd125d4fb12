/* SPDX-License-Identifier: ISC */
/** What a checkpoint consists of, in the order of the file. */
#ifndef BSM_TRAINER_CHECKPOINT_PARTS_H
#define BSM_TRAINER_CHECKPOINT_PARTS_H

#include "bsm/training.h"
#include "run/state.h"

typedef struct bsm_checkpoint_part {
    bsm_training_vector vector;
    const char *prefix; /**< of its tensors' names */
} bsm_checkpoint_part;

extern const bsm_checkpoint_part bsm_checkpoint_parts[BSM_NUM_TRAINING_VECTORS];

/** How many of them there are: the gradients only within a step. */
size_t bsm_checkpoint_num_parts(const bsm_state *state);

#endif
