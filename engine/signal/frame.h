/* SPDX-License-Identifier: ISC */
/** What the transform and its inverse have in common: the window, the sums of its squares, and the
 *  reflection at the edges. */
#ifndef BSM_SIGNAL_FRAME_H
#define BSM_SIGNAL_FRAME_H

#include <stddef.h>

#include "bsm/status.h"

/** BSM_INVALID_ARGUMENT, which names the value, unless an STFT of these sizes can be. */
BSM_NODISCARD bsm_status bsm_frame_check(size_t n_fft, size_t hop, size_t channels,
                                         bsm_error *error);

/** The periodic Hann window, computed in double; NULL if memory is short. */
float *bsm_frame_window(size_t n_fft);

/** Add the squared windows of `frames` frames, a hop apart, to (frames - 1) * hop + n_fft norms. */
void bsm_frame_add_norms(const float *window, size_t n_fft, size_t hop, size_t frames,
                         double *norms);

/** What norms are raised to when masked frames are added, since a mask spreads a frame's sound over
 *  all of it and the foot of a window, behind the last frame's centre, would be divided by next to
 *  nothing: 0.05, or less where the frames of an endless signal have less between them. With four
 *  frames or more to a window no sample of a signal has as little. */
double bsm_frame_least_norm(size_t n_fft, size_t hop);

/** Divide sums of windowed inverse transforms by their norms, or by `least` where that is more.
 *  Where no window reaches a sample (torch.istft refuses such a signal altogether), it is 0. */
void bsm_frame_normalise(const float *sums, const double *norms, double least, size_t count,
                         float *audio);

/** The sample that a reflected signal of `samples` samples (at least 1) has at `position`: back
 *  and forth as often as it takes, never repeating the first or the last one. */
size_t bsm_frame_reflect(ptrdiff_t position, size_t samples);

#endif
