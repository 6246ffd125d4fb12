/* SPDX-License-Identifier: ISC */
/* The gradients of the Mamba2 mixer, one step at a time, from the last step to the first. */
#include <math.h>
#include <string.h>

#include "device/reference/backward.h"

void bsm_reference_scan_step_backward(const bsm_config *config, const bsm_reference_scan_values *v,
                                      const double *dy, const bsm_reference_scan_gradients *d)
{
    size_t N = config->d_state;
    for (size_t h = 0; h < bsm_config_heads(config); h++) {
        double dt = (double)v->dt[h], A = (double)v->A[h], decay = exp(dt * A), ddecay = 0;
        for (size_t p = h * config->headdim; p < (h + 1) * config->headdim; p++) {
            const float *before = v->before + p * N, *after = v->after + p * N;
            double *dS = d->S + p * N;
            double x = (double)v->x[p], dinput = 0; /* where input = dt x */
            for (size_t n = 0; n < N; n++) {
                dS[n] += dy[p] * (double)v->C[n];
                d->C[n] += dy[p] * (double)after[n];
                d->B[n] += dS[n] * dt * x;
                dinput += dS[n] * (double)v->B[n];
                ddecay += dS[n] * (double)before[n];
                dS[n] *= decay;
            }
            d->x[p] += dinput * dt + dy[p] * (double)v->D[h];
            d->dt[h] += dinput * x;
            d->D[h] += dy[p] * x;
        }
        d->dt[h] += ddecay * decay * A;
        d->A[h] += ddecay * decay * dt;
    }
}

/* The gradients w.r.t. a step's values; names and order as in bsm_reference_step. */
typedef struct step_gradients {
    double *u, *z, *raw_xbc, *raw_dt, *x, *B, *C, *dt, *A, *y, *gated, *normed;
} step_gradients;

size_t bsm_reference_step_backward_size(const bsm_config *config)
{
    return bsm_reference_step_size(config);
}

static step_gradients gradients_at(const bsm_config *config, double *memory)
{
    size_t heads = bsm_config_heads(config), d_inner = bsm_config_d_inner(config);
    step_gradients d;
    d.u = memory;
    d.z = d.u + config->dim;
    d.raw_xbc = d.z + d_inner;
    d.raw_dt = d.raw_xbc + bsm_config_conv_dim(config);
    d.x = d.raw_dt + heads;
    d.B = d.x + d_inner;
    d.C = d.B + config->d_state;
    d.dt = d.C + config->d_state;
    d.A = d.dt + heads;
    d.y = d.A + heads;
    d.gated = d.y + d_inner;
    d.normed = d.gated + d_inner;
    return d;
}

/* The derivative of x sigmoid(x). */
static double silu_slope(double x)
{
    double s = bsm_reference_sigmoid(x);
    return s * (1 + x * (1 - s));
}

/* gated = y SiLU(z) */
static void gate_backward(size_t d_inner, const bsm_reference_step *s, const step_gradients *d)
{
    for (size_t i = 0; i < d_inner; i++) {
        double y = (double)s->y[i], z = (double)s->z[i];
        d->y[i] = d->gated[i] * z * bsm_reference_sigmoid(z);
        d->z[i] = d->gated[i] * y * silu_slope(z);
    }
}

/* The convolution and SiLU. The tail after the step is the tail before it without its oldest input
 * and with this step's input. */
static void conv_backward(const bsm_config *config, const bsm_mixer_weights *w, const float *input,
                          const float *tail, const double *dout, double *dinput, double *dtail,
                          const bsm_reference_gradients *gradients)
{
    size_t taps = config->d_conv, channels = bsm_config_conv_dim(config);
    double *dweight = bsm_reference_gradient(gradients, w->conv_weight);
    double *dbias = bsm_reference_gradient(gradients, w->conv_bias);
    memset(dinput, 0, channels * sizeof *dinput);
    if (taps > 1) {
        memcpy(dinput, dtail + (taps - 2) * channels, channels * sizeof *dinput);
        memmove(dtail + channels, dtail, (taps - 2) * channels * sizeof *dtail);
        memset(dtail, 0, channels * sizeof *dtail);
    }
    for (size_t c = 0; c < channels; c++) {
        double dsum = dout[c] * silu_slope(bsm_reference_conv(config, w, c, input, tail));
        dbias[c] += dsum;
        for (size_t k = 0; k < taps; k++) {
            bool newest = k + 1 == taps;
            double weight = (double)w->conv_weight[c * taps + k];
            double value = (double)(newest ? input[c] : tail[k * channels + c]);
            dweight[c * taps + k] += dsum * value;
            *(newest ? dinput + c : dtail + k * channels + c) += dsum * weight;
        }
    }
}

