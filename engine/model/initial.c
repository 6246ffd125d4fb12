/* SPDX-License-Identifier: ISC */
/* Draws a fresh network as PyTorch initialises its layers and Mamba2 (Dao and Gu, 2024) its
 * scan. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/random.h"
#include "model/schema.h"
#include "model/weight_vector.h"

/* Initial step sizes of the scan, in frames, and decays per step size. */
static const double shortest_step = 1e-3, longest_step = 1e-1, step_floor = 1e-4;
static const double slowest_decay = 1, fastest_decay = 16;

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name);
    size_t rest = strlen(suffix);
    return length >= rest && strcmp(name + length - rest, suffix) == 0;
}

static void fill_decays(uint64_t seed, size_t count, float *weights)
{
    for (size_t i = 0; i < count; i++) {
        double range = fastest_decay - slowest_decay;
        weights[i] = (float)log(slowest_decay + range * bsm_uniform(seed, i));
    }
}

/* Draw step sizes whose logarithms are uniformly distributed, and return their inverse softplus. */
static void fill_steps(uint64_t seed, size_t count, float *weights)
{
    double low = log(shortest_step), range = log(longest_step) - low;
    for (size_t i = 0; i < count; i++) {
        double step = fmax(exp(low + range * bsm_uniform(seed, i)), step_floor);
        weights[i] = (float)(step + log(-expm1(-step)));
    }
}

static void fill_ones(size_t count, float *weights)
{
    for (size_t i = 0; i < count; i++) {
        weights[i] = 1;
    }
}

/* The fan-in by PyTorch's rule for linear layers, convolutions and transposed convolutions: the
 * product of all sizes of the weight but the first. For a transposed convolution, whose first size
 * is its number of inputs, this counts its outputs; PyTorch uses it all the same. */
static size_t fan_in(const bsm_tensor *weight)
{
    size_t product = 1;
    for (size_t i = 1; i < weight->rank; i++) {
        product *= weight->shape[i];
    }
    return product;
}

/* Find the weight that a tensor is, or that a bias belongs to. */
static const bsm_tensor *weight_of(const bsm_model *model, const bsm_tensor *tensor)
{
    const char *dot = strrchr(tensor->name, '.');
    if (strcmp(dot, ".bias") != 0) {
        return tensor;
    }
    char name[BSM_MAX_TENSOR_NAME + 2]; /* "weight" is two letters longer than "bias" */
    snprintf(name, sizeof name, "%.*s.weight", (int)(dot - tensor->name), tensor->name);
    return bsm_model_find(model, name);
}

static void fill_even(uint64_t seed, const bsm_model *model, const bsm_tensor *tensor,
                      float *weights)
{
    double bound = 1 / sqrt((double)fan_in(weight_of(model, tensor)));
    for (size_t i = 0; i < tensor->count; i++) {
        weights[i] = (float)(bound * (2 * bsm_uniform(seed, i) - 1));
    }
}

static void fill(uint64_t seed, const bsm_model *model, const bsm_tensor *tensor, float *weights)
{
    const char *name = tensor->name;
    uint64_t stream = bsm_splitmix(seed, bsm_hash_text(name));
    if (ends_with(name, ".A_log")) {
        fill_decays(stream, tensor->count, weights);
    } else if (ends_with(name, ".dt_bias")) {
        fill_steps(stream, tensor->count, weights);
    } else if (ends_with(name, ".D") || ends_with(name, ".gamma") ||
               ends_with(name, "norm.weight")) {
        fill_ones(tensor->count, weights);
    } else {
        fill_even(stream, model, tensor, weights);
    }
}

bsm_status bsm_model_new_initialised(const bsm_config *config, uint64_t seed, bsm_model **result,
                                     bsm_error *error)
{
    bsm_model *model = NULL;
    float *next = NULL;
    bsm_status status =
        bsm_vector_model_new(config, "initialised", "initialised", &model, &next, error);
    if (status) {
        return status;
    }
    char note[64];
    snprintf(note, sizeof note, "none: initialised with seed %" PRIu64, seed);
    status = bsm_model_set_metadata(model, "training", note, error);
    if (status) {
        bsm_model_free(model);
        return status;
    }
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        fill(seed, model, tensor, next);
        next += bsm_vector_padded(tensor->count);
    }
    *result = model;
    return BSM_OK;
}
