/* SPDX-License-Identifier: ISC */
/** Building and writing the header of a safetensors file. All functions but the last are false when
 *  out of memory. */
#ifndef BSM_MODEL_SAFETENSORS_HEADER_H
#define BSM_MODEL_SAFETENSORS_HEADER_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/new_file.h"
#include "bsm/model.h"

/** Begin with the metadata: the configuration's. `*metadata` takes further pairs of text. */
bool bsm_header_begin(const bsm_config *config, cJSON **header, cJSON **metadata);

/** The next tensor of the file: `prefix` and its name, its shape, with `dtype` for its own.
 *  `*offset` counts the bytes of the tensors so far. */
bool bsm_header_add(cJSON *header, const char *prefix, const bsm_tensor *tensor, bsm_dtype dtype,
                    size_t *offset);

/** Write the length, the header, and as many spaces as align what follows to 64 bytes. */
bsm_status bsm_header_write(const cJSON *header, bsm_new_file *file, bsm_error *error);

#endif
