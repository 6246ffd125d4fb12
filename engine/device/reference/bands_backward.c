/* SPDX-License-Identifier: ISC */
/* The gradients of the band split and of the masks. */
#include <string.h>

#include "device/reference/backward.h"

static void linear_backward(size_t in, size_t out, const float *x, const bsm_linear *linear,
                            const double *dy, double *dx, const bsm_reference_gradients *gradients)
{
    bsm_reference_linear_backward(in, out, x, linear->weight, dy, dx,
                                  bsm_reference_gradient(gradients, linear->weight),
                                  bsm_reference_gradient(gradients, linear->bias));
}

void bsm_reference_split_band_backward(size_t dim, size_t features, const bsm_band_weights *weights,
                                       const float *spectrum, const double *dx, float *normed,
                                       double *dnormed, const bsm_reference_gradients *gradients)
{
    bsm_reference_l2_norm(features, spectrum, weights->gamma, normed);
    memset(dnormed, 0, features * sizeof *dnormed);
    linear_backward(features, dim, normed, &weights->linear, dx, dnormed, gradients);
    bsm_reference_l2_norm_backward(features, spectrum, weights->gamma, dnormed, NULL,
                                   bsm_reference_gradient(gradients, weights->gamma));
}

/* The mask is a sigmoid(b), and masked = mixture mask is a complex product. */
static void glu_backward(size_t features, const float *values, const float *mixture,
                         const float *dmasked, double *dvalues)
{
    for (size_t i = 0; i < features; i += 2) {
        double a = (double)mixture[i], b = (double)mixture[i + 1];
        double dre = (double)dmasked[i], dim = (double)dmasked[i + 1];
        double dmask[2] = {a * dre + b * dim, a * dim - b * dre};
        for (size_t part = 0; part < 2; part++) {
            double value = (double)values[i + part];
            double gate = bsm_reference_sigmoid((double)values[features + i + part]);
            dvalues[i + part] = dmask[part] * gate;
            dvalues[features + i + part] = dmask[part] * value * gate * (1 - gate);
        }
    }
}

void bsm_reference_mask_frame_backward(const bsm_reference_mask *mask, const float *x,
                                       const float *mixture, const bsm_reference_mask_values *v,
                                       const float *dmasked,
                                       const bsm_reference_mask_gradients *scratch, double *dx,
                                       const bsm_reference_gradients *gradients,
                                       double *dfinal_norm)
{
    memset(scratch->hidden, 0, mask->hidden * sizeof *scratch->hidden);
    memset(scratch->normed, 0, mask->dim * sizeof *scratch->normed);
    glu_backward(mask->features, v->values, mixture, dmasked, scratch->values);
    linear_backward(mask->hidden, 2 * mask->features, v->hidden, &mask->weights->out,
                    scratch->values, scratch->hidden, gradients);
    for (size_t i = 0; i < mask->hidden; i++) {
        /* derivative of tanh */
        scratch->hidden[i] *= 1 - (double)v->hidden[i] * (double)v->hidden[i];
    }
    linear_backward(mask->dim, mask->hidden, v->normed, &mask->weights->hidden, scratch->hidden,
                    scratch->normed, gradients);
    bsm_reference_l2_norm_backward(mask->dim, x, mask->final_norm, scratch->normed, dx,
                                   dfinal_norm);
}
