/* SPDX-License-Identifier: ISC */
/* Gradients of linear layers and norms. */
#include <math.h>

#include "device/reference/backward.h"

void bsm_reference_linear_backward(size_t in, size_t out, const float *x, const float *weight,
                                   const double *dy, double *dx, double *dweight, double *dbias)
{
    for (size_t o = 0; o < out; o++) {
        for (size_t i = 0; i < in; i++) {
            dweight[o * in + i] += dy[o] * (double)x[i];
        }
        for (size_t i = 0; dx && i < in; i++) {
            dx[i] += dy[o] * (double)weight[o * in + i];
        }
        if (dbias) {
            dbias[o] += dy[o];
        }
    }
}

static double dot(size_t n, const float *a, const float *b, const double *c)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)a[i] * (double)b[i] * c[i];
    }
    return sum;
}

static double mean_square(size_t n, const float *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum / (double)n;
}

/* The backward pass of y = factor x weight, where factor depends on x and has the gradient -slope
 * x. */
static void scale_backward(size_t n, const float *x, double factor, double slope,
                           const float *weight, const double *dy, double *dx, double *dweight)
{
    double dfactor = dot(n, x, weight, dy);
    for (size_t i = 0; i < n; i++) {
        dweight[i] += dy[i] * factor * (double)x[i];
        if (dx) {
            dx[i] += dy[i] * factor * (double)weight[i] - dfactor * slope * (double)x[i];
        }
    }
}

void bsm_reference_rms_norm_backward(size_t n, const float *x, const float *weight,
                                     const double *dy, double *dx, double *dweight)
{
    double factor = 1 / sqrt(mean_square(n, x) + 1e-5);
    double slope = factor * factor * factor / (double)n;
    scale_backward(n, x, factor, slope, weight, dy, dx, dweight);
}

void bsm_reference_l2_norm_backward(size_t n, const float *x, const float *gamma, const double *dy,
                                    double *dx, double *dgamma)
{
    double norm = sqrt(mean_square(n, x) * (double)n);
    double factor = sqrt((double)n) / fmax(norm, 1e-12);
    /* below that, the factor is constant */
    double slope = norm > 1e-12 ? factor / (norm * norm) : 0;
    scale_backward(n, x, factor, slope, gamma, dy, dx, dgamma);
}

void bsm_reference_merge_half_backward(size_t dim, const float *weight, const float *v,
                                       const float *x, const double *dy, double *dv, double *dx,
                                       double *dweight)
{
    for (size_t i = 0; i < dim; i++) {
        double sum = 0;
        for (size_t o = 0; o < dim; o++) {
            sum += dy[o] * (double)weight[i * dim + o];
            dweight[i * dim + o] += dy[o] * (double)(v[i] + x[i]);
        }
        dv[i] += sum;
        dx[i] += sum;
    }
}
