/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set; meson sets BSM_KERNELS and related names. */
#include <math.h>
#include <string.h>

#include "device/cpu/kernels.h"
#include "device/cpu/kernels_backward.h"
#include "device/cpu/kernels_math.h"
#include "device/cpu/kernels_vector.h"

extern const bsm_kernels BSM_KERNELS;
extern const bsm_backward_kernels BSM_KERNELS_BACKWARD;
extern const bsm_pack_kernels BSM_KERNELS_PACK;
extern const bsm_row_kernels BSM_KERNELS_ROWS;
extern const bsm_scan_kernels BSM_KERNELS_SCAN;
extern const bsm_triangle_kernels BSM_KERNELS_TRIANGLE;

/* ---- Matrix product without a library: a panel of B in cache, a tile of C in registers. ---- */

enum { TILE_M = 6, TILE_N = 2 * VECTOR, PANEL_K = 256 };

/* Copy B[k0 .. k0 + kc)[n0 .. n0 + TILE_N); columns past the last one become zero. */
static void pack_panel(const bsm_product *p, size_t k0, size_t kc, size_t n0,
                       float panel[restrict PANEL_K][TILE_N])
{
    size_t columns = p->n - n0 < TILE_N ? p->n - n0 : TILE_N;
    if (columns < TILE_N) {
        memset(panel, 0, kc * sizeof *panel);
    }
    if (p->transpose_b) {
        for (size_t j = 0; j < columns; j++) {
            const float *b = p->b + (n0 + j) * p->ldb + k0;
            for (size_t k = 0; k < kc; k++) {
                panel[k][j] = b[k];
            }
        }
        return;
    }
    for (size_t k = 0; k < kc; k++) {
        const float *b = p->b + (k0 + k) * p->ldb + n0;
        if (columns == TILE_N) { /* with a fixed size the compiler needs no loop */
            memcpy(panel[k], b, sizeof *panel);
        } else {
            memcpy(panel[k], b, columns * sizeof *b);
        }
    }
}

/* sum = the product of TILE_M rows of A, given by pointers, and a panel. */
static void multiply_tile(size_t kc, const float *const a[TILE_M], size_t a_step,
                          const float panel[restrict PANEL_K][TILE_N],
                          float sum[restrict TILE_M][TILE_N])
{
    float acc[TILE_M][TILE_N] = {{0}};
    for (size_t k = 0; k < kc; k++) {
        for (size_t i = 0; i < TILE_M; i++) {
            for (size_t j = 0; j < TILE_N; j++) {
                acc[i][j] += a[i][k * a_step] * panel[k][j];
            }
        }
    }
    memcpy(sum, acc, sizeof acc);
}

static void add_tile(const bsm_product *p, size_t m0, size_t n0, bool replace,
                     const float sum[restrict TILE_M][TILE_N])
{
    for (size_t i = 0; i < TILE_M && m0 + i < p->m; i++) {
        float *restrict c = p->c + (m0 + i) * p->ldc + n0;
        size_t columns = p->n - n0 < TILE_N ? p->n - n0 : TILE_N;
        for (size_t j = 0; j < columns; j++) {
            c[j] = replace ? sum[i][j] : c[j] + sum[i][j];
        }
    }
}

static void multiply_panel(const bsm_product *p, size_t k0, size_t kc, size_t n0,
                           const float panel[restrict PANEL_K][TILE_N])
{
    size_t row_step = p->transpose_a ? 1 : p->lda, k_step = p->transpose_a ? p->lda : 1;
    float sum[TILE_M][TILE_N];
    for (size_t m0 = 0; m0 < p->m; m0 += TILE_M) {
        const float *rows[TILE_M];
        for (size_t i = 0; i < TILE_M; i++) {
            size_t row = m0 + i < p->m ? m0 + i : p->m - 1;
            rows[i] = p->a + row * row_step + k0 * k_step;
        }
        multiply_tile(kc, rows, k_step, panel, sum);
        add_tile(p, m0, n0, k0 == 0 && p->beta == 0, sum);
    }
}

static void product(const bsm_product *p)
{
    float panel[PANEL_K][TILE_N];
    for (size_t n0 = 0; n0 < p->n; n0 += TILE_N) {
        for (size_t k0 = 0; k0 < p->k; k0 += PANEL_K) {
            size_t kc = p->k - k0 < PANEL_K ? p->k - k0 : PANEL_K;
            pack_panel(p, k0, kc, n0, panel);
            multiply_panel(p, k0, kc, n0, panel);
        }
    }
}

/* ---- Norms ---- */

static inline void scale_row(size_t n, const float *restrict x, float factor,
                             const float *restrict weight, float *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = x[i] * factor * weight[i];
    }
}

static inline void scale_in_place(size_t n, float *restrict x, float factor)
{
    for (size_t i = 0; i < n; i++) {
        x[i] *= factor;
    }
}

