/* SPDX-License-Identifier: ISC */
/** The scan a step at a time and in double, for the tests of kernels that take it in chunks. */
#ifndef BSM_TESTS_CUDA_STEP_BY_STEP_H
#define BSM_TESTS_CUDA_STEP_BY_STEP_H

#include "kernels.h"

/** Steps of sequences along an axis, cut at `split` as well. */
bsm_steps steps_of(size_t sequences, size_t length, size_t split, size_t chunk, bool along_bands,
                   bool reversed);

/** The row of a step. */
size_t row_of(const bsm_steps *steps, size_t sequence, size_t step);

/** A chunk's first step, and how many it has; chunks are counted over all sequences. */
size_t first_of(const bsm_steps *steps, size_t chunk);
size_t length_of(const bsm_steps *steps, size_t chunk);

/** What a scan works on; in rows. */
typedef struct plain_scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *x, *B, *C; /**< [row][d_inner], [row][d_state] */
    const float *dt;        /**< [row][heads], through softplus */
    const float *A, *D;     /**< [heads] */
    const float *first;     /**< [sequence][d_state][d_inner]; NULL: zeros */
} plain_scan;

/** y [row][d_inner], and the states before the first step and after each, [sequence][steps + 1]
 *  [d_state][d_inner]. */
void scan_steps(const plain_scan *scan, float *y, double *states);

/** Gradients in rows, as in plain_scan. */
typedef struct plain_gradients {
    float *x, *B, *C, *diagonal; /**< diagonal: d_y.x, [row][heads] */
    float *dt, *decay;           /**< by dt apart from its decay, and by dt A, [row][heads] */
} plain_gradients;

/** All of them, from d_y and what scan_steps gave. */
void scan_steps_backward(const plain_scan *scan, const float *d_y, const double *states,
                         const plain_gradients *gradients);

#endif
