/* SPDX-License-Identifier: ISC */
/* The gate and its norm: a warp for each row. */
#include "exec.h"
#include "kernels.h"
#include "value.h"

/* KEPT: gated numbers that a lane holds from the norm's sum until they are written. */
enum { THREADS = 128, KEPT = 32 };

template <class T> struct gate_row {
    const T *y, *z;
    uint32_t inner;

    /* Number `i`, or zero behind the end. */
    __device__ float at(uint32_t i) const
    {
        return i < inner ? bsm_value<T>::to_float(y[i]) * bsm_silu(bsm_value<T>::to_float(z[i]))
                         : 0.0f;
    }
};

template <class T> __global__ void gate(bsm_gate g)
{
    const uint32_t r = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    if (r >= g.rows) {
        return;
    }
    const uint32_t inner = bsm_shape_inner(g.shape), lane = threadIdx.x % BSM_WARP;
    const gate_row<T> row = {(const T *)g.y + (size_t)r * inner,
                             (const T *)g.zxBC + (size_t)r * bsm_shape_zxBC(g.shape), inner};
    float kept[KEPT], sum = 0;
    BSM_UNROLL
    for (uint32_t k = 0; k < KEPT; k++) {
        kept[k] = row.at(k * BSM_WARP + lane);
        sum += kept[k] * kept[k];
    }
    for (uint32_t i = KEPT * BSM_WARP + lane; i < inner; i += BSM_WARP) {
        sum += row.at(i) * row.at(i);
    }
    const float factor = 1.0f / sqrtf(bsm_warp_sum(sum) / (float)inner + 1e-5f);
    T *out = (T *)g.out + (size_t)r * inner;
    BSM_UNROLL
    for (uint32_t k = 0; k < KEPT; k++) {
        const uint32_t i = k * BSM_WARP + lane;
        if (i < inner) {
            out[i] = bsm_value<T>::from(kept[k] * factor * g.weight[i]);
        }
    }
    for (uint32_t i = KEPT * BSM_WARP + lane; i < inner; i += BSM_WARP) {
        out[i] = bsm_value<T>::from(row.at(i) * factor * g.weight[i]);
    }
}

void bsm_kernel_gate(bsm_kernel_queue queue, const bsm_gate *gate_)
{
    const bsm_gate g = *gate_;
    const unsigned int blocks = bsm_blocks_for(g.rows, THREADS / BSM_WARP);
    if (queue.bf16) {
        BSM_LAUNCH(gate<bsm_bf16>, blocks, THREADS, queue.stream, g);
    } else {
        BSM_LAUNCH(gate<float>, blocks, THREADS, queue.stream, g);
    }
}
