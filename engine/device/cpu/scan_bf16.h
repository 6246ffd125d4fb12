/* SPDX-License-Identifier: ISC */
/** The scan of a chunk whose products are of bfloat16, with sums and state in float32:
 *
 *      y = [M | exp(cum) C] [x; S]      S = exp(cum_last) S + B^T (exp(cum_last - cum) dt x)
 *
 *  for each head, M being (C B^T) as it decays; so the heads' numbers stay in the L1 cache. */
#ifndef BSM_CPU_SCAN_BF16_H
#define BSM_CPU_SCAN_BF16_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/config.h"
#include "device/carve.h"

/** What is rounded of a chunk, and of the head in work. */
typedef struct bsm_scan_space {
    uint16_t *C;            /**< [chunk][d_state] */
    uint16_t *packed_B;     /**< B^T, d_state inputs */
    uint16_t *transposed_B; /**< [d_state][chunk] */
    uint16_t *left, *right; /**< [chunk][chunk + d_state], and packed as many inputs */
    uint16_t *left_behind;  /**< packed, chunk inputs */
} bsm_scan_space;

/** Whether heads and states are whole tiles: other networks scan in float32. */
bool bsm_scan_bf16_fits(const bsm_config *config);

bsm_scan_space bsm_scan_space_carve(bsm_carver *carver, const bsm_config *config);

struct bsm_cpu_tile;
struct bsm_cpu_state;

/** bsm_cpu_scan_chunk, which calls it where tile->rounds. */
void bsm_cpu_scan_chunk_bf16(const struct bsm_cpu_tile *tile, size_t rows, const float *D,
                             struct bsm_cpu_state *state, bool last, float *y);

#endif
