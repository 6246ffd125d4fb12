/* SPDX-License-Identifier: ISC */
/** Reads a safetensors file, whatever its tensors are for, and builds and writes the header of
 *  one.
 *
 *  A file has 8 bytes with the length of the header (little-endian), the header, which is a JSON
 *  object with each tensor's dtype, shape and offsets, and the tensors' bytes without overlap or
 *  gap. */
#ifndef BSM_MODEL_SAFETENSORS_H
#define BSM_MODEL_SAFETENSORS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "bsm/model.h"
#include "bsm/new_file.h"
#include "bsm/status.h"
#include "model/model.h"
#include "model/tensor_table.h"

typedef struct bsm_safetensors {
    bsm_table table; /**< sorted; the data points into the file and has the file's alignment */
    bsm_metadata metadata;
    void *json; /**< owns the names */
} bsm_safetensors;

/** Parse a whole file at `data`, which must outlive the result. `path` is for messages. */
bsm_status bsm_safetensors_parse(const char *path, const void *data, size_t size,
                                 bsm_safetensors *file, bsm_error *error);

void bsm_safetensors_free(bsm_safetensors *file);

/* Building and writing a header. All functions but the last return false when out of memory. */

/** Begin with the configuration's metadata. Further pairs of text may be added to `*metadata`. */
bool bsm_header_begin(const bsm_config *config, cJSON **header, cJSON **metadata);

/** Add the file's next tensor: `prefix` and its name, its shape, and `dtype` in place of its own.
 *  `*offset` counts the bytes of the tensors so far. */
bool bsm_header_add(cJSON *header, const char *prefix, const bsm_tensor *tensor, bsm_dtype dtype,
                    size_t *offset);

/** Write the length, the header, and enough spaces to align what follows to 64 bytes. */
bsm_status bsm_header_write(const cJSON *header, bsm_new_file *file, bsm_error *error);

#endif
