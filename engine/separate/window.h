/* SPDX-License-Identifier: ISC */
/** One window with a centred transform of its own. */
#ifndef BSM_SEPARATE_WINDOW_H
#define BSM_SEPARATE_WINDOW_H

#include "separate/separation.h"

typedef struct bsm_window bsm_window;

/** For windows of `length` samples; keeps `separation`. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_window_new(const bsm_separation *separation, size_t length,
                                        bsm_window **window, bsm_error *error);
void bsm_window_free(bsm_window *window);

/** Separate the wanted stems of one lane.
 *  @param audio config->channels pointers to `length` samples */
BSM_NODISCARD bsm_status bsm_window_separate(bsm_window *window, const float *const *audio,
                                             bsm_error *error);

/** Samples `first` to `end` of a stem of that, as bsm_stft_inverse gives it. */
void bsm_window_take(const bsm_window *window, size_t stem, size_t first, size_t end,
                     float *const *audio);

#endif
