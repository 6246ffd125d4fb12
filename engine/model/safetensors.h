/* SPDX-License-Identifier: ISC */
/** Reading a safetensors file, whatever its tensors are for.
 *
 *  8 bytes: length of the header, little-endian; a JSON object that gives each tensor's dtype,
 *  shape and place; the tensors' bytes, without overlap or gap. */
#ifndef BSM_MODEL_SAFETENSORS_H
#define BSM_MODEL_SAFETENSORS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/files.h"
#include "bsm/model.h"
#include "bsm/status.h"
#include "model/model.h"
#include "model/tensor_table.h"

/* Reading a safetensors file, whatever its tensors are for.
 *
 *  8 bytes: length of the header, little-endian; a JSON object that gives each tensor's dtype,
 *  shape and place; the tensors' bytes, without overlap or gap. */

typedef struct bsm_safetensors {
    bsm_table table; /**< sorted; data points into the file, as aligned as the file has it */
    bsm_metadata metadata;
    void *json; /**< owns the names */
} bsm_safetensors;

/** Parse a whole file that lies at `data` and outlives the result. `path` is for messages. */
bsm_status bsm_safetensors_parse(const char *path, const void *data, size_t size,
                                 bsm_safetensors *file, bsm_error *error);

void bsm_safetensors_free(bsm_safetensors *file);

/* Building and writing the header of a safetensors file. All functions but the last are false when
 *  out of memory. */

/** Begin with the metadata: the configuration's. `*metadata` takes further pairs of text. */
bool bsm_header_begin(const bsm_config *config, cJSON **header, cJSON **metadata);

/** The next tensor of the file: `prefix` and its name, its shape, with `dtype` for its own.
 *  `*offset` counts the bytes of the tensors so far. */
bool bsm_header_add(cJSON *header, const char *prefix, const bsm_tensor *tensor, bsm_dtype dtype,
                    size_t *offset);

/** Write the length, the header, and as many spaces as align what follows to 64 bytes. */
bsm_status bsm_header_write(const cJSON *header, bsm_new_file *file, bsm_error *error);

#endif
