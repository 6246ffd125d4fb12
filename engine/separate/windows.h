/* SPDX-License-Identifier: ISC */
/** Separating a long signal in windows, each from a zero state and with a centred transform of its
 *  own, crossfaded where they overlap.
 *
 *  Window k starts at sample k * step. The last one is the first that reaches the signal's end; it
 *  is padded with silence. Without overlap this is the published evaluation. */
#ifndef BSM_SEPARATE_WINDOWS_H
#define BSM_SEPARATE_WINDOWS_H

#include "separate/separation.h"

typedef struct bsm_windows bsm_windows;

/** `length` and `step` (1 to `length`) in samples. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_windows_new(const bsm_separation *separation, size_t length,
                                         size_t step, bsm_windows **windows, bsm_error *error);
void bsm_windows_free(bsm_windows *windows);

/** The next samples of the result: bsm_separation_planes planes of `count` samples, which stay
 *  until the next call; 0 at the end. After a failure nothing but bsm_windows_free may follow. */
BSM_NODISCARD bsm_status bsm_windows_next(bsm_windows *windows, float *const **audio, size_t *count,
                                          bsm_error *error);

#endif
