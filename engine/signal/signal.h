/* SPDX-License-Identifier: ISC */
/** Blocks, queues and sources of samples, and sources at another rate. */
#ifndef BSM_SIGNAL_SIGNAL_H
#define BSM_SIGNAL_SIGNAL_H

#include <stddef.h>

#include "bsm/status.h"

/* ---- A block of samples, a plane per channel, in one allocation ---- */

/** Allocate `channels` pointers to `samples` zeroed floats each, as one block for free(); NULL if
 *  memory is short or the size overflows. */
float **bsm_planes_new(size_t channels, size_t samples);

/** Let `at` point to sample `offset` of each plane. */
void bsm_planes_at(float *const *planes, size_t channels, size_t offset, float **at);

/* ---- A queue of samples, a plane per channel; it grows as needed ---- */

typedef struct bsm_sample_queue {
    size_t channels, capacity;
    size_t start, count; /**< samples per channel: already taken, and waiting */
    float *data;         /**< [channel][capacity] */
} bsm_sample_queue;

/** Make an empty queue; it allocates nothing yet. */
void bsm_sample_queue_init(bsm_sample_queue *queue, size_t channels);
void bsm_sample_queue_clear(bsm_sample_queue *queue);

BSM_NODISCARD bsm_status bsm_sample_queue_push(bsm_sample_queue *queue, const float *const *audio,
                                               size_t count, bsm_error *error);

/** Append everything that waits in `from`, which has as many channels and is empty afterwards. */
BSM_NODISCARD bsm_status bsm_sample_queue_move(bsm_sample_queue *queue, bsm_sample_queue *from,
                                               bsm_error *error);

/** Take up to `count` samples per channel; returns how many were taken. */
size_t bsm_sample_queue_pop(bsm_sample_queue *queue, float *const *audio, size_t count);

/* ---- A source of samples ---- */

/** Gives the next samples of a signal, a plane per channel: `count`, or fewer at its end. */
typedef struct bsm_signal {
    void *user;
    bsm_status (*read)(void *user, float *const *audio, size_t count, size_t *got,
                       bsm_error *error);
} bsm_signal;

/* Streaming conversion between sample rates, by libsoxr.
 *
 * The output is aligned with the input (no net delay), and N samples become exactly round(N * to /
 * from). The bandwidth is 0.91 of half the lower rate, the precision 20 bits, which exceeds that
 * of the float32 network between the two conversions of a separation.
 *
 * Memory does not grow with the signal. libsoxr allocates when a resampler is made and while its
 * first blocks fill its buffers, so this is not for the audio thread. */

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

/** A signal at another rate, which reads from `from` in steps of `step` samples, so that it never
 *  waits for more than that. Errors as for bsm_resampler_new. */
BSM_NODISCARD bsm_status bsm_resampled_new(bsm_signal from, size_t from_rate, size_t to_rate,
                                           size_t channels, size_t step, bsm_resampled **resampled,
                                           bsm_error *error);
void bsm_resampled_free(bsm_resampled *resampled);
bsm_signal bsm_resampled_signal(bsm_resampled *resampled);

#endif
