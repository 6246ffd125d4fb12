/* SPDX-License-Identifier: ISC */
/* Divides the memory for training. */
#include "device/cpu/training/space.h"

size_t bsm_cpu_training_projected(const bsm_config *config)
{
    return bsm_config_d_inner(config) + bsm_config_conv_dim(config) + bsm_config_heads(config);
}

size_t bsm_cpu_training_chunks(size_t length)
{
    return (length + BSM_CHUNK - 1) / BSM_CHUNK;
}

size_t bsm_cpu_training_states(const bsm_config *config, size_t length)
{
    return (bsm_cpu_training_chunks(length) - 1) * config->d_state *
           bsm_cpu_ld(bsm_config_d_inner(config));
}

size_t bsm_cpu_training_features(const bsm_config *config, size_t band)
{
    return 2 * config->channels * config->bands[band];
}

size_t bsm_cpu_training_offset(const bsm_config *config, size_t band)
{
    size_t offset = 0;
    for (size_t k = 0; k < band; k++) {
        offset += bsm_cpu_training_features(config, k);
    }
    return offset;
}

static size_t max(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static bsm_grouping group(size_t sequences, size_t length, size_t threads)
{
    size_t per_group = max(1, BSM_GROUP_ROWS / length);
    size_t groups = divide_up(divide_up(sequences, per_group), threads) * threads;
    bsm_grouping g = {.sequences = sequences, .length = length, .groups = min(groups, sequences)};
    g.max_rows = divide_up(sequences, g.groups) * length;
    return g;
}

static bsm_kept_path divide_kept(const bsm_config *config, bsm_carver *carver, size_t rows,
                                 size_t states)
{
    bsm_kept_path kept;
    kept.pair = bsm_carve_floats(carver, rows * 2 * config->dim);
    for (size_t d = 0; d < 2; d++) {
        kept.directions[d].projected =
            bsm_carve_floats(carver, rows * bsm_cpu_training_projected(config));
        kept.directions[d].y = bsm_carve_floats(carver, rows * bsm_config_d_inner(config));
        kept.directions[d].states = bsm_carve_floats(carver, states);
    }
    return kept;
}

/* ---- A thread ---- */

static bsm_mixer_sums divide_mixer_sums(const bsm_config *config, bsm_carver *carver)
{
    size_t conv_dim = bsm_config_conv_dim(config), heads = bsm_config_heads(config);
    bsm_mixer_sums sums;
    sums.norm = bsm_carve_floats(carver, config->dim);
    sums.conv_weight = bsm_carve_floats(carver, config->d_conv * conv_dim);
    sums.conv_bias = bsm_carve_floats(carver, conv_dim);
    sums.dt_bias = bsm_carve_floats(carver, heads);
    sums.A = bsm_carve_floats(carver, heads);
    sums.D = bsm_carve_floats(carver, heads);
    sums.gate_norm = bsm_carve_floats(carver, bsm_config_d_inner(config));
    return sums;
}

static void divide_sums(const bsm_config *config, bsm_carver *carver, bsm_group_scratch *s)
{
    size_t start = carver->used;
    s->sums = bsm_carve(carver, 0);
    s->mixers[0] = divide_mixer_sums(config, carver);
    s->mixers[1] = divide_mixer_sums(config, carver);
    s->merge_bias = bsm_carve_floats(carver, config->dim);
    s->num_sums = (carver->used - start) / sizeof(float);
}

/* The floats of the states of a group's sequences in one direction. */
static size_t group_states(const bsm_config *config, const bsm_grouping *grouping)
{
    return grouping->max_rows / grouping->length *
           bsm_cpu_training_states(config, grouping->length);
}

/* The mixer's memory for one sequence, forward and backward. */
static void divide_mixer(const bsm_config *config, const bsm_kernels *kernels, bsm_carver *carver,
                         bsm_group_scratch *s)
{
    size_t ld_xbc = bsm_cpu_ld(bsm_config_conv_dim(config));
    size_t state = config->d_state * bsm_cpu_ld(bsm_config_d_inner(config));
    s->tile = bsm_cpu_tile_at(config, kernels, bsm_carve(carver, bsm_cpu_tile_size(config)));
    s->state = bsm_carve_floats(carver, bsm_cpu_state_size(config));
    s->d_S = bsm_carve_floats(carver, state);
    s->slope = bsm_carve_floats(carver, BSM_CHUNK * ld_xbc);
    s->d_xbc = bsm_carve_floats(carver, (BSM_CHUNK + config->d_conv - 1) * ld_xbc);
    s->scan = bsm_scan_scratch_carve(carver, config, kernels);
}

static bsm_products divide_products(const bsm_cpu_training_space *space, bsm_carver *carver)
{
    return (bsm_products){.kernels = space->kernels,
                          .bf16 = space->bf16,
                          .space = bsm_carve(carver, bsm_products_space(space->bf16 != NULL))};
}

static bsm_group_scratch divide_group(const bsm_cpu_training_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->host.config;
    size_t dim = config->dim, ld_inner = bsm_cpu_ld(bsm_config_d_inner(config));
    size_t rows = max(space->grouping[0].max_rows, space->grouping[1].max_rows);
    bsm_group_scratch s;
    s.x = bsm_carve_floats(carver, rows * dim);
    s.u = bsm_carve_floats(carver, rows * dim);
    s.gate = bsm_carve_floats(carver, rows * ld_inner);
    s.out = bsm_carve_floats(carver, rows * dim);
    s.d_next = bsm_carve_floats(carver, rows * dim);
    s.d_pair = bsm_carve_floats(carver, rows * 2 * dim);
    s.d_x = bsm_carve_floats(carver, rows * dim);
    s.d_out = bsm_carve_floats(carver, rows * dim);
    s.d_y = bsm_carve_floats(carver, rows * ld_inner);
    s.d_projected = bsm_carve_floats(carver, rows * bsm_cpu_training_projected(config));
    s.products = divide_products(space, carver);
    divide_mixer(config, space->kernels, carver, &s);
    divide_sums(config, carver, &s);
    if (space->host.options.checkpointing) {
        s.kept = divide_kept(config, carver, rows,
                             max(group_states(config, &space->grouping[0]),
                                 group_states(config, &space->grouping[1])));
    }
    return s;
}

static bsm_band_scratch divide_band(const bsm_cpu_training_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->host.config;
    size_t rows = min(BSM_GROUP_ROWS, space->host.frames), widest = 0;
    size_t hidden = config->mask_expansion * config->dim;
    for (size_t k = 0; k < config->num_bands; k++) {
        widest = max(widest, bsm_cpu_training_features(config, k));
    }
    bsm_band_scratch s;
    s.normed = bsm_carve_floats(carver, rows * max(widest, config->dim));
    s.d_normed = bsm_carve_floats(carver, rows * max(widest, config->dim));
    s.hidden = bsm_carve_floats(carver, rows * hidden);
    s.d_hidden = bsm_carve_floats(carver, rows * hidden);
    s.values = bsm_carve_floats(carver, rows * 2 * widest);
    s.d_values = bsm_carve_floats(carver, rows * 2 * widest);
    s.products = divide_products(space, carver);
    return s;
}

static bsm_cpu_training_thread divide_thread(const bsm_cpu_training_space *space,
                                             bsm_carver *carver, bool first)
{
    bsm_carver overlapping = *carver; /* only numbers overlap, not pointers */
    bsm_cpu_training_thread thread = {.group = divide_group(space, carver),
                                      .band = divide_band(space, &overlapping)};
    carver->used = max(carver->used, overlapping.used);
    thread.gradients = first ? NULL : bsm_carve_floats(carver, space->path_size);
    return thread;
}

/* ---- The space ---- */

static void divide_activations(bsm_cpu_training_space *space, bsm_carver *carver)
{
    const bsm_config *config = &space->host.config;
    size_t paths = 2 * config->depth;
    space->x = bsm_carve_floats(carver, (paths + 1) * space->rows * config->dim);
    space->kept = NULL;
    space->mask = (bsm_kept_mask){0};
    if (space->host.options.checkpointing) {
        return;
    }
    space->kept = bsm_carve(carver, paths * sizeof *space->kept);
    for (size_t p = 0; p < paths; p++) {
        const bsm_grouping *grouping = &space->grouping[p % 2];
        bsm_kept_path kept =
            divide_kept(config, carver, space->rows,
                        grouping->sequences * bsm_cpu_training_states(config, grouping->length));
        if (carver->block) {
            space->kept[p] = kept;
        }
    }
    space->mask.hidden =
        bsm_carve_floats(carver, space->rows * config->mask_expansion * config->dim);
    space->mask.values =
        bsm_carve_floats(carver, 2 * space->host.frames * bsm_config_features(config));
}

void bsm_cpu_training_divide(bsm_cpu_training_space *space, bsm_carver *carver, size_t *activations)
{
    const bsm_config *config = &space->host.config;
    size_t frames = space->host.frames, threads = space->host.options.threads;
    space->rows = config->num_bands * frames;
    space->grouping[BSM_ALONG_TIME] = group(config->num_bands, frames, threads);
    space->grouping[BSM_ALONG_BANDS] = group(frames, config->num_bands, threads);

    divide_activations(space, carver);
    *activations = carver->used;
    space->d_x = bsm_carve_floats(carver, space->rows * config->dim);
    space->d_final_norm = bsm_carve_floats(carver, config->num_bands * config->dim);
    for (size_t d = 0; d < 2; d++) {
        space->conv_weight[d] =
            bsm_carve_floats(carver, config->d_conv * bsm_config_conv_dim(config));
        space->A[d] = bsm_carve_floats(carver, bsm_config_heads(config));
    }
    space->threads = bsm_carve(carver, threads * sizeof *space->threads);
    for (size_t t = 0; t < threads; t++) {
        bsm_cpu_training_thread thread = divide_thread(space, carver, t == 0);
        if (carver->block) {
            space->threads[t] = thread;
        }
    }
}
