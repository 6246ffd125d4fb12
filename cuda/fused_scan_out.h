/* SPDX-License-Identifier: ISC */
/** Writes y of the fused scans. A warp holds 16 rows of y in fragments, in which each lane has
 *  pairs of neighbours; but memory is accessed much faster by whole rows. So eight rows at a time
 *  are exchanged through shared memory, and gated when they are whole. */
#ifndef BSM_CUDA_FUSED_SCAN_OUT_H
#define BSM_CUDA_FUSED_SCAN_OUT_H

#include "fused_scan_parts.h"

namespace bsm_fused
{

/* The row of a step in y and in the gates z. */
struct y_row {
    size_t row;
    bool there;

    __device__ y_row() : row(0), there(false) {}
    __device__ y_row(const bsm_fused_scan &s, const head_place &h, uint32_t i)
        : row(0), there(i < h.place.length)
    {
        if (there) {
            row = bsm_step_row(s.steps, h.sequence, h.place.first + i);
        }
    }
    __device__ const bsm_bf16 *z(const bsm_fused_scan &s, uint32_t column) const
    {
        return (const bsm_bf16 *)s.zxBC + row * bsm_shape_zxBC(s.shape) + column;
    }
};

/* Prefetch the gates of `heads` heads before y is computed, because loading them takes long. */
template <uint32_t P>
__device__ void prefetch_gates(const bsm_fused_scan &s, const head_place &h, uint32_t heads)
{
    const uint32_t half = h.lane_column / 2 % 2, head = h.lane_column / 4;
    const y_row r(s, h, first_step() + h.lane_row + half * 8);
    if (s.squares && head < heads && r.there) {
        bsm_prefetch(r.z(s, (h.head + head) * P));
    }
}

/* Eight rows of a warp. Groups of eight numbers are permuted differently in each row, and the
 * halves of the second four groups are swapped, so that neither the lanes that write nor those that
 * read access a bank twice at the same time. */
template <uint32_t P> struct rows_out {
    enum { ROWS = 8, GROUPS = P / 8, TURNS = ROWS * GROUPS / BSM_WARP };
    static_assert(P == 32 || P == 64, "a group's half is named by one bit of its number");
    float rows[ROWS][P];

    /* The address of half a group of a row; `half` is 0 or 1. */
    __device__ float *at(uint32_t row, uint32_t group, uint32_t half)
    {
        return rows[row] + (group ^ row % GROUPS) * 8 + (half ^ group / 4) * 4;
    }
    __device__ void write(const head_place &h, const bsm_sums *y, uint32_t two)
    {
        BSM_UNROLL
        for (uint32_t p = 0; p < GROUPS; p++) {
            bsm_store<2>(at(h.lane_row, p, h.lane_column / 4) + h.lane_column % 4, &y[p].c[two]);
        }
    }
    __device__ void read(uint32_t row, uint32_t group, float *numbers)
    {
        bsm_load<4>(at(row, group, 0), numbers);
        bsm_load<4>(at(row, group, 1), numbers + 4);
    }
};

typedef bsm_pack<bsm_bf16, 8> eight_gates;

/* Multiply a lane's numbers by their gates. Return the sum of the row's squares, over the LANES
 * lanes that hold the row. */
template <uint32_t LANES> __device__ float gate_eight(const eight_gates &gates, float *numbers)
{
    float sum = 0;
    BSM_UNROLL
    for (uint32_t i = 0; i < 8; i++) {
        numbers[i] *= bsm_silu_of<bsm_bf16>(bsm_value<bsm_bf16>::to_float(gates.values[i]));
        sum += numbers[i] * numbers[i];
    }
    BSM_UNROLL
    for (uint32_t lane = 1; lane < LANES; lane *= 2) {
        sum += __shfl_xor_sync(BSM_ALL_LANES, sum, lane);
    }
    return sum;
}

/* Write eight rows, from step `first` on. They are the sums `two` and `two` + 1 of each
 * fragment. */
template <uint32_t P>
__device__ void store_eight(const bsm_fused_scan &s, const head_place &h, uint32_t first,
                            const bsm_sums *y, uint32_t two, rows_out<P> *out)
{
    const uint32_t LANES = rows_out<P>::GROUPS, TURNS = rows_out<P>::TURNS;
    const uint32_t lane = threadIdx.x % BSM_WARP;
    const uint32_t group = lane % LANES, column = h.head * P + group * 8;
    eight_gates gates[TURNS] = {}; /* loaded while the rows are exchanged */
    y_row rows[TURNS];
    BSM_UNROLL
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        rows[turn] = y_row(s, h, first + (turn * BSM_WARP + lane) / LANES);
        if (s.squares && rows[turn].there) {
            gates[turn] = *(const eight_gates *)rows[turn].z(s, column);
        }
    }
    out->write(h, y, two);
    __syncwarp();
    BSM_UNROLL
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        const y_row &r = rows[turn];
        float numbers[8];
        out->read((turn * BSM_WARP + lane) / LANES, group, numbers);
        const float square = s.squares ? gate_eight<LANES>(gates[turn], numbers) : 0.0f;
        if (r.there) {
            bsm_store_eight((bsm_bf16 *)s.y + r.row * bsm_shape_inner(s.shape) + column, numbers);
        }
        if (s.squares && r.there && group == 0) {
            s.squares[r.row * s.shape.heads + h.head] = square;
        }
    }
    __syncwarp(); /* all lanes must have read before the next eight rows are written */
}

/* Write y of 16 steps, gated and with its sums of squares if they are wanted. `out` belongs to the
 * warp alone. */
template <uint32_t P>
__device__ void store_y(const bsm_fused_scan &s, const head_place &h, uint32_t first,
                        const bsm_sums *y, rows_out<P> *out)
{
    store_eight<P>(s, h, first, y, 0, out);
    store_eight<P>(s, h, first + 8, y, 2, out);
}

} // namespace bsm_fused

#endif
