/* SPDX-License-Identifier: ISC */
/** Overlap-add of a stream: what its frames' windowed inverse transforms add up to, normalised as
 *  bsm_stft_inverse does (bsm/stft.h). Who transforms adds to sums that lie here. */
#ifndef BSM_SIGNAL_OVERLAP_ADD_H
#define BSM_SIGNAL_OVERLAP_ADD_H

#include <stddef.h>

#include "bsm/attributes.h"
#include "bsm/status.h"

typedef struct bsm_overlap_add bsm_overlap_add;

/** For up to `frames` frames at a time.
 *  @param least_norm as bsm_frame_least_norm says for frames that a mask has changed; 0 for an
 * exact inverse. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_overlap_add_new(size_t n_fft, size_t hop, size_t channels,
                                             size_t frames, double least_norm,
                                             bsm_overlap_add **ola, bsm_error *error);
void bsm_overlap_add_free(bsm_overlap_add *ola);

/** Forget all frames: the next one is a stream's first. */
BSM_REALTIME void bsm_overlap_add_reset(bsm_overlap_add *ola);

/** Where the next frames are to be added, per channel: n_fft samples of the first one, and of each
 *  later one as many a hop further on. */
BSM_REALTIME float *const *bsm_overlap_add_sums(const bsm_overlap_add *ola);

/** `frames` frames have been added: take the frames * hop samples per channel that no later one can
 *  change. */
BSM_REALTIME void bsm_overlap_add_take(bsm_overlap_add *ola, size_t frames, float *const *audio);

/** No frame will follow: take the n_fft - hop samples per channel that come after the last one's.
 *  To be followed by a reset. */
BSM_REALTIME void bsm_overlap_add_finish(bsm_overlap_add *ola, float *const *audio);

#endif
