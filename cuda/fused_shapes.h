/* SPDX-License-Identifier: ISC */
/** The shapes of mixers whose scan is one kernel. For .cu files. */
#ifndef BSM_CUDA_FUSED_SHAPES_H
#define BSM_CUDA_FUSED_SHAPES_H

#include <stdint.h>

namespace bsm_fused
{

/* The channels of a head and the states, as a compiler has to know them. */
template <uint32_t HEADDIM, uint32_t STATES> struct shape {
    static const uint32_t P = HEADDIM, N = STATES;
};

template <uint32_t P, class work> bool with_states(uint32_t d_state, const work &do_it)
{
    switch (d_state) {
    case 32: do_it(shape<P, 32>()); return true;
    case 64: do_it(shape<P, 64>()); return true;
    case 128: do_it(shape<P, 128>()); return true;
    default: return false;
    }
}

/* Do `work` with the shape; false: there is no kernel for it. */
template <class work> bool with_shape(uint32_t headdim, uint32_t d_state, const work &do_it)
{
    switch (headdim) {
    case 32: return with_states<32>(d_state, do_it);
    case 64: return with_states<64>(d_state, do_it);
    default: return false;
    }
}

} // namespace bsm_fused

#endif
