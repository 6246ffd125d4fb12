/* SPDX-License-Identifier: ISC */
/* Linear layers and norms. */
#include <math.h>

#include "device/reference/modules.h"

void bsm_reference_linear(size_t in, size_t out, const float *x, const bsm_linear *linear, float *y)
{
    for (size_t o = 0; o < out; o++) {
        const float *w = linear->weight + o * in;
        double sum = linear->bias ? (double)linear->bias[o] : 0.0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < in; i++) {
            sum += (double)w[i] * (double)x[i];
        }
        y[o] = (float)sum;
    }
}

static double sum_of_squares(size_t n, const float *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum;
}

static void scale(size_t n, const float *x, double factor, const float *weight, float *y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = (float)((double)x[i] * factor * (double)weight[i]);
    }
}

void bsm_reference_rms_norm(size_t n, const float *x, const float *weight, float *y)
{
    scale(n, x, 1 / sqrt(sum_of_squares(n, x) / (double)n + 1e-5), weight, y);
}

void bsm_reference_l2_norm(size_t n, const float *x, const float *gamma, float *y)
{
    scale(n, x, sqrt((double)n) / fmax(sqrt(sum_of_squares(n, x)), 1e-12), gamma, y);
}

void bsm_reference_merge(size_t dim, const bsm_path_weights *weights, const float *forward,
                         const float *backward, const float *x, float *y)
{
    const float *upper = weights->merge_weight, *lower = upper + dim * dim;
    for (size_t o = 0; o < dim; o++) {
        double sum = (double)weights->merge_bias[o] + (double)x[o];
        for (size_t i = 0; i < dim; i++) {
            sum += (double)(forward[i] + x[i]) * (double)upper[i * dim + o];
            sum += (double)(backward[i] + x[i]) * (double)lower[i * dim + o];
        }
        y[o] = (float)sum;
    }
}
