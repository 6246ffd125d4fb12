/* SPDX-License-Identifier: ISC */
/** Overlap-add beyond bsm/stft.h: the end of a stream, which only whole signals have, and frames
 *  that are summed elsewhere. */
#ifndef BSM_SIGNAL_OVERLAP_ADD_H
#define BSM_SIGNAL_OVERLAP_ADD_H

#include "bsm/stft.h"

/** No frame will follow the last one pushed: take the n_fft - hop samples per channel that come
 *  after its own, normalised by the frames that there were. To be followed by a reset. */
BSM_REALTIME void bsm_overlap_add_finish(bsm_overlap_add *ola, float *const *audio);

/** The sum of `frames` windowed inverse transforms, a hop apart: not of the stream's, and not
 *  normalised.
 *  @param sums per channel (frames - 1) * hop + n_fft samples */
BSM_REALTIME void bsm_overlap_add_sum(bsm_overlap_add *ola, const float *spectrum, size_t frames,
                                      float *const *sums);

/** Add the stream's next `frames` frames (at least 1), which are summed so already, and take the
 *  frames * hop samples per channel that no later frame can change. */
BSM_REALTIME void bsm_overlap_add_push_sums(bsm_overlap_add *ola, float *const *sums, size_t frames,
                                            float *const *audio);

#endif
