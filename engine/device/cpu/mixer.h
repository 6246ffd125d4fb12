/* SPDX-License-Identifier: ISC */
/** The Mamba2 mixer of the CPU device, and its scan in bfloat16. */
#ifndef BSM_DEVICE_CPU_MIXER_H
#define BSM_DEVICE_CPU_MIXER_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/config.h"
#include "device/carve.h"
#include "device/cpu/kernels.h"
#include "device/cpu/weights.h"

/* The scan of a chunk with products in bfloat16 and sums and state in float32:
 *
 *     y = [M | exp(cum) C] [x; S]      S = exp(cum_last) S + B^T (exp(cum_last - cum) dt x)
 *
 * for each head, where M is C B^T times the decays. Going head by head keeps its numbers in the L1
 * cache. */

/** The rounded values of a chunk, and of the current head. */
typedef struct bsm_scan_space {
    uint16_t *C;            /**< [chunk][d_state] */
    uint16_t *packed_B;     /**< B^T, d_state inputs */
    uint16_t *transposed_B; /**< [d_state][chunk] */
    uint16_t *left, *right; /**< [chunk][chunk + d_state], and packed with as many inputs */
    uint16_t *left_behind;  /**< packed, chunk inputs */
} bsm_scan_space;

/** Whether heads and states are whole tiles; other networks scan in float32. */
bool bsm_scan_bf16_fits(const bsm_config *config);

bsm_scan_space bsm_scan_space_carve(bsm_carver *carver, const bsm_config *config);

struct bsm_cpu_tile;
struct bsm_cpu_state;

/** The scan of a chunk; bsm_cpu_scan_chunk calls it if tile->rounds. */
void bsm_cpu_scan_chunk_bf16(const struct bsm_cpu_tile *tile, size_t rows, const float *D,
                             struct bsm_cpu_state *state, bool last, float *y);

/* The Mamba2 mixer on a chunk of up to BSM_CHUNK steps. The scan is computed as matrix products
 * (state space duality; Dao and Gu, "Transformers are SSMs", 2024, section 6):
 *
 *     inside the chunk   y_i = sum over j <= i of (C_i . B_j) exp(cum_i - cum_j) dt_j x_j
 *     from the state     y_i = y_i + exp(cum_i) C_i S
 *     next state         S   = exp(cum_last) S + sum over j of exp(cum_last - cum_j) dt_j B_j x_j
 *
 * where cum is the running sum of dt A. B and C are shared by all heads, so C B^T, C S and B^T x
 * are one product each for all heads. */

/** What one mixer carries from chunk to chunk. */
typedef struct bsm_cpu_state {
    float *S;    /**< [d_state][d_inner], rows bsm_cpu_ld apart */
    float *tail; /**< [d_conv - 1][conv_dim], the last inputs of the convolution */
    bool zero;   /**< S and tail count as zero, whatever they contain */
} bsm_cpu_state;

/** The number of floats of a state, and a state inside such memory. */
size_t bsm_cpu_state_size(const bsm_config *config);
bsm_cpu_state bsm_cpu_state_at(const bsm_config *config, float *memory);

/** One thread's memory for a chunk, small enough for its L2 cache. */
typedef struct bsm_cpu_tile {
    const bsm_config *config;
    const bsm_kernels *kernels;
    float *u;   /**< [chunk][dim] the normalised input */
    float *raw; /**< [d_conv - 1 + chunk][conv_dim + heads] before the convolution; later z */
    float *xbc; /**< [chunk][conv_dim] after the convolution: x | B | C; rows bsm_cpu_ld apart */
    float *y;   /**< [chunk][d_inner] */
    float *G;   /**< [chunk][BSM_CHUNK] C B^T */
    float *M;   /**< [chunk][BSM_CHUNK] one head's masked scores */
    bsm_decay decay;
    bsm_row_space rows; /**< for products with weights */
    /** the scan computes in bfloat16, too, and S holds one head after the other; set by code
     *  whose weights are rounded */
    bool rounds;
    bsm_scan_space scan;
} bsm_cpu_tile;

/** The number of bytes of a tile, and a tile inside such memory, aligned to 64 bytes. */
size_t bsm_cpu_tile_size(const bsm_config *config);
bsm_cpu_tile bsm_cpu_tile_at(const bsm_config *config, const bsm_kernels *kernels, void *memory);

/** The scan alone, on x, B and C in tile->xbc and on tile->decay.
 *  @param y    [rows][d_inner]; NULL if only the state is needed
 *  @param last no chunk follows: the state is not computed. Otherwise x is overwritten */
void bsm_cpu_scan_chunk(const bsm_cpu_tile *tile, size_t rows, const float *D, bsm_cpu_state *state,
                        bool last, float *y);

/** out[r] += M(n(x[r])) for a chunk of `rows` steps; the state advances.
 *  @param x     the first step's row; the next steps' rows lie `step` floats apart (may be < 0)
 *  @param out   [rows][dim]; NULL if only the state is needed
 *  @param last  no chunk follows: the state is not computed */
void bsm_cpu_mixer_chunk(const bsm_cpu_tile *tile, const bsm_cpu_mixer *weights, size_t rows,
                         const float *x, ptrdiff_t step, bsm_cpu_state *state, bool last,
                         float *out);

#endif
