/* SPDX-License-Identifier: ISC */
/* A model without a file: the weights are the hash of their names. */
#include "model/hash_weights.h"
#include "model/vector.h"

/* The metadata "training", so that a file made of such a model still says what it is. */
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
        bsm_hash_weights(tensor, next);
        next += bsm_vector_padded(tensor->count);
    }
    *result = model;
    return BSM_OK;
}
