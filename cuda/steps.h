/* SPDX-License-Identifier: ISC */
/** The positions of steps, chunks and rows. For kernels. */
#ifndef BSM_CUDA_STEPS_H
#define BSM_CUDA_STEPS_H

#include "exec.h"
#include "kernels.h"

/** The row of x that row `r` of a scratch buffer holds. */
__device__ inline size_t bsm_row_of(const bsm_rows &rows, uint32_t r)
{
    return rows.first + (size_t)(r / rows.per) * rows.stride + r % rows.per;
}

/** One chunk: its sequence, its first step and its number of steps. */
struct bsm_cuda_chunk_place {
    uint32_t sequence, first, length;
};

/** Return chunk `c` of a sequence. */
__device__ inline bsm_cuda_chunk_place bsm_chunk_in(const bsm_steps &s, uint32_t sequence,
                                                    uint32_t c)
{
    const bool before = c < s.split_chunks;
    bsm_cuda_chunk_place place;
    place.sequence = sequence;
    place.first = before ? c * s.chunk : s.split + (c - s.split_chunks) * s.chunk;
    const uint32_t left = (before ? s.split : s.steps) - place.first;
    place.length = left < s.chunk ? left : s.chunk;
    return place;
}

/** Return a chunk by its index among the chunks of all sequences. */
__device__ inline bsm_cuda_chunk_place bsm_chunk_at(const bsm_steps &s, uint32_t index)
{
    return bsm_chunk_in(s, index / s.chunks, index % s.chunks);
}

/** The row of a step in a buffer "in rows". */
__device__ inline size_t bsm_step_row(const bsm_steps &s, uint32_t sequence, uint32_t step)
{
    const uint32_t i = s.reversed ? s.steps - 1 - step : step;
    return (size_t)sequence * s.sequence_stride + (size_t)i * s.step_stride;
}

/** The chunk that a step lies in, as an index among the chunks of all sequences; *place is the
 *  step's index in that chunk. */
__device__ inline size_t bsm_chunk_of(const bsm_steps &s, uint32_t sequence, uint32_t step,
                                      uint32_t *place)
{
    const bool before = step < s.split;
    const uint32_t from = before ? step : step - s.split;
    *place = from % s.chunk;
    return (size_t)sequence * s.chunks + (before ? 0 : s.split_chunks) + from / s.chunk;
}

#endif
