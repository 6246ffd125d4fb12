/* SPDX-License-Identifier: ISC */
/** Fourier transforms of several frames of a real signal at once, one per vector lane, in plain C
 *  (lanes_kernels.c), compiled once per instruction set.
 *
 *  `values` are [place][lane] everywhere: the samples of a frame, or its bins as [bin][re, im]. A
 *  buffer of them holds bsm_lanes_floats and is aligned to 64 bytes. What is in lanes that no frame
 *  uses means nothing and changes nothing. */
#ifndef BSM_SIGNAL_LANES_H
#define BSM_SIGNAL_LANES_H

#include <stddef.h>

#include "bsm/status.h"

enum { BSM_LANES_MAX_FACTORS = 24 };

/** For frames of one length n. */
typedef struct bsm_lanes_plan {
    size_t length; /**< n, 2 to 2^24 */
    size_t points; /**< of the complex transform inside: n / 2, or n if that is odd */
    size_t num_factors, factors[BSM_LANES_MAX_FACTORS]; /**< of `points` */
    float *twiddles; /**< [points][re, im]: exp(-2 pi i k / points) */
    float *turns;    /**< [points / 2 + 1][re, im]: exp(-2 pi i k / n), if n is even */
} bsm_lanes_plan;

/** Where frames lie in a signal: the first one's first sample under the window is at a pointer
 *  beside it, each further one's `hop` samples on. */
typedef struct bsm_lanes_frames {
    size_t count, hop;
    const float *window;
    size_t left, width; /**< of the window in a frame */
} bsm_lanes_frames;

/** Where their bins lie in a spectrum, in floats. */
typedef struct bsm_lanes_bins {
    size_t count, bin_step, frame_step;
} bsm_lanes_bins;

typedef struct bsm_lanes_kernels {
    size_t lanes; /**< frames at once */

    /** The frames, times the window; zeros beside it. */
    void (*load)(const bsm_lanes_plan *plan, const bsm_lanes_frames *frames, const float *from,
                 float *values);

    /** Samples, left as they are, to n / 2 + 1 bins. */
    void (*forward)(const bsm_lanes_plan *plan, const float *samples, float *bins);

    /** The inverse times n, which spoils the bins. The imaginary parts at 0 Hz and at half the
     *  sample rate count as zero. The samples are for `add` alone, in an order of its own. */
    void (*inverse)(const bsm_lanes_plan *plan, float *bins, float *samples);

    /** What `inverse` gave, times the window, is added to the frames. */
    void (*add)(const bsm_lanes_plan *plan, const bsm_lanes_frames *frames, const float *values,
                float *to);

    /** Replace each bin z by `scale` z / |z|, or 0. Returns the sum of |z| over `frames` lanes. */
    double (*normalise)(size_t bins, size_t frames, float scale, float *values);

    /** Bins, times `scale`, to the spectra of `frames` frames, and from there. */
    void (*store_bins)(const bsm_lanes_bins *bins, size_t frames, float scale, const float *values,
                       float *spectrum);
    void (*load_bins)(const bsm_lanes_bins *bins, size_t frames, float scale, const float *spectrum,
                      float *values);
} bsm_lanes_kernels;

/** The best kernels for the processor that this runs on. */
const bsm_lanes_kernels *bsm_lanes_kernels_get(void);

/** Those it can run, the most general first; NULL from some index on. */
const bsm_lanes_kernels *bsm_lanes_kernels_at(size_t index);

/** BSM_NO_MEMORY, and nothing to clear then. */
BSM_NODISCARD bsm_status bsm_lanes_plan_init(bsm_lanes_plan *plan, size_t length, bsm_error *error);
void bsm_lanes_plan_clear(bsm_lanes_plan *plan);

/** Bytes that a plan allocates. */
size_t bsm_lanes_plan_bytes(size_t length);

/** Floats of a buffer for frames of a length. */
size_t bsm_lanes_floats(size_t length, const bsm_lanes_kernels *kernels);

#endif