/* dt = softplus(raw_dt + dt_bias) and A = -exp(A_log) */
static void heads_backward(size_t heads, const bsm_mixer_weights *w, const bsm_reference_step *s,
                           const step_gradients *d, const bsm_reference_gradients *gradients)
{
    double *ddt_bias = bsm_reference_gradient(gradients, w->dt_bias);
    double *dA_log = bsm_reference_gradient(gradients, w->A_log);
    for (size_t h = 0; h < heads; h++) {
        double slope = bsm_reference_sigmoid((double)s->raw_dt[h] + (double)w->dt_bias[h]);
        d->raw_dt[h] = d->dt[h] * slope;
        ddt_bias[h] += d->raw_dt[h];
        dA_log[h] += d->A[h] * (double)s->A[h];
    }
}

static void output_backward(const bsm_config *config, const bsm_mixer_weights *w,
                            const bsm_reference_step *s, const step_gradients *d,
                            const double *dout, const bsm_reference_gradients *gradients)
{
    size_t d_inner = bsm_config_d_inner(config);
    bsm_reference_linear_backward(d_inner, config->dim, s->normed, w->out_proj, dout, d->normed,
                                  bsm_reference_gradient(gradients, w->out_proj), NULL);
    bsm_reference_rms_norm_backward(d_inner, s->gated, w->gate_norm, d->normed, d->gated,
                                    bsm_reference_gradient(gradients, w->gate_norm));
    gate_backward(d_inner, s, d);
}

void bsm_reference_mixer_step_backward(const bsm_config *config, const bsm_mixer_weights *weights,
                                       const bsm_reference_kept_step *kept, const double *dout,
                                       double *scratch, double *dstate, double *dx,
                                       const bsm_reference_gradients *gradients)
{
    size_t d_inner = bsm_config_d_inner(config), heads = bsm_config_heads(config);
    size_t scan_state = d_inner * config->d_state;
    const bsm_reference_step *s = &kept->values;
    memset(scratch, 0, bsm_reference_step_backward_size(config) * sizeof *scratch);
    step_gradients d = gradients_at(config, scratch);

    output_backward(config, weights, s, &d, dout, gradients);
    bsm_reference_scan_values values = {.x = s->x,
                                        .dt = s->dt,
                                        .A = s->A,
                                        .D = weights->D,
                                        .B = s->B,
                                        .C = s->C,
                                        .before = kept->before,
                                        .after = kept->after};
    bsm_reference_scan_gradients scan = {.x = d.x,
                                         .dt = d.dt,
                                         .A = d.A,
                                         .D = bsm_reference_gradient(gradients, weights->D),
                                         .B = d.B,
                                         .C = d.C,
                                         .S = dstate};
    bsm_reference_scan_step_backward(config, &values, d.y, &scan);
    heads_backward(heads, weights, s, &d, gradients);
    conv_backward(config, weights, s->raw_xbc, kept->before + scan_state, d.x, d.raw_xbc,
                  dstate + scan_state, gradients);
    bsm_reference_linear_backward(config->dim, d_inner + bsm_config_conv_dim(config) + heads, s->u,
                                  weights->in_proj, d.z, d.u,
                                  bsm_reference_gradient(gradients, weights->in_proj), NULL);
    bsm_reference_rms_norm_backward(config->dim, kept->x, weights->norm, d.u, dx,
                                    bsm_reference_gradient(gradients, weights->norm));
}
