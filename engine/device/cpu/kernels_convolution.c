/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_CONVOLUTION set by meson. */
#include "device/cpu/kernels_backward.h"

#include <stdbool.h>
#include <string.h>

#include "device/cpu/kernels_math.h"
#include "device/cpu/kernels_vector.h"

extern const bsm_convolution_kernels BSM_KERNELS_CONVOLUTION;

/* Works on some channels at a time, so that their data stay in the cache from row to row; with the
 * published 4 taps also on some rows at a time, so that the data are loaded once for all of
 * them. */
enum { PIECE = 320, ROWS = 4 };

static inline void silu_and_slope(float x, float *out, float *slope)
{
    float s = sigmoid(x), y = x * s;
    *out = y;
    *slope = s + y * (1.0f - s);
}

/* Apply the last `used` taps to as many rows, the first of which is `in`; the result is that of
 * the last row. */
static void silu_piece(size_t n, size_t stride, size_t used, const float *restrict in, size_t ld,
                       const float *restrict weight, const float *restrict bias,
                       float *restrict out, float *restrict slope)
{
    float sum[PIECE];
    memcpy(sum, bias, n * sizeof *sum);
    for (size_t k = 0; k < used; k++) {
        for (size_t c = 0; c < n; c++) {
            sum[c] += weight[k * stride + c] * in[k * ld + c];
        }
    }
    for (size_t c = 0; c < n; c++) {
        silu_and_slope(sum[c], out + c, slope + c);
    }
}

/* silu_piece with 4 taps on all channels; it walks through rows as they lie in memory. */
static void silu4_row(size_t n, const float *restrict in, size_t ld, const float *restrict weight,
                      const float *restrict bias, float *restrict out, float *restrict slope)
{
    for (size_t c = 0; c < n; c++) {
        float x = bias[c] + weight[c] * in[c] + weight[n + c] * in[ld + c] +
                  weight[2 * n + c] * in[2 * ld + c] + weight[3 * n + c] * in[3 * ld + c];
        silu_and_slope(x, out + c, slope + c);
    }
}

/* The taps that meet rows of the sequence. */
static size_t used_taps(const bsm_conv *conv, size_t row)
{
    size_t rows = conv->before + row + 1;
    return rows < conv->taps ? rows : conv->taps;
}

static void silu(const bsm_conv *conv, float *out, float *slope, size_t ld_out)
{
    enum { AHEAD = 2 };
    for (size_t r = 0; r < conv->rows; r++, out += ld_out, slope += ld_out) {
        size_t used = used_taps(conv, r);
        const float *in = conv->in + r * conv->ld - (used - 1) * conv->ld;
        if (r + AHEAD < conv->rows) {
            fetch_to_read(conv->channels, conv->in + (r + AHEAD) * conv->ld);
        }
        if (used == 4 && conv->taps == 4) {
            silu4_row(conv->channels, in, conv->ld, conv->weight, conv->bias, out, slope);
            continue;
        }
        for (size_t c = 0; c < conv->channels; c += PIECE) {
            size_t rest = conv->channels - c, n = rest < PIECE ? rest : PIECE;
            silu_piece(n, conv->channels, used, in + c, conv->ld,
                       conv->weight + (conv->taps - used) * conv->channels + c, conv->bias + c,
                       out + c, slope + c);
        }
    }
}

/* One row of channels backward. `in` is the first of `used` rows, the last of which is the row
 * itself; `gradient` is the row itself, which taps - 1 rows follow. */
static void conv_row(const bsm_conv *conv, size_t n, size_t used, const float *restrict in,
                     const float *restrict weight, const float *restrict slope,
                     float *restrict gradient, size_t ld_out, float *restrict d_in,
                     float *restrict d_weight, float *restrict d_bias)
{
    size_t taps = conv->taps, stride = conv->channels;
    for (size_t c = 0; c < n; c++) {
        gradient[c] *= slope[c];
        d_bias[c] += gradient[c];
        d_in[c] = weight[(taps - 1) * stride + c] * gradient[c];
    }
    for (size_t k = 1; k < taps; k++) {
        for (size_t c = 0; c < n; c++) {
            d_in[c] += weight[(taps - 1 - k) * stride + c] * gradient[k * ld_out + c];
        }
    }
    for (size_t k = 0; k < used; k++) {
        for (size_t c = 0; c < n; c++) {
            d_weight[(taps - used + k) * stride + c] += gradient[c] * in[k * conv->ld + c];
        }
    }
}

