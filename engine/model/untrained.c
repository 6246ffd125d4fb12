/* SPDX-License-Identifier: ISC */
/* A model without a file: the weights are the hash of their names. */
#include <stdlib.h>

#include "model/hash_weights.h"
#include "model/object.h"

enum { ALIGNMENT = 16 }; /* floats */

/* The metadata "training", so that a file made of such a model still says what it is. */
#define UNTRAINED "none: the weights are a hash of their names"

static size_t padded_count(const bsm_tensor *tensor)
{
    return (tensor->count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static bsm_status fill(bsm_model *model, bsm_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < model->num_tensors; i++) {
        count += padded_count(&model->tensors[i]);
    }
    float *next = aligned_alloc(ALIGNMENT * sizeof(float), count * sizeof(float));
    if (!next) {
        return bsm_fail(error, BSM_NO_MEMORY, "untrained: no memory for %zu weights", count);
    }
    model->memory = next;
    for (size_t i = 0; i < model->num_tensors; i++) {
        bsm_tensor *tensor = &model->tensors[i];
        tensor->dtype = BSM_F32;
        tensor->data = next;
        bsm_hash_weights(tensor, next);
        next += padded_count(tensor);
    }
    return BSM_OK;
}

bsm_status bsm_model_new_untrained(const bsm_config *config, bsm_model **result, bsm_error *error)
{
    bsm_model *model = NULL;
    bsm_status status = bsm_model_allocate(config, "untrained", "untrained", &model, error);
    if (status) {
        return status;
    }
    if (bsm_metadata_set(&model->metadata, "training", UNTRAINED)) {
        status = fill(model, error);
    } else {
        status = bsm_fail(error, BSM_NO_MEMORY, "untrained: out of memory");
    }
    if (status) {
        bsm_model_free(model);
        return status;
    }
    *result = model;
    return BSM_OK;
}
