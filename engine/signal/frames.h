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

/* What the transform and its inverse share: the window, the sum of its squares, and the reflection
 * at the edges. */

/** Check that an STFT can have these sizes. BSM_INVALID_ARGUMENT, with a message that names the
 *  value. */
BSM_NODISCARD bsm_status bsm_frame_check(size_t n_fft, size_t hop, size_t channels,
                                         bsm_error *error);

/** The periodic Hann window, computed in double; NULL if memory is short. */
float *bsm_frame_window(size_t n_fft);

/** Add the squared windows of `frames` frames, spaced by `hop`, to (frames - 1) * hop + n_fft
 *  norms. */
void bsm_frame_add_norms(const float *window, size_t n_fft, size_t hop, size_t frames,
                         double *norms);

/** The lower limit of norms when masked frames are added. A mask spreads a frame's audio over the
 *  whole frame, so at the foot of a window, after the last frame's centre, it would be divided by
 *  almost nothing. The limit is 0.05, or less if the norms of an endless signal get smaller than
 *  that; with at least four frames per window they never do. */
double bsm_frame_least_norm(size_t n_fft, size_t hop);

/** Divide sums of windowed inverse transforms by their norms, or by `least` if the norm is
 *  smaller. A sample that no window reaches becomes 0 (torch.istft refuses such a signal
 *  altogether). */
void bsm_frame_normalise(const float *sums, const double *norms, double least, size_t count,
                         float *audio);

/** The sample at `position` of a signal of `samples` samples (at least 1) that is reflected at its
 *  ends, back and forth as often as needed, without repeating the first or the last sample. */
size_t bsm_frame_reflect(ptrdiff_t position, size_t samples);

/* The frames of the centred transform of a signal of unknown length, one by one: the same frames
 * that bsm_stft_forward takes from the whole signal. */

typedef struct bsm_frame_source bsm_frame_source;

BSM_NODISCARD bsm_status bsm_frame_source_new(const bsm_config *config, bsm_signal signal,
                                              bsm_frame_source **source, bsm_error *error);
void bsm_frame_source_free(bsm_frame_source *source);

/** Get the next frame's samples, n_fft per channel, without the window; `got` is false if there is
 *  none. Consecutive frames overlap and have equal samples there. */
BSM_NODISCARD bsm_status bsm_frame_source_next(bsm_frame_source *source, float *const *audio,
                                               bool *got, bsm_error *error);

/** The signal's length, or UINT64_MAX until its end has been reached. */
uint64_t bsm_frame_source_length(const bsm_frame_source *source);

/* Overlap-add of a stream: it normalises the sum of windowed inverse transforms as
 * bsm_stft_inverse does (bsm/stft.h). The caller transforms, and adds to the sums that lie here. */

typedef struct bsm_overlap_add bsm_overlap_add;

/** Make one for up to `frames` frames at a time.
 *  @param least_norm bsm_frame_least_norm for frames that a mask has changed; 0 for an exact
 *  inverse. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_overlap_add_new(size_t n_fft, size_t hop, size_t channels,
                                             size_t frames, double least_norm,
                                             bsm_overlap_add **ola, bsm_error *error);
void bsm_overlap_add_free(bsm_overlap_add *ola);

/** Forget all frames: the next one is the first of a stream. */
BSM_REALTIME void bsm_overlap_add_reset(bsm_overlap_add *ola);

/** Where to add the next frames, per channel: n_fft samples for the first one, each later one
 *  `hop` samples further on. */
BSM_REALTIME float *const *bsm_overlap_add_sums(const bsm_overlap_add *ola);

/** Call this when `frames` frames have been added; it yields the frames * hop samples per channel
 *  that no later frame can change. */
BSM_REALTIME void bsm_overlap_add_take(bsm_overlap_add *ola, size_t frames, float *const *audio);

/** Call this when no frame follows; it yields the n_fft - hop samples per channel after those of
 *  the last frame. A reset must follow. */
BSM_REALTIME void bsm_overlap_add_finish(bsm_overlap_add *ola, float *const *audio);

#endif
