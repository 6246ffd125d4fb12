/* SPDX-License-Identifier: ISC */
/** Whether a training fits into the machine's memory. */
#ifndef BSM_TRAINER_MEMORY_H
#define BSM_TRAINER_MEMORY_H

#include <stdint.h>

#include "bsm/training.h"

/** Bytes that this process could still get: what the system says is available, and what the control
 *  groups that it is in leave. UINT64_MAX where neither says anything. */
uint64_t bsm_memory_available(void);

/** Bytes of physical memory that this process holds now; 0 if the system does not say. */
uint64_t bsm_memory_resident(void);

/** What a process of a training needs. */
typedef struct bsm_memory_need {
    bsm_training_memory training;
    size_t program; /**< in the host's memory: everything else */
} bsm_memory_need;

/** "needs 6.1 GB: 0.9 of parameters, 4.0 kept from forward to backward, 1.2 of scratch, 0.1 of the
 *  program and its examples". */
void bsm_memory_format(const bsm_memory_need *need, char *text, size_t size);

/** BSM_NO_MEMORY, with what to change, if `processes` of these do not fit into `available`. */
BSM_NODISCARD bsm_status bsm_memory_check(const bsm_memory_need *need, size_t processes,
                                          uint64_t available, bsm_error *error);

#endif
