/* SPDX-License-Identifier: ISC */
/** Why a stream's network has stopped: a line that the worker sets and any thread reads, also the
 *  audio thread, without a lock. */
#ifndef BSM_STREAM_FAILURE_H
#define BSM_STREAM_FAILURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

typedef struct bsm_failure {
    _Atomic unsigned edition; /**< odd while the line is being written */
    _Atomic char line[sizeof((bsm_error *)0)->message];
} bsm_failure;

/** The worker's. */
void bsm_failure_set(bsm_failure *failure, const char *line);

/** Copy at most size - 1 bytes; false if the line was just being written. */
BSM_REALTIME bool bsm_failure_get(const bsm_failure *failure, char *line, size_t size);

#endif
