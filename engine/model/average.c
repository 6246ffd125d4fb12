/* SPDX-License-Identifier: ISC */
/* The average of models of one shape. */
#include <stdlib.h>

#include "model/weight_vector.h"

static bsm_status check_models(bsm_model *const *models, size_t count, bsm_error *error)
{
    if (count == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "an average of no models");
    }
    for (size_t i = 1; i < count; i++) {
        if (!bsm_config_same_shapes(bsm_model_config(models[0]), bsm_model_config(models[i]))) {
            return bsm_fail(error, BSM_BAD_MODEL, "%s: its network is not that of %s",
                            bsm_model_path(models[i]), bsm_model_path(models[0]));
        }
    }
    return BSM_OK;
}

/* Averages one tensor at a time, so that little memory is needed. */
static bsm_status fill_average(bsm_model *const *models, size_t count, float *weights,
                               bsm_error *error)
{
    const float share = 1.0F / (float)count;
    for (size_t t = 0; t < bsm_model_num_tensors(models[0]); t++) {
        const size_t size = bsm_model_tensor(models[0], t)->count;
        float *values = malloc(size * sizeof *values);
        if (!values) {
            return bsm_fail(error, BSM_NO_MEMORY, "an average of models: out of memory");
        }
        for (size_t m = 0; m < count; m++) {
            bsm_tensor_read(bsm_model_tensor(models[m], t), values);
            for (size_t i = 0; i < size; i++) {
                weights[i] += share * values[i];
            }
        }
        free(values);
        weights += bsm_vector_padded(size);
    }
    return BSM_OK;
}

static bsm_status copy_metadata(const bsm_model *from, bsm_model *to, bsm_error *error)
{
    const char *key, *value;
    bsm_status status = BSM_OK;
    for (size_t i = 0; !status && bsm_model_metadata_at(from, i, &key, &value); i++) {
        status = bsm_model_set_metadata(to, key, value, error);
    }
    return status;
}

bsm_status bsm_model_new_average(bsm_model *const *models, size_t count, bsm_model **model,
                                 bsm_error *error)
{
    bsm_model *made = NULL;
    float *weights = NULL;
    bsm_status status = check_models(models, count, error);
    if (!status) {
        status = bsm_vector_model_new(bsm_model_config(models[0]), "average", "average", &made,
                                      &weights, error);
    }
    if (!status) {
        status = fill_average(models, count, weights, error);
    }
    if (!status) {
        status = copy_metadata(models[0], made, error);
    }
    if (status) {
        bsm_model_free(made);
        return status;
    }
    *model = made;
    return BSM_OK;
}
