/* SPDX-License-Identifier: ISC */
/** The short-time Fourier transform and its inverse by overlap-add.
 *
 *  The window is a periodic Hann window; n_fft is 2 to 2^24, hop is 1 to n_fft, and there are 1 to
 *  64 channels. The conventions are those of torch.stft(center=True, pad_mode="reflect") and
 *  torch.istft(center=True): frame f is centred on sample f * hop, and the inverse divides by the
 *  sum of the squared windows. There are two differences. If that sum is below 1e-11, as for the
 *  first sample of each frame with hop = n_fft, the result is 0, whereas torch.istft fails. If
 *  n_fft is odd, there are as many frames as if it were even, whereas torch.stft gives one less if
 *  hop divides the signal's length.
 *
 *  Spectra are [frame][bin][channel][re, im] with n_fft / 2 + 1 bins and 1 + samples / hop frames.
 *
 *  An object belongs to one thread at a time. Nothing is allocated after bsm_stft_new, except by
 *  KissFFT if n_fft has a prime factor above 5. Only without such a factor may functions marked
 *  BSM_REALTIME be called from the audio thread. */
#ifndef BSM_STFT_H
#define BSM_STFT_H

#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_stft bsm_stft;

/** Make one. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_stft_new(size_t n_fft, size_t hop, size_t channels,
                                              bsm_stft **stft, bsm_error *error);
BSM_API void bsm_stft_free(bsm_stft *stft);

/** Return the number of frames of a signal of `samples` samples: 1 + samples / hop. */
BSM_API size_t bsm_stft_frames(const bsm_stft *stft, size_t samples);

/** Transform a whole signal. If it is shorter than n_fft / 2 + 1 samples, so that one reflection is
 *  not long enough, it is reflected back and forth.
 *  @param audio     [channel][samples], with at least 1 sample
 *  @param spectrum  [bsm_stft_frames(stft, samples)][bin][channel][re, im] */
BSM_API void bsm_stft_forward(bsm_stft *stft, const float *const *audio, size_t samples,
                              float *spectrum);

/** Transform a whole signal back. The result is cut off or extended by zeros to `samples` samples.
 *  @param audio  [channel][samples] */
BSM_API void bsm_stft_inverse(bsm_stft *stft, const float *spectrum, size_t frames,
                              float *const *audio, size_t samples);

/* ---- One frame at a time ---- */

/** Transform one frame. Frame f of a centred transform starts at sample f * hop - n_fft / 2.
 *  @param audio     [channel][n_fft], without the window
 *  @param spectrum  [bin][channel][re, im] */
BSM_API BSM_REALTIME void bsm_stft_analyse(bsm_stft *stft, const float *const *audio,
                                           float *spectrum);

/** Transform one frame back, multiply the result by the window and add it to `audio`,
 *  [channel][n_fft]. The sum over all frames, divided by the sum of their squared windows, is the
 *  result of bsm_stft_inverse. */
BSM_API BSM_REALTIME void bsm_stft_synthesise(bsm_stft *stft, const float *spectrum,
                                              float *const *audio);

BSM_END_DECLS

#endif
