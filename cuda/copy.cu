/* SPDX-License-Identifier: ISC */
/* Converts whole buffers to bfloat16. */
#include "kernels.h"
#include "value.h"

enum { THREADS = 256 };

static __global__ void to_bf16(size_t count, const float *in, bsm_bf16 *out)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) {
        out[i] = bsm_value<bsm_bf16>::from(in[i]);
    }
}

void bsm_kernel_to_bf16(void *stream, size_t count, const float *in, void *out)
{
    BSM_LAUNCH_FLAT(to_bf16, bsm_blocks_for(count, THREADS), THREADS, stream, count, in,
                    (bsm_bf16 *)out);
}
