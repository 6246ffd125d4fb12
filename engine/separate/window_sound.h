/* SPDX-License-Identifier: ISC */
/** One window with a centred transform of its own, by a separator that takes sound. */
#ifndef BSM_SEPARATE_WINDOW_SOUND_H
#define BSM_SEPARATE_WINDOW_SOUND_H

#include "separate/separation.h"

typedef struct bsm_window_sound bsm_window_sound;

/** For windows of `length` samples; keeps `separation`. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_window_sound_new(const bsm_separation *separation, size_t length,
                                              bsm_window_sound **window, bsm_error *error);
void bsm_window_sound_free(bsm_window_sound *window);

/** Separate the wanted stems of one lane.
 *  @param audio config->channels pointers to `length` samples */
BSM_NODISCARD bsm_status bsm_window_sound_separate(bsm_window_sound *window,
                                                   const float *const *audio, bsm_error *error);

/** Samples `first` to `end` of a stem of that, as bsm_stft_inverse gives it. */
void bsm_window_sound_take(const bsm_window_sound *window, size_t stem, size_t first, size_t end,
                           float *const *audio);

#endif
