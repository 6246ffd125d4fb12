/* SPDX-License-Identifier: ISC */
/** Reading a safetensors file, whatever its tensors are for.
 *
 *  8 bytes: length of the header, little-endian; a JSON object that gives each tensor's dtype,
 *  shape and place; the tensors' bytes, without overlap or gap. */
#ifndef BSM_MODEL_SAFETENSORS_H
#define BSM_MODEL_SAFETENSORS_H

#include <stddef.h>

#include "bsm/status.h"
#include "model/metadata.h"
#include "model/table.h"

typedef struct bsm_safetensors {
    bsm_table table; /**< sorted; data points into the file, as aligned as the file has it */
    bsm_metadata metadata;
    void *json; /**< owns the names */
} bsm_safetensors;

/** Parse a whole file that lies at `data` and outlives the result. `path` is for messages. */
bsm_status bsm_safetensors_parse(const char *path, const void *data, size_t size,
                                 bsm_safetensors *file, bsm_error *error);

void bsm_safetensors_free(bsm_safetensors *file);

#endif
