/* SPDX-License-Identifier: ISC */
/** The stages of the Mamba2 mixer over a slab of sequences. All functions work on space->mixer. */
#ifndef BSM_CUDA_MIXER_H
#define BSM_CUDA_MIXER_H

#include "workspace.h"

/** The rows of a slab. */
static inline size_t bsm_slab_rows(const bsm_slab *slab)
{
    return (size_t)slab->rows.batches * slab->rows.per;
}

/** The chunks of all sequences of a slab. */
static inline size_t bsm_slab_chunks(const bsm_slab *slab)
{
    return (size_t)slab->steps.sequences * slab->steps.chunks;
}

/** Return whether a state passes from one chunk to another, or is kept after one. */
static inline bool bsm_slab_has_states(const bsm_slab *slab)
{
    return slab->steps.chunks > 1 || slab->keep;
}

/** Make the slab of sequences [first, first + count) of a path, which start from zero states.
 *
 *  @param frames number of frames of x */
bsm_slab bsm_cuda_slab(bsm_steps steps, bool along_bands, size_t frames, size_t first,
                       size_t count);

/** The largest number of sequences of these steps that a slab can hold. */
size_t bsm_cuda_slab_sequences(const bsm_cuda_space *space, bsm_steps steps);

/** u = rms(x). If the norm's weights are folded into W_in, u is the same for both directions. */
void bsm_cuda_mixer_normalise(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                              const bsm_slab *slab);

/** raw_dt = the columns of dt of u W_in. If `other` is not NULL, that mixer's raw_dt follows; it
 *  must read the same u, and its weights must have been packed after those of `mixer`. */
void bsm_cuda_mixer_project_dt(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                               const bsm_cuda_mixer *other, const bsm_slab *slab);

/** zxBC = the other columns of u W_in. */
void bsm_cuda_mixer_project(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                            const bsm_slab *slab);

/** The same as float32, whatever precision the products read, into other memory. */
void bsm_cuda_mixer_project_floats(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                   const bsm_slab *slab, float *zxBC);

/** The arguments of the kernels of bsm_cuda_mixer_prepare. */
bsm_prepare bsm_cuda_mixer_preparation(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                       const bsm_slab *slab);

/** zxBC and dt -> decays, x, B and C, and scaled x if there are states and memory for it. */
void bsm_cuda_mixer_prepare(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                            const bsm_slab *slab);

/** G = C B^T of each chunk; all heads share it. */
void bsm_cuda_mixer_correlate(const bsm_cuda_space *space, const bsm_slab *slab);

/** Compute the state before each chunk, and what it contributes to the outputs of the chunk's
 *  steps. */
void bsm_cuda_mixer_states(const bsm_cuda_space *space, const bsm_slab *slab);

/** Compute only the state before each chunk, if the scan is one kernel. */
void bsm_cuda_mixer_states_fused(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                                 const bsm_slab *slab);

/** zxBC and dt -> y, in one kernel or by matrix products. */
void bsm_cuda_mixer_scan(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                         const bsm_slab *slab);

/** Projection, scan and gate: u and dt -> `gated`, the input of the output projection. */
void bsm_cuda_mixer_gated(const bsm_cuda_space *space, const bsm_cuda_mixer *mixer,
                          const bsm_slab *slab);

#endif
