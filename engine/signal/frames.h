/* SPDX-License-Identifier: ISC */
/** Frames of the STFT: windows, the frames of a signal one by one, and overlap-add. */
#ifndef BSM_SIGNAL_FRAMES_H
#define BSM_SIGNAL_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/attributes.h"
#include "bsm/config.h"
#include "bsm/status.h"
#include "signal/signal.h"

/* What the transform and its inverse have in common: the window, the sums of its squares, and the
 *  reflection at the edges. */

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

/* The frames of the centred transform of a signal of unknown length, one by one: those that
 *  bsm_stft_forward takes of the whole signal. */

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

/* Overlap-add of a stream: what its frames' windowed inverse transforms add up to, normalised as
 *  bsm_stft_inverse does (bsm/stft.h). Who transforms adds to sums that lie here. */

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
