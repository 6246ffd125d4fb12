/* SPDX-License-Identifier: ISC */
/** The one list of a network's tensors: every name and shape that a configuration needs.
 *
 *  The names are those of the published PyTorch model; see docs/model-format.md. */
#ifndef BSM_MODEL_SCHEMA_H
#define BSM_MODEL_SCHEMA_H

#include <stddef.h>

#include "bsm/config.h"
#include "bsm/status.h"

enum {
    BSM_MAX_TENSOR_NAME = 96,
    BSM_SCHEMA_MAX_RANK = 3,
};

typedef struct bsm_schema_entry {
    char name[BSM_MAX_TENSOR_NAME];
    size_t rank;
    size_t shape[BSM_SCHEMA_MAX_RANK];
    size_t count; /**< product of the shape; SIZE_MAX where it would overflow */
} bsm_schema_entry;

/** Return anything but BSM_OK to end the visit. */
typedef bsm_status bsm_schema_visitor(void *user, const bsm_schema_entry *entry, bsm_error *error);

/** Call `visitor` for each tensor, in the published order. */
bsm_status bsm_schema_visit(const bsm_config *config, bsm_schema_visitor *visitor, void *user,
                            bsm_error *error);

#endif
