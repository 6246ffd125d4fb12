/* SPDX-License-Identifier: ISC */
/** Whether a training fits into the machine's memory. */
#ifndef BSM_TRAINER_MEMORY_H
#define BSM_TRAINER_MEMORY_H

#include <stdint.h>

#include "bsm/training.h"

/** Bytes that this process could still get: what the system says is available, and what the control
 *  groups that it is in leave. UINT64_MAX where neither says anything. */
uint64_t bsm_memory_available(void);

/** "needs 6.1 GB: 0.9 of parameters, 4.0 kept from forward to backward, 1.2 of scratch". */
void bsm_memory_format(const bsm_training_memory *memory, char *text, size_t size);

/** BSM_NO_MEMORY, with what to change, if `processes` of these do not fit into `available`. */
BSM_NODISCARD bsm_status bsm_memory_check(const bsm_training_memory *memory, size_t processes,
                                          uint64_t available, bsm_error *error);

#endif
