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

/* ---- One frame at a time: what a stream uses. ---- */

/** Transform one frame: `audio` points, per channel, to the frame's first of n_fft samples (frame
 *  f of a centred transform starts at sample f * hop - n_fft / 2).
 *  @param spectrum [bin][channel][re, im] */
BSM_API BSM_REALTIME void bsm_stft_analyse(bsm_stft *stft, const float *const *audio,
                                           float *spectrum);

/** Overlap-add the frames of a stream. State: the tail of frames that still overlap. */
typedef struct bsm_overlap_add bsm_overlap_add;

BSM_API BSM_NODISCARD bsm_status bsm_overlap_add_new(size_t n_fft, size_t hop, size_t channels,
                                                     bsm_overlap_add **ola, bsm_error *error);
BSM_API void bsm_overlap_add_free(bsm_overlap_add *ola);

/** Forget all frames: the next one pushed is frame 0 of a centred transform. */
BSM_API BSM_REALTIME void bsm_overlap_add_reset(bsm_overlap_add *ola);

/** Add the next frame and take the `hop` samples per channel that no later frame can change: after
 *  frame f, samples [f * hop - n_fft / 2, (f + 1) * hop - n_fft / 2) of the signal, normalised
 *  exactly as bsm_stft_inverse does (the first frames, too). Those before sample 0 are zero. */
BSM_API BSM_REALTIME void bsm_overlap_add_push(bsm_overlap_add *ola, const float *spectrum,
                                               float *const *audio);

BSM_END_DECLS

#endif
