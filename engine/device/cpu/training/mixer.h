/* SPDX-License-Identifier: ISC */
/** One direction of a path on a group of sequences. */
#ifndef BSM_CPU_TRAINING_MIXER_H
#define BSM_CPU_TRAINING_MIXER_H

#include "device/cpu/training/space.h"

/** Whole sequences, one below the other. */
typedef struct bsm_group {
    size_t first;             /**< index in the path of the first sequence */
    size_t sequences, length; /**< the number of sequences, and the steps of each */
    size_t rows;              /**< their product */
} bsm_group;

typedef struct bsm_cpu_training_mixer {
    const bsm_config *config;
    const bsm_kernels *kernels;
    const bsm_mixer_weights *weights;
    const float *conv_weight; /**< [d_conv][conv_dim] */
    const float *A;           /**< [heads] */
    bool reversed;            /**< the direction runs from the last step to the first */
    double dropout;
    uint64_t dropout_key;
} bsm_cpu_training_mixer;

/** Where the gradients of a mixer's weights are added. */
typedef struct bsm_mixer_gradients {
    float *in_proj, *out_proj; /**< one for each of the weights */
    bsm_mixer_sums *sums;
} bsm_mixer_gradients;

/** A chunk of a sequence; all chunks of it have about the same length. */
typedef struct bsm_chunk_place {
    size_t index, first, rows;
    bool last;
} bsm_chunk_place;

bsm_chunk_place bsm_mixer_chunk(size_t length, size_t index);

/** Normalise the input: from scratch->x to scratch->u, in the direction's order. */
void bsm_mixer_normalise(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                         const bsm_group *group);

/** Compute the convolution and the decays of a chunk from the projected sequence. */
bsm_conv bsm_mixer_convolution(const bsm_cpu_training_mixer *mixer, const float *projected,
                               const bsm_chunk_place *c);
void bsm_mixer_decays(const bsm_cpu_training_mixer *mixer, const float *projected,
                      const bsm_chunk_place *c, const bsm_decay *decay);

/** Compute the mixer on scratch->x, add x, and write the result to the columns at `out` of
 *  kept.pair. */
void bsm_mixer_forward(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                       const bsm_group *group, const bsm_kept_direction *kept, float *out);

/** scratch->d_x += the gradient through the columns at `d_out` of scratch->d_pair. */
void bsm_mixer_backward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                        const bsm_group *group, const bsm_kept_direction *kept, const float *d_out,
                        const bsm_mixer_gradients *gradients);

/** The state before a chunk, which is kept at `states` for its sequence; NULL means zero. */
static inline float *bsm_mixer_state(const bsm_config *config, float *states, size_t chunk)
{
    return chunk ? states + (chunk - 1) * config->d_state * bsm_cpu_ld(bsm_config_d_inner(config))
                 : NULL;
}

/** The row in the sequence that belongs to step `step` of the direction's own order. */
static inline size_t bsm_mixer_row(const bsm_cpu_training_mixer *mixer, size_t length, size_t step)
{
    return mixer->reversed ? length - 1 - step : step;
}

/** Where in x, in floats, the first step is of the sequence whose first row in the group is
 *  `row`. */
static inline size_t bsm_mixer_first_step(const bsm_cpu_training_mixer *mixer,
                                          const bsm_group *group, size_t row)
{
    return (row + bsm_mixer_row(mixer, group->length, 0)) * mixer->config->dim;
}

/** The distance from a step's row to the next one's, in floats. */
static inline ptrdiff_t bsm_mixer_step(const bsm_cpu_training_mixer *mixer)
{
    ptrdiff_t dim = (ptrdiff_t)mixer->config->dim;
    return mixer->reversed ? -dim : dim;
}

/** The factor of dropout for one of the mixer's outputs; `row` counts the path's rows in the
 *  sequences' order. */
static inline float bsm_mixer_dropout(const bsm_cpu_training_mixer *mixer, size_t row,
                                      size_t feature)
{
    return bsm_dropout_factor(mixer->dropout_key, row * mixer->config->dim + feature,
                              mixer->dropout);
}

#endif
