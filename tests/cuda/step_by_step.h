/* SPDX-License-Identifier: ISC */
/** The scan computed one step at a time in double, for the tests of kernels that compute it in
 *  chunks. */
#ifndef BSM_TESTS_CUDA_STEP_BY_STEP_H
#define BSM_TESTS_CUDA_STEP_BY_STEP_H

#include "kernels.h"

/** Return the steps of sequences along an axis; chunks also end at step `split`. */
bsm_steps steps_of(size_t sequences, size_t length, size_t split, size_t chunk, bool along_bands,
                   bool reversed);

/** Return the row of a step. */
size_t row_of(const bsm_steps *steps, size_t sequence, size_t step);

/** Return the first step of a chunk, and its number of steps; chunks are counted over all
 *  sequences. */
size_t first_of(const bsm_steps *steps, size_t chunk);
size_t length_of(const bsm_steps *steps, size_t chunk);

/** The inputs of a scan, in rows. */
typedef struct plain_scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    const float *x, *B, *C; /**< [row][d_inner], [row][d_state] */
    const float *dt;        /**< [row][heads], after softplus */
    const float *A, *D;     /**< [heads] */
    const float *first;     /**< [sequence][d_state][d_inner]; NULL: zeros */
} plain_scan;

/** Compute y [row][d_inner], and the states before the first step and after each step,
 *  [sequence][steps + 1][d_state][d_inner]. */
void scan_steps(const plain_scan *scan, float *y, double *states);

/** Gradients, in rows as in plain_scan. */
typedef struct plain_gradients {
    float *x, *B, *C, *diagonal; /**< diagonal: d_y.x, [row][heads] */
    float *dt, *decay;           /**< by dt, except through the decay; by dt A; [row][heads] */
} plain_gradients;

/** Compute all gradients from d_y and the states that scan_steps has computed. */
void scan_steps_backward(const plain_scan *scan, const float *d_y, const double *states,
                         const plain_gradients *gradients);

#endif