static inline void weight_in_place(size_t n, float *restrict x, float factor,
                                   const float *restrict weight)
{
    for (size_t i = 0; i < n; i++) {
        x[i] *= factor * weight[i];
    }
}

static void rms_norm(size_t rows, size_t n, const float *x, ptrdiff_t step, const float *weight,
                     float *out)
{
    for (size_t r = 0; r < rows; r++, x += step, out += n) {
        scale_row(n, x, rms_factor(n, x), weight, out);
    }
}

static void l2_norm(size_t rows, size_t n, const float *x, size_t ld, const float *gamma,
                    float *out)
{
    for (size_t r = 0; r < rows; r++, x += ld, out += n) {
        float length = sqrtf(sum_of_squares(n, x));
        scale_row(n, x, sqrtf((float)n) / (length > 1e-12f ? length : 1e-12f), gamma, out);
    }
}

/* ---- Mamba2 ---- */

static inline void silu_row(size_t n, float *restrict x)
{
    for (size_t i = 0; i < n; i++) {
        x[i] *= sigmoid(x[i]);
    }
}

/* The published number of taps, all in one pass over the row. */
static void conv4_silu_piece(size_t n, size_t stride, const float *restrict in, size_t ld,
                             const float *restrict weight, const float *restrict bias,
                             float *restrict out)
{
    for (size_t c = 0; c < n; c++) {
        float sum = bias[c] + weight[c] * in[c] + weight[stride + c] * in[ld + c] +
                    weight[2 * stride + c] * in[2 * ld + c] +
                    weight[3 * stride + c] * in[3 * ld + c];
        out[c] = sum * sigmoid(sum);
    }
}

static void conv_silu_piece(size_t n, size_t stride, size_t taps, const float *restrict in,
                            size_t ld, const float *restrict weight, const float *restrict bias,
                            float *restrict out)
{
    memcpy(out, bias, n * sizeof *out);
    for (size_t k = 0; k < taps; k++) {
        for (size_t c = 0; c < n; c++) {
            out[c] += weight[k * stride + c] * in[k * ld + c];
        }
    }
    silu_row(n, out);
}

/* Works on some channels at a time, so that their weights and rows stay in the cache from row to
 * row. */
static void conv_silu(size_t rows, size_t channels, size_t taps, const float *in, size_t ld,
                      const float *weight, const float *bias, float *out, size_t ld_out)
{
    enum { PIECE = 128 };
    for (size_t c = 0; c < channels; c += PIECE) {
        size_t n = channels - c < PIECE ? channels - c : PIECE;
        for (size_t r = 0; r < rows; r++) {
            const float *x = in + r * ld + c;
            float *y = out + r * ld_out + c;
            if (taps == 4) {
                conv4_silu_piece(n, channels, x, ld, weight + c, bias + c, y);
            } else {
                conv_silu_piece(n, channels, taps, x, ld, weight + c, bias + c, y);
            }
        }
    }
}

/* log(1 + exp(x)) in a form that vectorises, unlike calls of the library: with u = exp(-|x|) it is
 * max(x, 0) + log(1 + u), and log(1 + u) = 2 atanh(u / (2 + u)). */
static inline float softplus(float x)
{
    float u = exp_clamped(x > 0 ? -x : x), t = u * reciprocal(2.0f + u), t2 = t * t;
    float sum = 1.0f / 13;
    sum = sum * t2 + 1.0f / 11;
    sum = sum * t2 + 1.0f / 9;
    sum = sum * t2 + 1.0f / 7;
    sum = sum * t2 + 1.0f / 5;
    sum = sum * t2 + 1.0f / 3;
    sum = sum * t2 * t + t;
    return (x > 0 ? x : 0) + 2.0f * sum;
}

enum { STEP = 16 }; /* whole vectors; results past the last row are meaningless */

static inline size_t whole_steps(size_t rows)
{
    return (rows + STEP - 1) / STEP * STEP;
}

/* Compute dt of one head. */
static void head_steps(size_t rows, const float *raw, size_t ld, float bias, float *restrict dt)
{
    const size_t filled = whole_steps(rows);
    for (size_t r = 0; r < filled; r++) {
        dt[r] = r < rows ? raw[r * ld] : 0.0f;
    }
    for (size_t r = 0; r < filled; r++) {
        dt[r] = softplus(dt[r] + bias);
    }
}

static void head_decays(size_t rows, float A, float *restrict dt, double *restrict cum,
                        float *restrict in, float *restrict out)
{
    const size_t filled = whole_steps(rows);
    double sum = 0;
    for (size_t r = 0; r < filled; r++) {
        sum += r < rows ? (double)dt[r] * (double)A : 0.0;
        cum[r] = sum;
    }
    for (size_t r = 0; r < filled; r++) {
        in[r] = exp_clamped((float)cum[r]);
        out[r] = dt[r] * exp_clamped((float)(sum - cum[r]));
    }
}

