/* SPDX-License-Identifier: ISC */
/* Which of the compiled instruction sets the processor has. */
#include "base/instruction_sets.h"

size_t bsm_instruction_sets(void)
{
#ifdef BSM_X86_64_KERNELS
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        return 1;
    }
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl")) {
        return 2;
    }
    return 3;
#else
    return 1;
#endif
}
