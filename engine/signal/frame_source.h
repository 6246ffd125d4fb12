/* SPDX-License-Identifier: ISC */
/** The frames of the centred transform of a signal of unknown length, one by one: those that
 *  bsm_stft_forward takes of the whole signal. */
#ifndef BSM_SIGNAL_FRAME_SOURCE_H
#define BSM_SIGNAL_FRAME_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/config.h"
#include "signal/signal.h"

typedef struct bsm_frame_source bsm_frame_source;

BSM_NODISCARD bsm_status bsm_frame_source_new(const bsm_config *config, bsm_signal signal,
                                              bsm_frame_source **source, bsm_error *error);
void bsm_frame_source_free(bsm_frame_source *source);

/** The next frame's samples, n_fft per channel, without the window; `got` is false if there is
 * none. They overlap with the last frame's, and what they share is the same. */
BSM_NODISCARD bsm_status bsm_frame_source_next(bsm_frame_source *source, float *const *audio,
                                               bool *got, bsm_error *error);

/** The signal's length, or UINT64_MAX as long as its end has not been met. */
uint64_t bsm_frame_source_length(const bsm_frame_source *source);

#endif
