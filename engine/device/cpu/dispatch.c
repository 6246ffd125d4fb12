/* SPDX-License-Identifier: ISC */
/* Chooses the kernels for this processor. */
#include "base/machine.h"
#include "device/cpu/kernels.h"

extern const bsm_kernels bsm_kernels_baseline;
#ifdef BSM_X86_64_KERNELS
extern const bsm_kernels bsm_kernels_avx2, bsm_kernels_avx512;
#endif

static const bsm_kernels *const sets[] = {
    &bsm_kernels_baseline,
#ifdef BSM_X86_64_KERNELS
    &bsm_kernels_avx2,
    &bsm_kernels_avx512,
#endif
};

const bsm_kernels *bsm_kernels_at(size_t index)
{
    return index < bsm_instruction_sets() ? sets[index] : NULL;
}

const bsm_kernels *bsm_kernels_get(void)
{
    return sets[bsm_instruction_sets() - 1];
}
