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

/* The sequence whose first row in the group is `row`. */
static void sequence_forward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                             const bsm_group *group, size_t row, bsm_cpu_kept kept, float *states,
                             float *out)
{
    const bsm_config *config = mixer->config;
    size_t dim = config->dim, length = group->length;
    bsm_cpu_state state = bsm_cpu_state_at(config, scratch->state);
    state.zero = true;
    for (size_t first = 0, chunk = 0, rows; first < length; first += rows, chunk++) {
        rows = length - first < BSM_CHUNK ? length - first : BSM_CHUNK;
        const float *x = scratch->x + (row + bsm_mixer_row(mixer, length, first)) * dim;
        kept.S = bsm_mixer_state(config, states, chunk + 1);
        memset(scratch->out, 0, rows * dim * sizeof *scratch->out);
        bsm_cpu_mixer_chunk(&scratch->tile, &mixer->packed, rows, x, bsm_mixer_step(mixer), &state,
                            first + rows == length, scratch->out, &kept);
        add_residual(mixer, scratch, group, row, first, rows, out);
        kept.projected += rows * bsm_cpu_training_projected(config);
        kept.y += rows * bsm_config_d_inner(config);
    }
}

void bsm_mixer_forward(const bsm_cpu_training_mixer *mixer, bsm_group_scratch *scratch,
                       const bsm_group *group, const bsm_kept_direction *kept, float *out)
{
    const bsm_config *config = mixer->config;
    for (size_t s = 0; s < group->sequences; s++) {
        size_t row = s * group->length;
        bsm_cpu_kept own = {.projected = kept->projected + row * bsm_cpu_training_projected(config),
                            .y = kept->y + row * bsm_config_d_inner(config)};
        sequence_forward(mixer, scratch, group, row, own,
                         kept->states + s * bsm_cpu_training_states(config, group->length), out);
    }
}
