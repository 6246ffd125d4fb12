/* SPDX-License-Identifier: ISC */
/** The equations of BSMamba2 in plain C (docs/model.md): one sequence or one row at a time, with
 *  products accumulated in double. The other devices are tested against them. */
#ifndef BSM_REFERENCE_MODULES_H
#define BSM_REFERENCE_MODULES_H

#include <math.h>

#include "device/weights.h"

static inline double bsm_reference_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/** y = W x + b; W is [out][in], b may be NULL. */
void bsm_reference_linear(size_t in, size_t out, const float *x, const bsm_linear *linear,
                          float *y);

/** y = x / sqrt(mean(x^2) + 1e-5) * weight */
void bsm_reference_rms_norm(size_t n, const float *x, const float *weight, float *y);

/** y = x / max(|x|, 1e-12) * sqrt(n) * gamma */
void bsm_reference_l2_norm(size_t n, const float *x, const float *gamma, float *y);

/** The floats that a mixer carries from step to step: S [heads][headdim][d_state], then the last
 *  d_conv - 1 inputs of the convolution [d_conv - 1][conv_dim], oldest first. */
size_t bsm_reference_state_size(const bsm_config *config);

/** One step of the scan, for all heads: S = exp(dt A) S + dt x B^T, y = S C + D x.
 *  @param x, y  [heads][headdim];  dt, A, D  [heads];  B, C  [d_state]
 *  @param S     [heads][headdim][d_state], updated */
void bsm_reference_scan_step(const bsm_config *config, const float *x, const float *dt,
                             const float *A, const float *B, const float *C, const float *D,
                             float *S, float *y);

/** The causal convolution of channel `c` before SiLU: bias + sum over taps of weight * input.
 *  @param input  [conv_dim] of this step;  tail  [d_conv - 1][conv_dim] of the steps before it */
double bsm_reference_conv(const bsm_config *config, const bsm_mixer_weights *weights, size_t c,
                          const float *input, const float *tail);

/** The values of one mixer step, in the order in which they are computed. */
typedef struct bsm_reference_step {
    float *u;       /**< [dim] the normalised input */
    float *z;       /**< [d_inner]; z, raw_xbc and raw_dt are adjacent, as in_proj yields them */
    float *raw_xbc; /**< [conv_dim] before the convolution */
    float *raw_dt;  /**< [heads] */
    float *x;       /**< [d_inner]; x, B and C are adjacent, as the convolution yields them */
    float *B, *C;   /**< [d_state] */
    float *dt, *A;  /**< [heads] */
    float *y;       /**< [d_inner] */
    float *gated;   /**< [d_inner] y SiLU(z) */
    float *normed;  /**< [d_inner] the input of out_proj */
} bsm_reference_step;

/** The number of floats of a step's values, and where they lie in such memory. */
size_t bsm_reference_step_size(const bsm_config *config);
bsm_reference_step bsm_reference_step_at(const bsm_config *config, float *memory);

/** One step of a norm and a Mamba2 mixer: M(n(x)); it updates `state`. x and out: [dim].
 *  @param memory  receives the step's values */
void bsm_reference_mixer_step(const bsm_config *config, const bsm_mixer_weights *weights,
                              const float *x, float *state, float *memory, float *out);

/** y = Linear([forward + x, backward + x]) + x; all [dim]; y must not overlap the others. */
void bsm_reference_merge(size_t dim, const bsm_path_weights *weights, const float *forward,
                         const float *backward, const float *x, float *y);

/** The number of floats of a frame in one band, and in the widest band. */
size_t bsm_reference_band_features(const bsm_config *config, size_t band);
size_t bsm_reference_widest_band(const bsm_config *config);

/** One band of one frame: a norm and a linear layer.
 *  @param spectrum, normed  [features];  x  [dim] */
void bsm_reference_split_band(size_t dim, size_t features, const bsm_band_weights *weights,
                              const float *spectrum, float *normed, float *x);

/** One band of one stem's mask, with the final norm before it. */
typedef struct bsm_reference_mask {
    size_t dim, hidden, features; /**< hidden = mask_expansion dim */
    const float *final_norm;
    const bsm_mask_weights *weights;
} bsm_reference_mask;

bsm_reference_mask bsm_reference_mask_of(const bsm_weights *weights, size_t stem, size_t band);

/** The values of a mask for one frame, in the order in which they are computed. */
typedef struct bsm_reference_mask_values {
    float *normed; /**< [dim] */
    float *hidden; /**< [hidden] after tanh */
    float *values; /**< [2 features]: values, then gates */
} bsm_reference_mask_values;

/** One frame: norm, hidden layer, GLU, and the mask times the mixture.
 *  @param x  [dim];  mixture, masked  [features];  v  receives the values */
void bsm_reference_mask_frame(const bsm_reference_mask *mask, const float *x, const float *mixture,
                              const bsm_reference_mask_values *v, float *masked);

#endif
