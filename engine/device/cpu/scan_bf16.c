/* SPDX-License-Identifier: ISC */
/* The scan in bfloat16, head by head. */
#include "device/cpu/mixer.h"

#include "device/cpu/kernels.h"

/* padding between rows, so that they do not share sets of the cache */
enum { PAD = BSM_BF16_DEPTH };

bool bsm_scan_bf16_fits(const bsm_config *config)
{
    return config->headdim % BSM_TILE == 0 && config->d_state % BSM_BF16_DEPTH == 0;
}

bsm_scan_space bsm_scan_space_carve(bsm_carver *carver, const bsm_config *config)
{
    if (!bsm_scan_bf16_fits(config)) {
        return (bsm_scan_space){0};
    }
    const size_t value = sizeof(uint16_t), d_state = config->d_state;
    const size_t rows = BSM_CHUNK * (d_state + PAD) * value;
    bsm_scan_space s;
    s.C = bsm_carve(carver, rows);
    s.packed_B = bsm_carve(carver, d_state * BSM_CHUNK * value);
    s.transposed_B = bsm_carve(carver, d_state * (BSM_CHUNK + PAD) * value);
    s.left = bsm_carve(carver, BSM_CHUNK * (BSM_CHUNK + d_state + PAD) * value);
    s.right = bsm_carve(carver, (BSM_CHUNK + d_state) * config->headdim * value);
    s.left_behind = bsm_carve(carver, BSM_CHUNK * config->headdim * value);
    return s;
}

/* C B^T */
static void multiply_C_B(const bsm_cpu_tile *tile, size_t rows, const float *B, const float *C)
{
    const bsm_scan_kernels *scan = tile->kernels->scan;
    const bsm_scan_space *s = &tile->scan;
    const size_t d_state = tile->config->d_state, ld = d_state + PAD;
    const size_t ld_xbc = bsm_cpu_ld(bsm_config_conv_dim(tile->config));
    scan->scale_rows(rows, d_state, C, ld_xbc, NULL, s->C, ld);
    tile->kernels->pack->transposed(d_state, rows, B, ld_xbc, s->packed_B);
    bsm_packed_bf16()->bf16(&(bsm_bf16_product){.m = rows,
                                                .n = rows,
                                                .k = d_state,
                                                .a = s->C,
                                                .lda = ld,
                                                .b = s->packed_B,
                                                .c = tile->G,
                                                .ldc = BSM_CHUNK});
}

/* One head's y. `right` already contains its state, unless that is zero. */
static void compute_head(const bsm_cpu_tile *tile, size_t rows, size_t head, const float *C,
                         float D, bool zero, float *y)
{
    const bsm_config *config = tile->config;
    const bsm_scan_kernels *scan = tile->kernels->scan;
    const bsm_scan_space *s = &tile->scan;
    const size_t ld_xbc = bsm_cpu_ld(bsm_config_conv_dim(config));
    const size_t inside = bsm_whole_tiles(rows, BSM_BF16_DEPTH);
    const size_t depth = inside + (zero ? 0 : config->d_state);
    const size_t ld = BSM_CHUNK + config->d_state + PAD, at = head * BSM_CHUNK;
    scan->masked_scores(rows, tile->G, tile->decay.dt + at, tile->decay.cum + at, D, s->left, ld);
    if (!zero) {
        scan->scale_rows(rows, config->d_state, C, ld_xbc, tile->decay.in + at, s->left + inside,
                         ld);
    }
    scan->pack(rows, config->headdim, tile->xbc + head * config->headdim, ld_xbc, NULL, s->right,
               depth);
    bsm_packed_bf16()->bf16(&(bsm_bf16_product){.m = rows,
                                                .n = config->headdim,
                                                .k = depth,
                                                .a = s->left,
                                                .lda = ld,
                                                .b = s->right,
                                                .c = y + head * config->headdim,
                                                .ldc = bsm_config_d_inner(config)});
}

/* Round one head's state into `right`, and then let it decay. */
static void decay_head(const bsm_cpu_tile *tile, size_t rows, size_t head, float *S)
{
    const bsm_config *config = tile->config;
    const size_t inside = bsm_whole_tiles(rows, BSM_BF16_DEPTH);
    tile->kernels->scan->pack_state(config->d_state, config->headdim, S, config->headdim,
                                    tile->decay.all[head], tile->scan.right + inside * BSM_TILE,
                                    inside + config->d_state);
}

/* Add the chunk's contribution to one head's state. */
static void advance_head(const bsm_cpu_tile *tile, size_t rows, size_t head, bool zero, float *S)
{
    const bsm_config *config = tile->config;
    const bsm_scan_space *s = &tile->scan;
    tile->kernels->scan->pack(rows, config->headdim, tile->xbc + head * config->headdim,
                              bsm_cpu_ld(bsm_config_conv_dim(config)),
                              tile->decay.out + head * BSM_CHUNK, s->left_behind,
                              bsm_whole_tiles(rows, BSM_BF16_DEPTH));
    bsm_packed_bf16()->bf16(&(bsm_bf16_product){.m = config->d_state,
                                                .n = config->headdim,
                                                .k = rows,
                                                .a = s->transposed_B,
                                                .lda = BSM_CHUNK + PAD,
                                                .b = s->left_behind,
                                                .beta = zero ? 0 : 1,
                                                .c = S,
                                                .ldc = config->headdim});
}

void bsm_cpu_scan_chunk_bf16(const bsm_cpu_tile *tile, size_t rows, const float *D,
                             bsm_cpu_state *state, bool last, float *y)
{
    const bsm_config *config = tile->config;
    const float *B = tile->xbc + bsm_config_d_inner(config), *C = B + config->d_state;
    if (y) {
        multiply_C_B(tile, rows, B, C);
    }
    if (!last) {
        tile->kernels->pack->columns(rows, config->d_state, B,
                                     bsm_cpu_ld(bsm_config_conv_dim(config)),
                                     tile->scan.transposed_B, BSM_CHUNK + PAD);
    }
    for (size_t h = 0; h < bsm_config_heads(config); h++) {
        float *S = state->S + h * config->d_state * config->headdim;
        if (!state->zero) {
            decay_head(tile, rows, h, S);
        }
        if (y) {
            compute_head(tile, rows, h, C, D[h], state->zero, y);
        }
        if (!last) {
            advance_head(tile, rows, h, state->zero, S);
        }
    }
    state->zero = state->zero && last;
}
