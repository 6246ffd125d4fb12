/* SPDX-License-Identifier: ISC */
/** Fourier transforms of several frames of a real signal at once, one per vector lane, in plain C
 *  (lanes_kernels.c), compiled once per instruction set.
 *
 *  The layout of `values` is [place][lane] everywhere, where the places are a frame's samples, or
 *  its bins as [bin][re, im]. A buffer of them holds bsm_lanes_floats floats and is aligned to 64
 *  bytes. The contents of unused lanes are arbitrary and affect nothing. */
#ifndef BSM_SIGNAL_LANES_H
#define BSM_SIGNAL_LANES_H

#include <stddef.h>

#include "bsm/status.h"

enum { BSM_LANES_MAX_FACTORS = 24 };

/** A plan for frames of one length n. */
typedef struct bsm_lanes_plan {
    size_t length; /**< n, 2 to 2^24 */
    size_t points; /**< points of the inner complex transform: n / 2, or n if that is odd */
    size_t num_factors, factors[BSM_LANES_MAX_FACTORS]; /**< factors of `points` */
    float *twiddles; /**< [points][re, im]: exp(-2 pi i k / points) */
    float *turns;    /**< [points / 2 + 1][re, im]: exp(-2 pi i k / n), if n is even */
} bsm_lanes_plan;

/** Where frames lie in a signal: a pointer passed beside this gives the first sample under the
 *  first frame's window, and each further frame starts `hop` samples later. */
typedef struct bsm_lanes_frames {
    size_t count, hop;
    const float *window;
    size_t left, width; /**< samples of the window within a frame */
} bsm_lanes_frames;

/** Where their bins lie in a spectrum, in floats. */
typedef struct bsm_lanes_bins {
    size_t count, bin_step, frame_step;
} bsm_lanes_bins;

typedef struct bsm_lanes_kernels {
    size_t lanes; /**< frames at once */

    /** Load frames times the window, with zeros outside the window. */
    void (*load)(const bsm_lanes_plan *plan, const bsm_lanes_frames *frames, const float *from,
                 float *values);

    /** Transform samples, which are preserved, to n / 2 + 1 bins. */
    void (*forward)(const bsm_lanes_plan *plan, const float *samples, float *bins);

    /** The inverse times n; it destroys the bins. The imaginary parts at 0 Hz and at half the
     *  sample rate are taken as zero. The resulting samples have an order of their own, which only
     *  `add` knows. */
    void (*inverse)(const bsm_lanes_plan *plan, float *bins, float *samples);

    /** Add the result of `inverse`, times the window, to the frames. */
    void (*add)(const bsm_lanes_plan *plan, const bsm_lanes_frames *frames, const float *values,
                float *to);

    /** Replace each bin z by `scale` z / |z|, or by 0 if z is 0. Returns the sum of |z| over the
     *  first `frames` lanes. */
    double (*normalise)(size_t bins, size_t frames, float scale, float *values);

    /** Copy bins, times `scale`, to the spectra of `frames` frames, and back. */
    void (*store_bins)(const bsm_lanes_bins *bins, size_t frames, float scale, const float *values,
                       float *spectrum);
    void (*load_bins)(const bsm_lanes_bins *bins, size_t frames, float scale, const float *spectrum,
                      float *values);
} bsm_lanes_kernels;

/** The best kernels that this processor can run. */
const bsm_lanes_kernels *bsm_lanes_kernels_get(void);

/** The kernels that this processor can run, most general first; NULL after the last. */
const bsm_lanes_kernels *bsm_lanes_kernels_at(size_t index);

/** BSM_NO_MEMORY; then there is nothing to clear. */
BSM_NODISCARD bsm_status bsm_lanes_plan_init(bsm_lanes_plan *plan, size_t length, bsm_error *error);
void bsm_lanes_plan_clear(bsm_lanes_plan *plan);

/** Bytes that a plan allocates. */
size_t bsm_lanes_plan_bytes(size_t length);

/** Floats of a buffer for frames of this length. */
size_t bsm_lanes_floats(size_t length, const bsm_lanes_kernels *kernels);

#endif
