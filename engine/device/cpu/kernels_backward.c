/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_BACKWARD set by meson. */
#include "device/cpu/kernels_backward.h"

#include <stdbool.h>

#include "device/cpu/kernels_math.h"
#include "device/cpu/kernels_vector.h"

extern const bsm_backward_kernels BSM_KERNELS_BACKWARD;
extern const bsm_convolution_kernels BSM_KERNELS_CONVOLUTION;
extern void BSM_KERNELS_OUTER(const bsm_product *p, float *space);

/* ---- Norms ---- */

static inline float dot(size_t n, const float *restrict a, const float *restrict b)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i];
    }
    return sum;
}

static inline float weighted_dot(size_t n, const float *restrict a, const float *restrict b,
                                 const float *restrict weight)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++) {
        sum += a[i] * b[i] * weight[i];
    }
    return sum;
}

/* The backward pass of out = x factor weight, where factor depends on x; `along` is the component
 * along x that is lost by that. */
static inline void norm_row(size_t n, const float *restrict x, float factor, float along,
                            const float *restrict weight, const float *restrict d_out,
                            float *restrict d_x, float *restrict d_weight)
{
    for (size_t i = 0; i < n; i++) {
        d_weight[i] += d_out[i] * x[i] * factor;
        d_x[i] += factor * weight[i] * d_out[i] - along * x[i];
    }
}

static void rms_norm(size_t rows, size_t n, const float *x, ptrdiff_t step, const float *weight,
                     const float *d_out, float *d_x, float *d_weight)
{
    for (size_t r = 0; r < rows; r++, x += step, d_x += step, d_out += n) {
        float factor = rms_factor(n, x);
        float along = factor * factor * factor / (float)n * weighted_dot(n, x, d_out, weight);
        norm_row(n, x, factor, along, weight, d_out, d_x, d_weight);
    }
}

static inline void weight_row(size_t n, const float *restrict x, float factor,
                              const float *restrict d_out, float *restrict d_weight)
{
    for (size_t i = 0; i < n; i++) {
        d_weight[i] += d_out[i] * x[i] * factor;
    }
}

static void l2_norm(size_t rows, size_t n, const float *x, size_t ld, const float *gamma,
                    const float *d_out, float *d_x, float *d_gamma)
{
    for (size_t r = 0; r < rows; r++, x += ld, d_out += n) {
        float length = sqrtf(sum_of_squares(n, x));
        bool silent = !(length > 1e-12f); /* in that case the length counts as a constant */
        float factor = sqrtf((float)n) / (silent ? 1e-12f : length);
        if (d_x) {
            float along = silent ? 0 : factor * weighted_dot(n, x, d_out, gamma) / length / length;
            norm_row(n, x, factor, along, gamma, d_out, d_x + r * ld, d_gamma);
        } else {
            weight_row(n, x, factor, d_out, d_gamma);
        }
    }
}

static inline void add(size_t count, const float *restrict x, float *restrict out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] += x[i];
    }
}

static void add_bias(size_t rows, size_t n, const float *d_x, size_t ld, float *d_bias)
{
    for (size_t r = 0; r < rows; r++, d_x += ld) {
        add(n, d_x, d_bias);
    }
}

/* ---- Gate ---- */

/* Some columns of the rows that gate_norm works on. */
typedef struct gate {
    const float *y, *z, *weight;
    float *gradient, *out, *d_z, *d_weight;
} gate;

/* Compute the gate to `out` and the sigmoid to d_z; the rest follows from them. */
static inline void gate_forward(size_t n, const gate *at, float *square, float *along)
{
    const float *y = at->y, *z = at->z, *weight = at->weight, *gradient = at->gradient;
    float *out = at->out, *d_z = at->d_z;
    float sum = 0, weighted = 0;
#pragma omp simd reduction(+ : sum, weighted)
    for (size_t i = 0; i < n; i++) {
        float s = sigmoid(z[i]), g = y[i] * z[i] * s;
        d_z[i] = s;
        out[i] = g;
        sum += g * g;
        weighted += gradient[i] * weight[i] * g;
    }
    *square += sum;
    *along += weighted;
}

static inline void gate_backward(size_t n, const gate *at, float factor, float along)
{
    const float *y = at->y, *z = at->z, *weight = at->weight;
    float *gradient = at->gradient, *out = at->out, *d_z = at->d_z, *d_weight = at->d_weight;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float s = d_z[i], g = out[i];
        float d_g = factor * weight[i] * gradient[i] - along * g;
        d_weight[i] += gradient[i] * g * factor;
        out[i] = g * factor * weight[i];
        gradient[i] = d_g * z[i] * s;
        d_z[i] = d_g * y[i] * s * (1.0f + z[i] * (1.0f - s));
    }
}

static inline gate gate_at(const gate *row, size_t column)
{
    return (gate){row->y + column,        row->z + column,   row->weight + column,
                  row->gradient + column, row->out + column, row->d_z + column,
                  row->d_weight + column};
}

