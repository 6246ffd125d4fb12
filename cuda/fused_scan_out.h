/* SPDX-License-Identifier: ISC */
/** y of the scans in one kernel on its way out. A warp has 16 rows of it in fragments, of which
 *  a lane has pairs; from memory whole rows come and go much quicker. So eight rows at a time go
 *  through shared memory, and are gated where they are whole. */
#ifndef BSM_CUDA_FUSED_SCAN_OUT_H
#define BSM_CUDA_FUSED_SCAN_OUT_H

#include "fused_scan_parts.h"

namespace bsm_fused
{

/* Where a row of y lies, and where its gates do. */
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

/* The gates of some heads are far away: they are asked for before y is made. */
template <uint32_t P>
__device__ void prefetch_gates(const bsm_fused_scan &s, const head_place &h, uint32_t heads)
{
    const uint32_t half = h.lane_column / 2 % 2, head = h.lane_column / 4;
    const y_row r(s, h, first_step() + h.lane_row + half * 8);
    if (s.squares && head < heads && r.there) {
        bsm_prefetch(r.z(s, (h.head + head) * P));
    }
}

/* A warp's rows. Groups of eight numbers lie in another order in each row, and halves of groups in
 * another in the second four groups, so that neither the lanes that write nor those that read use
 * a bank twice. */
template <uint32_t P> struct rows_out {
    enum { ROWS = 8, GROUPS = P / 8, TURNS = ROWS * GROUPS / BSM_WARP };
    static_assert(P == 32 || P == 64, "a group's half is named by one bit of its number");
    float rows[ROWS][P];

    /* Half a group of a row: `half` 0 or 1. */
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

/* A lane's numbers of a row times their gates; the sum of the row's squares, which several lanes
 * have. */
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

/* Eight rows, from step `first` on: number `two` and the next one of each fragment. */
template <uint32_t P>
__device__ void store_eight(const bsm_fused_scan &s, const head_place &h, uint32_t first,
                            const bsm_sums *y, uint32_t two, rows_out<P> *out)
{
    const uint32_t LANES = rows_out<P>::GROUPS, TURNS = rows_out<P>::TURNS;
    const uint32_t lane = threadIdx.x % BSM_WARP;
    const uint32_t group = lane % LANES, column = h.head * P + group * 8;
    eight_gates gates[TURNS] = {}; /* on their way while the rows change hands */
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
    __syncwarp(); /* all have read before the next eight are written */
}

/* y; gated and with its squares' sums, if they are wanted. `out` is the warp's alone. */
template <uint32_t P>
__device__ void store_y(const bsm_fused_scan &s, const head_place &h, uint32_t first,
                        const bsm_sums *y, rows_out<P> *out)
{
    store_eight<P>(s, h, first, y, 0, out);
    store_eight<P>(s, h, first + 8, y, 2, out);
}

} // namespace bsm_fused

#endif
