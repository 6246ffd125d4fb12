/* SPDX-License-Identifier: ISC */
/** Helpers to walk along the steps of a channel, and to hold the inputs that its convolution still
 *  needs. For kernels. */
#ifndef BSM_CUDA_TAPS_H
#define BSM_CUDA_TAPS_H

#include "steps.h"

/** BSM_FEW_TAPS can be held in registers; convolutions with more taps are slow. BSM_MOST_TAPS is
 *  the most that the kernels can compute. */
enum { BSM_FEW_TAPS = 4, BSM_MOST_TAPS = 64 };

/** The last MOST inputs of a channel and their weights, the newest last. If the convolution has
 *  fewer taps, the first weights are zero. */
template <uint32_t MOST> struct bsm_taps {
    float weight[MOST], x[MOST];

    __device__ void start(const float *weights, uint32_t taps, uint32_t channel)
    {
        BSM_UNROLL
        for (uint32_t k = 0; k < MOST; k++) {
            const bool there = k + taps >= MOST;
            weight[k] = there ? weights[(size_t)channel * taps + k + taps - MOST] : 0.0f;
            x[k] = 0;
        }
    }
    __device__ void push(float input)
    {
        BSM_UNROLL
        for (uint32_t k = 0; k + 1 < MOST; k++) {
            x[k] = x[k + 1];
        }
        x[MOST - 1] = input;
    }
    __device__ float sum() const
    {
        float sum = 0;
        BSM_UNROLL
        for (uint32_t k = 0; k < MOST; k++) {
            sum += weight[k] * x[k];
        }
        return sum;
    }
};

/** A walk down one column of an array with rows of `width` numbers, along the steps of a
 *  sequence. */
template <class T> struct bsm_walk {
    T *at; /* the next step's number */
    ptrdiff_t stride;

    __device__ bsm_walk(const bsm_steps &s, uint32_t sequence, uint32_t step, uint32_t width,
                        T *column)
        : at(column + bsm_step_row(s, sequence, step) * width),
          stride((ptrdiff_t)s.step_stride * width * (s.reversed ? -1 : 1))
    {
    }
    /** After the last step, `at` points outside the rows and must not be read. */
    __device__ void next()
    {
        at += stride;
    }
    /** Load the numbers of the next COUNT steps, or of `left` if that is less; the rest are zero.
     *  All loads are under way at the same time, which would be impossible with stores between
     *  them. */
    template <uint32_t COUNT, class U> __device__ void take(uint32_t left, U *numbers)
    {
        BSM_UNROLL
        for (uint32_t k = 0; k < COUNT; k++) {
            numbers[k] = U{};
            if (k < left) {
                numbers[k] = at[(ptrdiff_t)k * stride];
            }
        }
        at += (ptrdiff_t)COUNT * stride;
    }
};

#endif
