/* SPDX-License-Identifier: ISC */
/** The equations of BSMamba2 in plain C (docs/model.md): one sequence or one row at a time,
 *  products accumulated in double. What the other devices are tested against. */
#ifndef BSM_REFERENCE_MODULES_H
#define BSM_REFERENCE_MODULES_H

#include "device/weights.h"

/** y = W x + b; W is [out][in], b may be NULL. */
void bsm_reference_linear(size_t in, size_t out, const float *x, const bsm_linear *linear,
                          float *y);

/** y = x / sqrt(mean(x^2) + 1e-5) * weight */
void bsm_reference_rms_norm(size_t n, const float *x, const float *weight, float *y);

/** y = x / max(|x|, 1e-12) * sqrt(n) * gamma */
void bsm_reference_l2_norm(size_t n, const float *x, const float *gamma, float *y);

/** What a mixer carries from step to step: S [heads][headdim][d_state], then the convolution's
 *  last d_conv - 1 inputs [d_conv - 1][conv_dim], oldest first. */
size_t bsm_reference_state_size(const bsm_config *config);

/** One step of the scan, for all heads: S = exp(dt A) S + dt x B^T, y = S C + D x.
 *  @param x, y  [heads][headdim];  dt, A, D  [heads];  B, C  [d_state]
 *  @param S     [heads][headdim][d_state], updated */
void bsm_reference_scan_step(const bsm_config *config, const float *x, const float *dt,
                             const float *A, const float *B, const float *C, const float *D,
                             float *S, float *y);

/** Scratch floats that one mixer step needs. */
size_t bsm_reference_mixer_scratch(const bsm_config *config);

/** One step of a norm and a Mamba2 mixer: M(n(x)), `state` updated. x and out: [dim]. */
void bsm_reference_mixer_step(const bsm_config *config, const bsm_mixer_weights *weights,
                              const float *x, float *state, float *scratch, float *out);

/** y = Linear([forward + x, backward + x]) + x; all [dim]; y must not overlap the others. */
void bsm_reference_merge(size_t dim, const bsm_path_weights *weights, const float *forward,
                         const float *backward, const float *x, float *y);

#endif
