/* SPDX-License-Identifier: ISC */
/** How many threads a network or a training uses. */
#ifndef BSM_NET_THREADS_H
#define BSM_NET_THREADS_H

#include "bsm/status.h"

/** `wanted`, or one per core if it is 0. BSM_INVALID_ARGUMENT. */
bsm_status bsm_threads_resolve(size_t wanted, size_t *threads, bsm_error *error);

#endif
