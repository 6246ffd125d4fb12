/* SPDX-License-Identifier: ISC */
/* A mixer forward, keeping what its backward needs. */
#include "device/cpu/training/mixer.h"

#include <string.h>

/* out = x + dropout(M) for a chunk that starts at step `first` of the sequence at `row`, back in
 * the sequence's order. */
static void add_residual(const bsm_cpu_training_mixer *mixer, const bsm_group_scratch *scratch,
                         const bsm_group *group, size_t row, size_t first, size_t rows, float *out)
{
    size_t dim = mixer->config->dim;
    for (size_t r = 0; r < rows; r++) {
        size_t at = row + bsm_mixer_row(mixer, group->length, first + r);
        const float *x = scratch->x + at * dim, *mixed = scratch->out + r * dim;
        float *to = out + at * 2 * dim;
        for (size_t i = 0; i < dim; i++) {
            float kept = mixer->dropout > 0
                             ? bsm_mixer_dropout(mixer, group->first * group->length + at, i)
                             : 1;
            to[i] = x[i] + kept * mixed[i];
        }
    }
}

/* What is kept of a row of the group and those after it. */
static bsm_cpu_kept kept_of(const bsm_cpu_training_mixer *mixer, const bsm_kept_direction *kept,
                            size_t row)
{
    return (bsm_cpu_kept){.projected =
                              kept->projected + row * bsm_cpu_training_projected(mixer->config),
                          .y = kept->y + row * bsm_config_d_inner(mixer->config),
                          .for_long = kept->for_long};
}

/* The sequence whose first row in the group is `row`. */
static void sequence_forward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                             const bsm_group *group, size_t row, const bsm_kept_direction *kept,
                             float *out)
{
    const bsm_config *config = mixer->config;
    size_t dim = config->dim, length = group->length;
    size_t states = row / length * bsm_cpu_training_states(config, length);
    bsm_cpu_state state = bsm_cpu_state_at(config, scratch->state);
    state.zero = true;
    for (size_t first = 0, chunk = 0, rows; first < length; first += rows, chunk++) {
        rows = length - first < BSM_CHUNK ? length - first : BSM_CHUNK;
        const float *x = scratch->x + (row + bsm_mixer_row(mixer, length, first)) * dim;
        bsm_cpu_kept own;
        if (kept) {
            own = kept_of(mixer, kept, row + first);
            own.S = bsm_mixer_state(config, kept->states + states, chunk + 1);
        }
        memset(scratch->out, 0, rows * dim * sizeof *scratch->out);
        bsm_cpu_mixer_chunk(&scratch->tile, &mixer->packed, rows, x, bsm_mixer_step(mixer), &state,
                            first + rows == length, scratch->out, kept ? &own : NULL);
        add_residual(mixer, scratch, group, row, first, rows, out);
    }
}

void bsm_mixer_forward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                       const bsm_group *group, const bsm_kept_direction *kept, float *out)
{
    for (size_t row = 0; row < group->rows; row += group->length) {
        sequence_forward(mixer, scratch, group, row, kept, out);
    }
}
