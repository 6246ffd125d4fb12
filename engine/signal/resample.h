/* SPDX-License-Identifier: ISC */
/** Streaming conversion between sample rates, over libsoxr.
 *
 *  The output is aligned with the input (no net delay) and N samples become exactly
 *  round(N * to / from). Bandwidth: 0.91 of the lower rate's half; precision 20 bits, which is
 *  beyond that of the float32 network between the two conversions of a separation.
 *
 *  Memory does not grow with the signal. libsoxr allocates when a resampler is made and while its
 *  first blocks fill its buffers, so this is not for the audio thread. */
#ifndef BSM_SIGNAL_RESAMPLE_H
#define BSM_SIGNAL_RESAMPLE_H

#include <stddef.h>

#include "signal/signal.h"

typedef struct bsm_resampler bsm_resampler;

/** Rates in Hz. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_resampler_new(size_t from_rate, size_t to_rate, size_t channels,
                                           bsm_resampler **resampler, bsm_error *error);
void bsm_resampler_free(bsm_resampler *resampler);

/** Convert a block, as far as there is room.
 *  @param in    per channel `count` samples, or NULL: the input has ended (call again until
 *               nothing comes)
 *  @param used  how many of them were taken
 *  @param out   per channel room for `room` samples
 *  @param made  how many were given */
BSM_NODISCARD bsm_status bsm_resampler_process(bsm_resampler *resampler, const float *const *in,
                                               size_t count, size_t *used, float *const *out,
                                               size_t room, size_t *made, bsm_error *error);

typedef struct bsm_resampled bsm_resampled;

/** A signal at another rate, read from `from` in steps of `step` samples, so that no more of it is
 *  waited for. As bsm_resampler_new. */
BSM_NODISCARD bsm_status bsm_resampled_new(bsm_signal from, size_t from_rate, size_t to_rate,
                                           size_t channels, size_t step, bsm_resampled **resampled,
                                           bsm_error *error);
void bsm_resampled_free(bsm_resampled *resampled);
bsm_signal bsm_resampled_signal(bsm_resampled *resampled);

#endif
