/* SPDX-License-Identifier: ISC */
/* The Mamba2 mixer, one step at a time (Dao and Gu, "Transformers are SSMs", 2024). */
#include <math.h>
#include <string.h>

#include "device/reference/modules.h"

static double softplus(double x)
{
    return x > 20 ? x : log1p(exp(x));
}

static size_t scan_state_size(const bsm_config *config)
{
    return bsm_config_d_inner(config) * config->d_state;
}

size_t bsm_reference_state_size(const bsm_config *config)
{
    return scan_state_size(config) + (config->d_conv - 1) * bsm_config_conv_dim(config);
}

void bsm_reference_scan_step(const bsm_config *config, const float *x, const float *dt,
                             const float *A, const float *B, const float *C, const float *D,
                             float *S, float *y)
{
    size_t N = config->d_state;
    for (size_t h = 0; h < bsm_config_heads(config); h++) {
        float decay = (float)exp((double)dt[h] * (double)A[h]);
        for (size_t p = h * config->headdim; p < (h + 1) * config->headdim; p++) {
            float *s = S + p * N;
            float input = dt[h] * x[p];
            double sum = 0;
#pragma omp simd reduction(+ : sum)
            for (size_t n = 0; n < N; n++) {
                s[n] = decay * s[n] + input * B[n];
                sum += (double)s[n] * (double)C[n];
            }
            y[p] = (float)(sum + (double)D[h] * (double)x[p]);
        }
    }
}

double bsm_reference_conv(const bsm_config *config, const bsm_mixer_weights *w, size_t c,
                          const float *input, const float *tail)
{
    size_t taps = config->d_conv, channels = bsm_config_conv_dim(config);
    const float *weight = w->conv_weight + c * taps;
    double sum = (double)w->conv_bias[c] + (double)weight[taps - 1] * (double)input[c];
    for (size_t k = 0; k + 1 < taps; k++) {
        sum += (double)weight[k] * (double)tail[k * channels + c];
    }
    return sum;
}

/* out = SiLU(conv(input)); the tail then advances by one input. */
static void conv_step(const bsm_config *config, const bsm_mixer_weights *w, const float *input,
                      float *tail, float *out)
{
    size_t taps = config->d_conv, channels = bsm_config_conv_dim(config);
    for (size_t c = 0; c < channels; c++) {
        double sum = bsm_reference_conv(config, w, c, input, tail);
        out[c] = (float)(sum * bsm_reference_sigmoid(sum));
    }
    if (taps > 1) {
        memmove(tail, tail + channels, (taps - 2) * channels * sizeof *tail);
        memcpy(tail + (taps - 2) * channels, input, channels * sizeof *tail);
    }
}

static size_t projected(const bsm_config *config)
{
    return bsm_config_d_inner(config) + bsm_config_conv_dim(config) + bsm_config_heads(config);
}

size_t bsm_reference_step_size(const bsm_config *config)
{
    return config->dim + projected(config) + bsm_config_conv_dim(config) +
           2 * bsm_config_heads(config) + 3 * bsm_config_d_inner(config);
}

bsm_reference_step bsm_reference_step_at(const bsm_config *config, float *memory)
{
    size_t heads = bsm_config_heads(config), d_inner = bsm_config_d_inner(config);
    bsm_reference_step s;
    s.u = memory;
    s.z = s.u + config->dim;
    s.raw_xbc = s.z + d_inner;
    s.raw_dt = s.raw_xbc + bsm_config_conv_dim(config);
    s.x = s.raw_dt + heads;
    s.B = s.x + d_inner;
    s.C = s.B + config->d_state;
    s.dt = s.C + config->d_state;
    s.A = s.dt + heads;
    s.y = s.A + heads;
    s.gated = s.y + d_inner;
    s.normed = s.gated + d_inner;
    return s;
}

void bsm_reference_mixer_step(const bsm_config *config, const bsm_mixer_weights *weights,
                              const float *x, float *state, float *memory, float *out)
{
    size_t d_inner = bsm_config_d_inner(config), heads = bsm_config_heads(config);
    bsm_reference_step s = bsm_reference_step_at(config, memory);

    bsm_reference_rms_norm(config->dim, x, weights->norm, s.u);
    bsm_reference_linear(config->dim, projected(config), s.u,
                         &(bsm_linear){.weight = weights->in_proj}, s.z);
    conv_step(config, weights, s.raw_xbc, state + scan_state_size(config), s.x);
    for (size_t h = 0; h < heads; h++) {
        s.dt[h] = (float)softplus((double)s.raw_dt[h] + (double)weights->dt_bias[h]);
        s.A[h] = (float)-exp((double)weights->A_log[h]);
    }
    bsm_reference_scan_step(config, s.x, s.dt, s.A, s.B, s.C, weights->D, state, s.y);

    for (size_t i = 0; i < d_inner; i++) {
        double z = (double)s.z[i];
        s.gated[i] = (float)((double)s.y[i] * z * bsm_reference_sigmoid(z));
    }
    bsm_reference_rms_norm(d_inner, s.gated, weights->gate_norm, s.normed);
    bsm_reference_linear(d_inner, config->dim, s.normed, &(bsm_linear){.weight = weights->out_proj},
                         out);
}
