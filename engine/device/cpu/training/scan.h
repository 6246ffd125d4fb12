/* SPDX-License-Identifier: ISC */
/** The scan of mixer.h backward, chunk by chunk from the last to the first, as matrix products. */
#ifndef BSM_CPU_TRAINING_SCAN_H
#define BSM_CPU_TRAINING_SCAN_H

#include "device/carve.h"
#include "device/cpu/kernels_backward.h"
#include "device/cpu/mixer.h"
#include "device/cpu/training/products.h"

/** What one thread computes a chunk in. */
typedef struct bsm_scan_scratch {
    const bsm_config *config;
    const bsm_kernels *kernels;
    bsm_products products; /**< in float32, as states are kept */
    float *G, *dG, *M;     /**< [chunk][BSM_CHUNK] */
    float *rows;           /**< [chunk][d_inner], rows bsm_cpu_ld apart */
    float *share; /**< [chunk][d_inner] C S: what the state before gives, but for its decay */
    bsm_decay_gradient decay;
} bsm_scan_scratch;

bsm_scan_scratch bsm_scan_scratch_carve(bsm_carver *carver, const bsm_config *config,
                                        const bsm_kernels *kernels);

/** One chunk. d_ means the loss's gradient by something. Rows of d_inner and of conv_dim are
 *  bsm_cpu_ld apart. */
typedef struct bsm_scan_chunk {
    size_t rows;
    const float *xbc; /**< [rows][conv_dim] */
    const float *D;   /**< [heads] */
    const float *S;   /**< [d_state][d_inner] the state before the chunk; NULL: zero */
    bsm_decay decay;
    const float *d_y; /**< [rows][d_inner] */
    float *d_xbc;     /**< [rows][conv_dim] */
    float *d_D;       /**< [heads], added */
} bsm_scan_chunk;

/** One chunk backward. The gradients by its decays are then in scratch->decay.
 *  @param d_S  in: the gradient by the state behind the chunk; out: by that before it
 *  @param zero in: d_S counts as zero, whatever it holds; out: false if it was computed
 *  @param first nothing comes before this chunk: d_S is not computed */
void bsm_scan_chunk_backward(const bsm_scan_scratch *scratch, const bsm_scan_chunk *chunk,
                             float *d_S, bool *zero, bool first);

#endif
