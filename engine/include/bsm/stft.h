/* SPDX-License-Identifier: ISC */
/** Short-time Fourier transform and its inverse by overlap-add.
 *
 *  Periodic Hann window, any n_fft >= 2 and any hop from 1 to n_fft, in the conventions of
 *  torch.stft(center=True, pad_mode="reflect") and torch.istft(center=True): frame f is centred on
 *  sample f * hop; the inverse divides by the sum of the squared windows. Where that sum is below
 *  1e-11, which no window reaches (with hop = n_fft the first sample of each frame), the result is
 *  0, where torch.istft refuses. Odd n_fft count frames as even ones do, where torch.stft gives one
 *  less if hop divides the signal's length.
 *
 *  Spectra are [frame][bin][channel][re, im], bins = n_fft / 2 + 1, frames = 1 + samples / hop.
 *  An object belongs to one thread at a time; nothing is allocated after bsm_stft_new. For the
 * audio thread only if n_fft has no prime factor over 5, since KissFFT then needs a little heap. */
#ifndef BSM_STFT_H
#define BSM_STFT_H

#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_stft bsm_stft;

BSM_API BSM_NODISCARD bsm_status bsm_stft_new(size_t n_fft, size_t hop, size_t channels,
                                              bsm_stft **stft, bsm_error *error);
BSM_API void bsm_stft_free(bsm_stft *stft);

/** Frames of a signal of `samples` samples: 1 + samples / hop. */
BSM_API size_t bsm_stft_frames(const bsm_stft *stft, size_t samples);

/** Transform a whole signal. Signals shorter than n_fft / 2 + 1 samples, where one reflection does
 *  not reach, are reflected back and forth.
 *  @param audio `channels` pointers to `samples` (at least 1) floats */
BSM_API void bsm_stft_forward(bsm_stft *stft, const float *const *audio, size_t samples,
                              float *spectrum);

/** The inverse, trimmed or zero-extended to `samples` samples. */
BSM_API void bsm_stft_inverse(bsm_stft *stft, const float *spectrum, size_t frames,
                              float *const *audio, size_t samples);

/* ---- One frame at a time ---- */

/** Transform one frame: `audio` points, per channel, to the frame's first of n_fft samples (frame
 *  f of a centred transform starts at sample f * hop - n_fft / 2).
 *  @param spectrum [bin][channel][re, im] */
BSM_API BSM_REALTIME void bsm_stft_analyse(bsm_stft *stft, const float *const *audio,
                                           float *spectrum);

/** The inverse of that: its result, windowed, is added to `audio`, n_fft samples per channel. What
 *  all frames add up to, divided by the sum of their squared windows, is bsm_stft_inverse. */
BSM_API BSM_REALTIME void bsm_stft_synthesise(bsm_stft *stft, const float *spectrum,
                                              float *const *audio);

BSM_END_DECLS

#endif
