/* SPDX-License-Identifier: ISC */
/* Makes a model without a file: its weights are hashes of their names, so that a test needs no
 * weight file. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "model/random.h"
#include "model/weight_vector.h"

/* ---- Weights as hashes of their names (docs/model-format.md, "Untrained models") ---- */

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t rest = strlen(suffix);
    return length >= rest && strcmp(name + length - rest, suffix) == 0;
}

/* offset + scale * r. The product is rounded separately, so that a machine with fused multiply-add
 * gets the same weights. */
static void fill_around(const bsm_tensor *tensor, double offset, double scale, float *weights)
{
    uint64_t seed = bsm_hash_text(tensor->name);
    for (size_t i = 0; i < tensor->count; i++) {
        volatile double product = scale * (2 * bsm_uniform(seed, i) - 1);
        weights[i] = (float)(offset + product);
    }
}

static void fill_scaled(const bsm_tensor *tensor, double factor, double divisor, float *weights)
{
    uint64_t seed = bsm_hash_text(tensor->name);
    for (size_t i = 0; i < tensor->count; i++) {
        weights[i] = (float)(factor * (2 * bsm_uniform(seed, i) - 1) / divisor);
    }
}

static void fill_log(const bsm_tensor *tensor, float *weights)
{
    uint64_t seed = bsm_hash_text(tensor->name);
    for (size_t i = 0; i < tensor->count; i++) {
        volatile double product = 15 * bsm_uniform(seed, i);
        weights[i] = (float)log(1 + product);
    }
}

static void hash_weights(const bsm_tensor *tensor, float *weights)
{
    const char *name = tensor->name;
    if (ends_with(name, "A_log")) {
        fill_log(tensor, weights);
    } else if (ends_with(name, "dt_bias")) {
        fill_around(tensor, -4.6, 2.3, weights);
    } else if (ends_with(name, ".D") || ends_with(name, "gamma") ||
               ends_with(name, "norm.weight")) {
        fill_around(tensor, 1, 0.1, weights);
    } else if (ends_with(name, "bias")) {
        fill_scaled(tensor, 0.1, 1, weights);
    } else if (ends_with(name, "conv1d.weight")) {
        fill_scaled(tensor, 0.5, 1, weights);
    } else if (ends_with(name, "linear.weight")) {
        fill_scaled(tensor, 1, sqrt((double)tensor->shape[0]), weights);
    } else {
        fill_scaled(tensor, 1, sqrt((double)tensor->shape[1]), weights);
    }
}

/* ---- The model ---- */

/* The metadata "training", so that a file written from such a model still says what it is. */
#define UNTRAINED "none: the weights are a hash of their names"

bsm_status bsm_model_new_untrained(const bsm_config *config, bsm_model **result, bsm_error *error)
{
    bsm_model *model = NULL;
    float *next = NULL;
    bsm_status status =
        bsm_vector_model_new(config, "untrained", "untrained", &model, &next, error);
    if (status) {
        return status;
    }
    status = bsm_model_set_metadata(model, "training", UNTRAINED, error);
    if (status) {
        bsm_model_free(model);
        return status;
    }
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        hash_weights(tensor, next);
        next += bsm_vector_padded(tensor->count);
    }
    *result = model;
    return BSM_OK;
}