/* One row; prefetches the next one. */
static void gate_norm_row(size_t n, const gate *row, const gate *next)
{
    enum { PIECE = 128 };
    float square = 0, along = 0;
    for (size_t c = 0; c < n; c += PIECE) {
        size_t some = n - c < PIECE ? n - c : PIECE;
        gate piece = gate_at(row, c);
        fetch_to_read(some, next->y + c);
        fetch_to_read(some, next->z + c);
        gate_forward(some, &piece, &square, &along);
    }
    float factor = 1.0f / sqrtf(square / (float)n + 1e-5f);
    along *= factor * factor * factor / (float)n;
    for (size_t c = 0; c < n; c += PIECE) {
        size_t some = n - c < PIECE ? n - c : PIECE;
        gate piece = gate_at(row, c);
        fetch_to_write(some, next->d_z + c);
        gate_backward(some, &piece, factor, along);
    }
}

static void gate_norm(size_t rows, size_t n, const float *y, const float *z, size_t ld,
                      const float *weight, float *gradient, float *out, size_t ld_out, float *d_z,
                      size_t ld_d_z, float *d_weight)
{
    for (size_t r = 0; r < rows; r++) {
        gate row = {.y = y + r * n,
                    .z = z + r * ld,
                    .weight = weight,
                    .gradient = gradient + r * ld_out,
                    .out = out + r * ld_out,
                    .d_z = d_z + r * ld_d_z,
                    .d_weight = d_weight};
        gate next = row;
        if (r + 1 < rows) {
            next.y += n;
            next.z += ld;
            next.d_z += ld_d_z;
        }
        gate_norm_row(n, &row, &next);
    }
}

/* ---- Scan ---- */

enum { STEP = 16 }; /* whole vectors */

/* STEP steps of a row of masked_scores, the first `count` of which precede the row's own; steps
 * past the last row are undefined. Adds the gradient w.r.t. the row's cum to `row`. The gradient
 * w.r.t. another step's cum is minus dt times what it adds to d_dt. */
static inline void scores_piece(int32_t count, double now, const float *restrict G,
                                const float *restrict dt, const double *restrict cum,
                                float *restrict M, float *restrict dG, float *restrict column,
                                float *restrict row)
{
#pragma omp simd
    for (int32_t j = 0; j < STEP; j++) {
        bool before = j < count;
        float decay = exp_clamped((float)(now - cum[j]));
        float score = before ? G[j] : 0.0f, step = before ? dt[j] : 0.0f;
        float d = before ? M[j] * decay : 0.0f, q = d * score;
        M[j] = before ? score * decay * step : 0.0f;
        dG[j] += d * step;
        column[j] += q;
        row[j] += q * step;
    }
}

static void masked_scores(size_t rows, const float *G, const float *dt, const double *cum, float D,
                          const bsm_scores_gradient *gradient)
{
    float column[BSM_CHUNK] = {0}, own[BSM_CHUNK];
    for (size_t i = 0; i < rows; i++) {
        const float *g = G + i * BSM_CHUNK;
        float *M = gradient->M + i * BSM_CHUNK, *dG = gradient->dG + i * BSM_CHUNK;
        float d = M[i], row[STEP] = {0}; /* nothing decays on the diagonal */
        for (size_t j = 0; j <= i; j += STEP) {
            scores_piece((int32_t)(i - j), cum[i], g + j, dt + j, cum + j, M + j, dG + j,
                         column + j, row);
        }
        for (size_t j = 0; j < STEP; j++) {
            gradient->d_cum[i] += row[j];
        }
        size_t filled = (i / STEP + 1) * STEP;
        memset(M + filled, 0, (BSM_CHUNK - filled) * sizeof *M);
        M[i] = g[i] * dt[i] + D;
        dG[i] += d * dt[i];
        own[i] = d * g[i];
    }
    for (size_t j = 0; j < rows; j++) {
        gradient->d_dt[j] += column[j] + own[j];
        gradient->d_cum[j] -= column[j] * dt[j];
    }
}

static void skip(size_t rows, size_t heads, size_t headdim, const float *x, size_t ld_x,
                 const float *d_y, size_t ld_y, float *d_D)
{
    for (size_t r = 0; r < rows; r++, x += ld_x, d_y += ld_y) {
        for (size_t h = 0; h < heads; h++) {
            d_D[h] += dot(headdim, x + h * headdim, d_y + h * headdim);
        }
    }
}

static inline void add_scaled(size_t n, float factor, const float *restrict x, float *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] += factor * x[i];
    }
}

static void leave_state(size_t rows, size_t heads, size_t headdim, const bsm_decay *decay,
                        const float *x, size_t ld, const float *V, size_t ld_V, float *d_x,
                        const bsm_decay_gradient *gradient)
{
    for (size_t r = 0; r < rows; r++, x += ld, V += ld_V, d_x += ld) {
        for (size_t h = 0; h < heads; h++) {
            size_t at = h * BSM_CHUNK + r;
            const float *v = V + h * headdim;
            float e = dot(headdim, x + h * headdim, v);
            double last = decay->cum[h * BSM_CHUNK + rows - 1];
            add_scaled(headdim, decay->out[at], v, d_x + h * headdim);
            gradient->d_dt[at] += exp_clamped((float)(last - decay->cum[at])) * e;
            gradient->d_cum[at] -= decay->out[at] * e;
            gradient->d_all[h] += decay->out[at] * e;
        }
    }
}

