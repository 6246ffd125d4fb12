/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_SCAN set by meson. */
#include "device/cpu/kernels.h"

#include <string.h>

#include "device/cpu/bf16.h"
#include "device/cpu/kernels_math.h"
#include "device/cpu/packed.h"

extern const bsm_scan_kernels BSM_KERNELS_SCAN;

static inline void score_row(size_t n, const float *restrict G, const float *restrict dt,
                             const float *restrict cum, float now, float *restrict scores)
{
    for (size_t j = 0; j < n; j++) {
        scores[j] = G[j] * exp_clamped(now - cum[j]) * dt[j];
    }
}

static void masked_scores(size_t rows, const float *G, const float *dt, const double *cum, float D,
                          uint16_t *M, size_t ld)
{
    const size_t depth = bsm_whole_tiles(rows, BSM_BF16_DEPTH);
    float sums[BSM_CHUNK]; /* exact enough for values that are rounded to 8 bits */
    for (size_t j = 0; j < depth; j++) {
        sums[j] = (float)cum[j];
    }
    for (size_t i = 0; i < rows; i++, G += BSM_CHUNK, M += ld) {
        float scores[BSM_CHUNK];
        const size_t filled = bsm_whole_tiles(i + 1, BSM_BF16_DEPTH);
        score_row(bsm_whole_tiles(i + 1, BSM_TILE), G, dt, sums, sums[i], scores);
        for (size_t j = i + 1; j < filled; j++) {
            scores[j] = 0;
        }
        scores[i] += D;
        bf16_round_row(filled, scores, 1, M);
        memset(M + filled, 0, (depth - filled) * sizeof *M);
    }
}

static void scale_rows(size_t rows, size_t n, const float *x, size_t ld, const float *factor,
                       uint16_t *out, size_t ld_out)
{
    for (size_t r = 0; r < rows; r++, x += ld, out += ld_out) {
        bf16_round_row(n, x, factor ? factor[r] : 1, out);
    }
}

static void pack(size_t rows, size_t n, const float *x, size_t ld, const float *factor,
                 uint16_t *out, size_t depth)
{
    static const float zeros[BSM_TILE];
    const size_t filled = bsm_whole_tiles(rows, BSM_BF16_DEPTH);
    for (size_t c = 0; c < n; c += BSM_TILE, x += BSM_TILE, out += depth * BSM_TILE) {
        for (size_t r = 0; r < filled; r += 2) {
            const bool one = r < rows, both = r + 1 < rows;
            bf16_round_pairs(one ? x + r * ld : zeros, factor && one ? factor[r] : 1,
                             both ? x + (r + 1) * ld : zeros, factor && both ? factor[r + 1] : 1,
                             out + r * BSM_TILE);
        }
    }
}

static inline void scale_piece(float *restrict x, float factor)
{
    for (size_t j = 0; j < BSM_TILE; j++) {
        x[j] *= factor;
    }
}

static void pack_state(size_t rows, size_t n, float *S, size_t ld, float factor, uint16_t *out,
                       size_t depth)
{
    for (size_t c = 0; c < n; c += BSM_TILE, S += BSM_TILE, out += depth * BSM_TILE) {
        for (size_t r = 0; r < rows; r += 2) {
            bf16_round_pairs(S + r * ld, 1, S + (r + 1) * ld, 1, out + r * BSM_TILE);
            scale_piece(S + r * ld, factor);
            scale_piece(S + (r + 1) * ld, factor);
        }
    }
}

const bsm_scan_kernels BSM_KERNELS_SCAN = {
    .masked_scores = masked_scores,
    .scale_rows = scale_rows,
    .pack = pack,
    .pack_state = pack_state,
};
