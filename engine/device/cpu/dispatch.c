/* SPDX-License-Identifier: ISC */
/* Chooses the kernels for the processor that this runs on. */
#include "device/cpu/kernels.h"

extern const bsm_kernels bsm_kernels_baseline;
#ifdef BSM_X86_64_KERNELS
extern const bsm_kernels bsm_kernels_avx2, bsm_kernels_avx512;
#endif

const bsm_kernels *bsm_kernels_at(size_t index)
{
    const bsm_kernels *usable[3] = {&bsm_kernels_baseline};
    size_t count = 1;
#ifdef BSM_X86_64_KERNELS
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        usable[count++] = &bsm_kernels_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
            usable[count++] = &bsm_kernels_avx512;
        }
    }
#endif
    return index < count ? usable[index] : NULL;
}

const bsm_kernels *bsm_kernels_get(void)
{
    const bsm_kernels *best = bsm_kernels_at(0);
    for (size_t i = 1; bsm_kernels_at(i); i++) {
        best = bsm_kernels_at(i);
    }
    return best;
}