static inline void scale_apart(size_t n, float factor, const float *restrict x, float *restrict out)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = factor * x[i];
    }
}

static void scaled_heads(size_t rows, size_t heads, size_t headdim, const float *factor,
                         const float *x, size_t ld, float *out, size_t ld_out)
{
    for (size_t r = 0; r < rows; r++, x += ld, out += ld_out) {
        for (size_t h = 0; h < heads; h++) {
            scale_apart(headdim, factor[h * BSM_CHUNK + r], x + h * headdim, out + h * headdim);
        }
    }
}

static void dot_heads(size_t rows, size_t heads, size_t headdim, const float *a, const float *b,
                      size_t ld, float *sum)
{
    for (size_t r = 0; r < rows; r++, a += ld, b += ld) {
        for (size_t h = 0; h < heads; h++) {
            sum[h * BSM_CHUNK + r] += dot(headdim, a + h * headdim, b + h * headdim);
        }
    }
}

static void dot_states(size_t d_state, size_t heads, size_t headdim, const float *all,
                       const float *a, const float *b, size_t ld, float *sum)
{
    for (size_t n = 0; n < d_state; n++, a += ld, b += ld) {
        for (size_t h = 0; h < heads; h++) {
            sum[h] += all[h] * dot(headdim, a + h * headdim, b + h * headdim);
        }
    }
}

static void decays(size_t rows, size_t heads, const float *raw, size_t ld, const float *bias,
                   const float *A, const bsm_decay *decay, const bsm_decay_gradient *gradient,
                   float *d_raw, float *d_bias, float *d_A)
{
    for (size_t h = 0; h < heads; h++) {
        const float *dt = decay->dt + h * BSM_CHUNK, *d_dt = gradient->d_dt + h * BSM_CHUNK;
        const float *d_cum = gradient->d_cum + h * BSM_CHUNK;
        double sum = (double)gradient->d_all[h], by_A = 0, by_bias = 0;
        for (size_t r = rows; r-- > 0;) {
            sum += (double)d_cum[r];
            by_A += (double)dt[r] * sum;
            double d = (double)d_dt[r] + (double)A[h] * sum;
            d *= (double)sigmoid(raw[r * ld + h] + bias[h]);
            d_raw[r * ld + h] = (float)d;
            by_bias += d;
        }
        d_A[h] += (float)by_A;
        d_bias[h] += (float)by_bias;
    }
}

/* ---- Mask ---- */

static void tanh_gradient(size_t count, const float *restrict out, float *restrict gradient)
{
    for (size_t i = 0; i < count; i++) {
        gradient[i] *= 1.0f - out[i] * out[i];
    }
}

static inline void apply_mask_row(size_t features, const float *restrict values,
                                  const float *restrict bias, const float *restrict mixture,
                                  const float *restrict gradient, float *restrict d_values)
{
    const float *gates = values + features, *gate_bias = bias + features;
    float *restrict d_gates = d_values + features;
    for (size_t i = 0; i < features; i += 2) {
        float re = mixture[i] * gradient[i] + mixture[i + 1] * gradient[i + 1];
        float im = mixture[i] * gradient[i + 1] - mixture[i + 1] * gradient[i];
        float s_re = sigmoid(gates[i] + gate_bias[i]);
        float s_im = sigmoid(gates[i + 1] + gate_bias[i + 1]);
        d_values[i] = re * s_re;
        d_values[i + 1] = im * s_im;
        d_gates[i] = re * (values[i] + bias[i]) * s_re * (1.0f - s_re);
        d_gates[i + 1] = im * (values[i + 1] + bias[i + 1]) * s_im * (1.0f - s_im);
    }
}

static void apply_mask(size_t rows, size_t features, const float *values, const float *bias,
                       const float *mixture, const float *gradient, size_t ld, float *d_values)
{
    for (size_t r = 0; r < rows; r++, values += 2 * features, d_values += 2 * features) {
        apply_mask_row(features, values, bias, mixture + r * ld, gradient + r * ld, d_values);
    }
}

const bsm_backward_kernels BSM_KERNELS_BACKWARD = {
    .rms_norm = rms_norm,
    .l2_norm = l2_norm,
    .add_bias = add_bias,
    .gate_norm = gate_norm,
    .convolution = &BSM_KERNELS_CONVOLUTION,
    .masked_scores = masked_scores,
    .skip = skip,
    .leave_state = leave_state,
    .scaled_heads = scaled_heads,
    .dot_heads = dot_heads,
    .dot_states = dot_states,
    .decays = decays,
    .tanh = tanh_gradient,
    .apply_mask = apply_mask,
    .add = add,
    .add_outer = BSM_KERNELS_OUTER,
};
