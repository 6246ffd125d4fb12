/* SPDX-License-Identifier: ISC */
/** A source of samples. */
#ifndef BSM_SIGNAL_SIGNAL_H
#define BSM_SIGNAL_SIGNAL_H

#include <stddef.h>

#include "bsm/status.h"

/** Gives the next samples of a signal, a plane per channel: `count`, or fewer at its end. */
typedef struct bsm_signal {
    void *user;
    bsm_status (*read)(void *user, float *const *audio, size_t count, size_t *got,
                       bsm_error *error);
} bsm_signal;

#endif
