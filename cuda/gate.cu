/* SPDX-License-Identifier: ISC */
/* The gate and its norm: a warp for each step. */
#include "steps.h"
#include "value.h"

enum { THREADS = 128 };

/* Where one step's numbers lie. */
struct gate_place {
    size_t chunk, row; /* the chunk, and the row in chunks */
    uint32_t step;     /* in the chunk */
    const float *z;
};

__device__ static float gated(const bsm_gate &g, const gate_place &place, uint32_t i)
{
    const uint32_t P = g.shape.headdim, chunk = g.steps.chunk;
    const size_t at = (place.chunk * g.shape.heads + i / P) * chunk + place.step;
    float y = g.inside[at * P + i % P];
    if (g.outside) {
        y += g.in[at] * g.outside[place.row * bsm_shape_inner(g.shape) + i];
    }
    return y * bsm_silu(place.z[i]);
}

template <class T> __global__ void gate(bsm_gate g)
{
    const uint32_t index = blockIdx.x * (blockDim.x / BSM_WARP) + threadIdx.x / BSM_WARP;
    if (index >= g.steps.sequences * g.steps.steps) {
        return;
    }
    const uint32_t inner = bsm_shape_inner(g.shape), lane = threadIdx.x % BSM_WARP;
    const uint32_t sequence = index / g.steps.steps, step = index % g.steps.steps;
    const size_t row = bsm_step_row(g.steps, sequence, step);
    gate_place place;
    place.chunk = bsm_chunk_of(g.steps, sequence, step, &place.step);
    place.row = place.chunk * g.steps.chunk + place.step;
    place.z = g.zxbcdt + row * bsm_shape_projected(g.shape);

    float sum = 0;
    for (uint32_t i = lane; i < inner; i += BSM_WARP) {
        const float value = gated(g, place, i);
        sum += value * value;
    }
    const float factor = 1.0f / sqrtf(bsm_warp_sum(sum) / (float)inner + 1e-5f);
    T *out = (T *)g.out + row * inner;
    for (uint32_t i = lane; i < inner; i += BSM_WARP) {
        out[i] = bsm_value<T>::from(gated(g, place, i) * factor * g.weight[i]);
    }
}

void bsm_kernel_gate(bsm_kernel_queue queue, const bsm_gate *gate_)
{
    const bsm_gate g = *gate_;
    const unsigned int blocks =
        bsm_blocks_for((size_t)g.steps.sequences * g.steps.steps, THREADS / BSM_WARP);
    if (queue.bf16) {
        BSM_LAUNCH(gate<bsm_bf16>, blocks, THREADS, queue.stream, g);
    } else {
        BSM_LAUNCH(gate<float>, blocks, THREADS, queue.stream, g);
    }
}
