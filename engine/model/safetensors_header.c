/* SPDX-License-Identifier: ISC */
/* Builds and writes the header of a safetensors file. */
#include "model/safetensors.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/model.h"

enum {
    HEADER_ALIGNMENT = 64, /* keeps the tensors aligned, too, if the float32 ones come first */
    MAX_NAME = 128,
};

bool bsm_header_begin(const bsm_config *config, cJSON **header, cJSON **metadata)
{
    *header = cJSON_CreateObject();
    *metadata = cJSON_AddObjectToObject(*header, "__metadata__");
    bsm_metadata own = {0};
    bool ok = *metadata && bsm_config_to_metadata(config, &own);
    for (size_t i = 0; ok && i < own.count; i++) {
        ok = cJSON_AddStringToObject(*metadata, own.pairs[i].key, own.pairs[i].value) != NULL;
    }
    bsm_metadata_free(&own);
    if (!ok) {
        cJSON_Delete(*header);
        *header = NULL;
    }
    return ok;
}

static bool add_number(cJSON *array, size_t value)
{
    cJSON *number = cJSON_CreateNumber((double)value);
    return number && cJSON_AddItemToArray(array, number);
}

bool bsm_header_add(cJSON *header, const char *prefix, const bsm_tensor *tensor, bsm_dtype dtype,
                    size_t *offset)
{
    char key[MAX_NAME];
    snprintf(key, sizeof key, "%s%s", prefix, tensor->name);
    cJSON *object = cJSON_AddObjectToObject(header, key);
    cJSON *name = cJSON_AddStringToObject(object, "dtype", bsm_dtype_name(dtype));
    cJSON *shape = cJSON_AddArrayToObject(object, "shape");
    cJSON *offsets = cJSON_AddArrayToObject(object, "data_offsets");
    bool ok = object && name && shape && offsets;
    for (size_t i = 0; ok && i < tensor->rank; i++) {
        ok = add_number(shape, tensor->shape[i]);
    }
    const size_t begin = *offset;
    *offset += tensor->count * bsm_dtype_size(dtype);
    return ok && add_number(offsets, begin) && add_number(offsets, *offset);
}

bsm_status bsm_header_write(const cJSON *header, bsm_new_file *file, bsm_error *error)
{
    char *text = cJSON_PrintUnformatted(header);
    if (!text) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    char padding[HEADER_ALIGNMENT];
    memset(padding, ' ', sizeof padding);
    const size_t used = strlen(text);
    const size_t rest = HEADER_ALIGNMENT - (used + sizeof(uint64_t)) % HEADER_ALIGNMENT;
    const uint64_t length = used + rest;
    bsm_status status = bsm_new_file_write(file, &length, sizeof length, error);
    if (!status) {
        status = bsm_new_file_write(file, text, used, error);
    }
    cJSON_free(text);
    return status ? status : bsm_new_file_write(file, padding, rest, error);
}