static void decays(size_t rows, size_t heads, const float *raw, size_t ld, const float *bias,
                   const float *A, const bsm_decay *decay)
{
    for (size_t h = 0; h < heads; h++) {
        size_t row = h * BSM_CHUNK;
        head_steps(rows, raw + h, ld, bias[h], decay->dt + row);
        head_decays(rows, A[h], decay->dt + row, decay->cum + row, decay->in + row,
                    decay->out + row);
        decay->all[h] = decay->in[row + rows - 1];
    }
}

static void masked_scores(size_t rows, const float *restrict G, const float *restrict dt,
                          const double *restrict cum, float D, float *restrict M)
{
    for (size_t i = 0; i < rows; i++, G += BSM_CHUNK, M += BSM_CHUNK) {
        size_t filled = (i / STEP + 1) * STEP;
        double now = cum[i];
        for (size_t j = 0; j < filled; j++) {
            M[j] = G[j] * exp_clamped((float)(now - cum[j])) * dt[j];
        }
        for (size_t j = i + 1; j < BSM_CHUNK; j++) {
            M[j] = 0;
        }
        M[i] += D;
    }
}

static void scale_heads(size_t rows, size_t heads, size_t headdim, const float *factor, float *x,
                        size_t ld)
{
    for (size_t r = 0; r < rows; r++, x += ld) {
        for (size_t h = 0; h < heads; h++) {
            scale_in_place(headdim, x + h * headdim, factor[h * BSM_CHUNK + r]);
        }
    }
}

static void scale_state(size_t d_state, size_t heads, size_t headdim, const float *factor, float *S,
                        size_t ld)
{
    for (size_t n = 0; n < d_state; n++) {
        for (size_t h = 0; h < heads; h++) {
            scale_in_place(headdim, S + n * ld + h * headdim, factor[h]);
        }
    }
}

static inline void gate_row(size_t n, float *restrict y, const float *restrict z)
{
    for (size_t i = 0; i < n; i++) {
        y[i] *= z[i] * sigmoid(z[i]);
    }
}

static void gate_norm(size_t rows, size_t n, float *y, const float *z, size_t ld_z,
                      const float *weight)
{
    for (size_t r = 0; r < rows; r++, y += n, z += ld_z) {
        gate_row(n, y, z);
        weight_in_place(n, y, rms_factor(n, y), weight);
    }
}

/* ---- Merge and mask ---- */

static void add_bias(size_t rows, size_t n, float *restrict x, size_t ld,
                     const float *restrict bias)
{
    for (size_t r = 0; r < rows; r++, x += ld) {
        for (size_t i = 0; i < n; i++) {
            x[i] += bias[i];
        }
    }
}

static void tanh_bias(size_t rows, size_t n, float *restrict x, const float *restrict bias)
{
    for (size_t r = 0; r < rows; r++, x += n) {
        for (size_t i = 0; i < n; i++) {
            x[i] = 1.0f - 2.0f * reciprocal(1.0f + exp_clamped(2.0f * (x[i] + bias[i])));
        }
    }
}

static inline void apply_mask_row(size_t features, const float *restrict values,
                                  const float *restrict bias, const float *restrict mixture,
                                  float *restrict masked)
{
    const float *gates = values + features, *gate_bias = bias + features;
    for (size_t i = 0; i < features; i += 2) {
        float re = (values[i] + bias[i]) * sigmoid(gates[i] + gate_bias[i]);
        float im = (values[i + 1] + bias[i + 1]) * sigmoid(gates[i + 1] + gate_bias[i + 1]);
        masked[i] = mixture[i] * re - mixture[i + 1] * im;
        masked[i + 1] = mixture[i] * im + mixture[i + 1] * re;
    }
}

static void apply_mask(size_t rows, size_t features, const float *values, const float *bias,
                       const float *mixture, float *masked, size_t ld)
{
    for (size_t r = 0; r < rows; r++, values += 2 * features, mixture += ld, masked += ld) {
        apply_mask_row(features, values, bias, mixture, masked);
    }
}

const bsm_kernels BSM_KERNELS = {
    .name = BSM_KERNELS_NAME,
    .product = product,
    .rms_norm = rms_norm,
    .l2_norm = l2_norm,
    .conv_silu = conv_silu,
    .decays = decays,
    .masked_scores = masked_scores,
    .scale_heads = scale_heads,
    .scale_state = scale_state,
    .gate_norm = gate_norm,
    .add_bias = add_bias,
    .tanh_bias = tanh_bias,
    .apply_mask = apply_mask,
    .triangle = &BSM_KERNELS_TRIANGLE,
    .backward = &BSM_KERNELS_BACKWARD,
    .pack = &BSM_KERNELS_PACK,
    .scan = &BSM_KERNELS_SCAN,
    .rows = &BSM_KERNELS_ROWS,
};
