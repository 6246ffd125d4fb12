/* SPDX-License-Identifier: ISC */
/* A model's weights as one vector of float32. */
#include "model/weight_vector.h"

#include <stdint.h>
#include <string.h>

#include "base/machine.h"
#include "model/model.h"
#include "model/schema.h"

/* bsm_config_validate has bounded the sum of the counts. */
static bsm_status add_padded(void *user, const bsm_schema_entry *entry, bsm_error *error)
{
    (void)error;
    size_t *sum = user;
    *sum += bsm_vector_padded(entry->count);
    return BSM_OK;
}

bsm_status bsm_vector_size(const bsm_config *config, size_t *size, bsm_error *error)
{
    *size = 0;
    bsm_status status = bsm_config_validate(config, error);
    return status ? status : bsm_schema_visit(config, add_padded, size, error);
}

/* Place the tensors of `model` in memory of their own, one after the other. */
static bsm_status give_memory(bsm_model *model, size_t size, bsm_error *error)
{
    float *next = NULL;
    if (size <= SIZE_MAX / sizeof *next) {
        next = bsm_large_alloc(size * sizeof *next);
    }
    if (!next) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: no memory for %zu weights", model->path, size);
    }
    memset(next, 0, size * sizeof *next);
    model->memory = next;
    for (size_t i = 0; i < model->num_tensors; i++) {
        model->tensors[i].dtype = BSM_F32;
        model->tensors[i].data = next;
        next += bsm_vector_padded(model->tensors[i].count);
    }
    return BSM_OK;
}

bsm_status bsm_vector_model_new(const bsm_config *config, const char *path, const char *format,
                                bsm_model **model, float **vector, bsm_error *error)
{
    size_t size;
    bsm_model *made = NULL;
    bsm_status status = bsm_vector_size(config, &size, error);
    if (!status) {
        status = bsm_model_allocate(config, path, format, &made, error);
    }
    if (!status) {
        status = give_memory(made, size, error);
    }
    if (status) {
        bsm_model_free(made);
        return status;
    }
    *model = made;
    *vector = made->memory;
    return BSM_OK;
}

void bsm_vector_read(const bsm_model *model, float *vector)
{
    for (size_t i = 0; i < model->num_tensors; i++) {
        const bsm_tensor *tensor = &model->tensors[i];
        size_t padded = bsm_vector_padded(tensor->count);
        bsm_tensor_read(tensor, vector);
        memset(vector + tensor->count, 0, (padded - tensor->count) * sizeof *vector);
        vector += padded;
    }
}
