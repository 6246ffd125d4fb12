/* SPDX-License-Identifier: ISC */
/* Fills tables for the kernels: where the bands lie in a frame, and where their vectors lie in the
 * parameters. */
#include <stdlib.h>

#include "training/space.h"

static size_t features_of(const bsm_config *config, size_t band)
{
    return 2 * config->channels * config->bands[band];
}

/* ---- Bands ---- */

static void fill_bands(const bsm_config *config, bsm_packed_band *bands, uint16_t *band_of)
{
    uint32_t offset = 0;
    for (size_t k = 0; k < config->num_bands; k++) {
        const uint32_t features = (uint32_t)features_of(config, k);
        bands[k] = (bsm_packed_band){
            .offset = offset, .features = features, .width = features, .before = offset};
        for (size_t i = 0; i < features / 2; i++) {
            band_of[offset / 2 + i] = (uint16_t)k;
        }
        offset += features;
    }
}

static bsm_status upload_bands(bsm_cuda_training *space, bsm_error *error)
{
    const bsm_config *config = &space->config;
    const size_t pairs = bsm_config_features(config) / 2;
    bsm_packed_band *bands = calloc(config->num_bands, sizeof *bands);
    uint16_t *band_of = calloc(pairs, sizeof *band_of);
    bsm_status status = BSM_OK;
    if (!bands || !band_of) {
        status = bsm_fail(error, BSM_NO_MEMORY, "no memory for training");
    } else {
        fill_bands(config, bands, band_of);
        bsm_cuda_training_upload(space, space->bands, bands, config->num_bands * sizeof *bands);
        bsm_cuda_training_upload(space, space->band_of, band_of, pairs * sizeof *band_of);
    }
    free(bands);
    free(band_of);
    return status;
}

/* ---- Vectors ---- */

bsm_packed_vectors bsm_packed_vectors_of(const bsm_config *config)
{
    const size_t features = bsm_config_features(config);
    bsm_packed_vectors p = {.bias = features,
                            .stem_hidden = config->num_bands * config->mask_expansion * config->dim,
                            .stem_out = 2 * features};
    p.hidden_bias = p.bias + config->num_bands * config->dim;
    p.out_bias = p.hidden_bias + config->num_stems * p.stem_hidden;
    p.count = p.out_bias + config->num_stems * p.stem_out;
    return p;
}

static uint32_t *number_on(uint32_t *index, size_t place, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *index++ = (uint32_t)(place + i);
    }
    return index;
}

/* Fill the positions in the order of bsm_packed_vectors_of. */
static void fill_index(const bsm_cuda_training *space, uint32_t *next)
{
    const bsm_config *config = &space->config;
    const size_t bands = config->num_bands, hidden = config->mask_expansion * config->dim;
    const bsm_split_places *splits = space->places.splits;
    const bsm_mask_places *masks = space->places.masks;
    for (size_t k = 0; k < bands; k++) {
        next = number_on(next, splits[k].gamma, features_of(config, k));
    }
    for (size_t k = 0; k < bands; k++) {
        next = number_on(next, splits[k].bias, config->dim);
    }
    for (size_t i = 0; i < config->num_stems * bands; i++) {
        next = number_on(next, masks[i].hidden_bias, hidden);
    }
    for (size_t i = 0; i < config->num_stems * bands; i++) {
        next = number_on(next, masks[i].out_bias, 2 * features_of(config, i % bands));
    }
}

static void fill_A_index(const bsm_cuda_training *space, uint32_t *next)
{
    for (size_t i = 0; i < 4 * space->config.depth; i++) {
        next = number_on(next, space->places.paths[i / 2].mixers[i % 2].A_log,
                         bsm_config_heads(&space->config));
    }
}

static bsm_status upload_index(bsm_cuda_training *space, size_t count,
                               void (*fill)(const bsm_cuda_training *, uint32_t *), uint32_t *to,
                               bsm_error *error)
{
    uint32_t *index = calloc(count, sizeof *index);
    if (!index) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for training");
    }
    fill(space, index);
    bsm_cuda_training_upload(space, to, index, count * sizeof *index);
    free(index);
    return BSM_OK;
}

bsm_status bsm_cuda_training_fill_tables(bsm_cuda_training *space, bsm_error *error)
{
    const size_t rates = 4 * space->config.depth * bsm_config_heads(&space->config);
    bsm_status status = upload_bands(space, error);
    if (!status) {
        status = upload_index(space, space->packed.count, fill_index, space->packed.index, error);
    }
    if (!status) {
        status = upload_index(space, rates, fill_A_index, space->A_index, error);
    }
    return status;
}