/* conv_row for ROWS rows with 4 taps; `in` is 3 rows before the first one. */
static void conv4_rows(size_t n, size_t stride, const float *restrict in, size_t ld,
                       const float *restrict weight, const float *restrict slope,
                       float *restrict gradient, size_t ld_out, float *restrict d_in,
                       float *restrict d_weight, float *restrict d_bias)
{
#pragma omp simd /* rows do not overlap, though their distance does not tell the compiler so */
    for (size_t c = 0; c < n; c++) {
        float w0 = weight[3 * stride + c], w1 = weight[2 * stride + c];
        float w2 = weight[stride + c], w3 = weight[c];
        float g0 = gradient[c] * slope[c], g1 = gradient[ld_out + c] * slope[ld_out + c];
        float g2 = gradient[2 * ld_out + c] * slope[2 * ld_out + c];
        float g3 = gradient[3 * ld_out + c] * slope[3 * ld_out + c];
        float g4 = gradient[4 * ld_out + c], g5 = gradient[5 * ld_out + c];
        float g6 = gradient[6 * ld_out + c];
        gradient[c] = g0;
        gradient[ld_out + c] = g1;
        gradient[2 * ld_out + c] = g2;
        gradient[3 * ld_out + c] = g3;
        d_in[c] = w0 * g0 + w1 * g1 + w2 * g2 + w3 * g3;
        d_in[ld + c] = w0 * g1 + w1 * g2 + w2 * g3 + w3 * g4;
        d_in[2 * ld + c] = w0 * g2 + w1 * g3 + w2 * g4 + w3 * g5;
        d_in[3 * ld + c] = w0 * g3 + w1 * g4 + w2 * g5 + w3 * g6;
        float x0 = in[c], x1 = in[ld + c], x2 = in[2 * ld + c], x3 = in[3 * ld + c];
        float x4 = in[4 * ld + c], x5 = in[5 * ld + c], x6 = in[6 * ld + c];
        d_bias[c] += (g0 + g1) + (g2 + g3);
        d_weight[c] += g0 * x0 + g1 * x1 + g2 * x2 + g3 * x3;
        d_weight[stride + c] += g0 * x1 + g1 * x2 + g2 * x3 + g3 * x4;
        d_weight[2 * stride + c] += g0 * x2 + g1 * x3 + g2 * x4 + g3 * x5;
        d_weight[3 * stride + c] += g0 * x3 + g1 * x4 + g2 * x5 + g3 * x6;
    }
}

/* Starts with the last row, because the rows before it need its gradient. */
static void backward(const bsm_conv *conv, const bsm_conv_gradient *gradient)
{
    size_t taps = conv->taps, stride = conv->channels, ld = conv->ld, ld_out = gradient->ld_out;
    for (size_t c = 0; c < stride; c += PIECE) {
        size_t n = stride - c < PIECE ? stride - c : PIECE;
        for (size_t end = conv->rows, r; end > 0; end = r) {
            bool several = taps == 4 && end >= ROWS && used_taps(conv, end - ROWS) == 4;
            r = end - (several ? ROWS : 1);
            size_t used = used_taps(conv, r);
            const float *in = conv->in + r * ld + c - (used - 1) * ld;
            const float *slope = gradient->slope + r * ld_out + c;
            float *out = gradient->out + r * ld_out + c, *d_in = gradient->in + r * ld + c;
            for (size_t ahead = 1; several && ahead <= ROWS && ahead <= r; ahead++) {
                fetch_to_read(n, conv->in + (r - ahead) * ld + c);
                fetch_to_write(n, d_in - ahead * ld);
            }
            if (several) {
                conv4_rows(n, stride, in, ld, conv->weight + c, slope, out, ld_out, d_in,
                           gradient->weight + c, gradient->bias + c);
            } else {
                conv_row(conv, n, used, in, conv->weight + c, slope, out, ld_out, d_in,
                         gradient->weight + c, gradient->bias + c);
            }
        }
    }
}

const bsm_convolution_kernels BSM_KERNELS_CONVOLUTION = {.silu = silu, .backward = backward};
