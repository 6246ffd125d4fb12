/* SPDX-License-Identifier: ISC */
/** The Mamba2 mixer over a slab of sequences, in steps. All work on space->mixer. */
#ifndef BSM_CUDA_MIXER_H
#define BSM_CUDA_MIXER_H

#include "workspace.h"

/** Rows of a slab. */
static inline size_t bsm_slab_rows(const bsm_slab *slab)
{
    return (size_t)slab->rows.batches * slab->rows.per;
}

/** Chunks of all its sequences. */
static inline size_t bsm_slab_chunks(const bsm_slab *slab)
{
    return (size_t)slab->steps.sequences * slab->steps.chunks;
}

/** Whether a state goes from one chunk to another, or out of the last one. */
static inline bool bsm_slab_has_states(const bsm_slab *slab)
{
    return slab->steps.chunks > 1 || slab->keep;
}

/** Sequences [first, first + count) of a path: the slab of `steps`, from zero states.
 *  @param frames of x */
bsm_slab bsm_cuda_slab(bsm_steps steps, bool along_bands, size_t frames, size_t first,
                       size_t count);

/** How many sequences of these steps a slab takes at most. */
size_t bsm_cuda_slab_sequences(const bsm_cuda_space *space, bsm_steps steps);

/** u = n(x); where the norm's weights are in W_in without them, and so for both directions. */
void bsm_cuda_mixer_normalise(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                              const bsm_slab *slab);

/** dt = u W_in of a mixer, and behind it, if there is one, of another that reads the same u and
 *  whose weights were packed later. */
void bsm_cuda_mixer_project_dt(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                               const bsm_cuda_mixer *other, const bsm_slab *slab);

/** zxBC = u W_in */
void bsm_cuda_mixer_project(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                            const bsm_slab *slab);

/** The same as float32, in whatever precision products read, into other memory. */
void bsm_cuda_mixer_project_floats(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                   const bsm_slab *slab, float *zxBC);

/** What the kernels of bsm_cuda_mixer_prepare are given. */
bsm_prepare bsm_cuda_mixer_preparation(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                       const bsm_slab *slab);

/** zxBC and dt -> decays, x, B, C, and x scaled if there are states and the memory for it. */
void bsm_cuda_mixer_prepare(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                            const bsm_slab *slab);

/** G = C B^T, once for all heads. */
void bsm_cuda_mixer_correlate(const bsm_cuda_space *space, const bsm_slab *slab);

/** The state before each chunk, and what it gives to the chunk's steps. */
void bsm_cuda_mixer_states(const bsm_cuda_space *space, const bsm_slab *slab);

/** The state before each chunk alone, where the scan is one kernel. */
void bsm_cuda_mixer_states_fused(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                 const bsm_slab *slab);

/** zxBC and dt -> y, in one kernel or by products. */
void bsm_cuda_mixer_scan(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                         const bsm_slab *slab);

/** Projection, scan and gate: u and dt -> what goes into the output projection. */
void bsm_cuda_mixer_gated(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                          const bsm_slab *slab);

#endif
