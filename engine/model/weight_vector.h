/* SPDX-License-Identifier: ISC */
/** A model's weights as one vector of float32: its tensors in the schema's order, each padded with
 *  zeros to a multiple of BSM_VECTOR_ALIGNMENT floats. */
#ifndef BSM_MODEL_VECTOR_H
#define BSM_MODEL_VECTOR_H

#include "bsm/model.h"

enum { BSM_VECTOR_ALIGNMENT = 16 }; /* floats */

/** Floats that a tensor of `count` elements takes in a vector. */
static inline size_t bsm_vector_padded(size_t count)
{
    return (count + BSM_VECTOR_ALIGNMENT - 1) / BSM_VECTOR_ALIGNMENT * BSM_VECTOR_ALIGNMENT;
}

/** Floats of the whole vector of such a model. BSM_INVALID_ARGUMENT (as bsm_config_validate). */
bsm_status bsm_vector_size(const bsm_config *config, size_t *size, bsm_error *error);

/** Make a model in memory of its own, all zero and aligned to 64 bytes. `*vector` points to that
 *  memory, which may be written as long as nobody else has the model. `path` names the model in
 *  messages. */
bsm_status bsm_vector_model_new(const bsm_config *config, const char *path, const char *format,
                                bsm_model **model, float **vector, bsm_error *error);

/** Copy a model's weights into a vector, converted to float32. */
void bsm_vector_read(const bsm_model *model, float *vector);

#endif
