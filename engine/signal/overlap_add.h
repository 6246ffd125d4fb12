/* SPDX-License-Identifier: ISC */
/** The end of an overlap-add stream, which only whole signals have. */
#ifndef BSM_SIGNAL_OVERLAP_ADD_H
#define BSM_SIGNAL_OVERLAP_ADD_H

#include "bsm/stft.h"

/** No frame will follow the last one pushed: take the n_fft - hop samples per channel that come
 *  after its own, normalised by the frames that there were. To be followed by a reset. */
BSM_REALTIME void bsm_overlap_add_finish(bsm_overlap_add *ola, float *const *audio);

#endif
