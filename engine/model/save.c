/* SPDX-License-Identifier: ISC */
/* Writing a model as a safetensors file. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/config_text.h"
#include "model/half.h"
#include "model/object.h"
#include "new_file.h"

enum {
    HEADER_ALIGNMENT = 64, /* then the tensors are aligned, too: float32 ones come first */
    BLOCK = 16384,
};

/* Vectors, the scan's parameters among them, stay exact: they are few. */
static bsm_dtype dtype_in_file(const bsm_tensor *tensor, bsm_dtype dtype)
{
    return tensor->rank >= 2 ? dtype : BSM_F32;
}

/* ---- The header ---- */

static bool add_number(cJSON *array, size_t value)
{
    cJSON *number = cJSON_CreateNumber((double)value);
    return number && cJSON_AddItemToArray(array, number);
}

static bool add_tensor(cJSON *header, const bsm_tensor *tensor, bsm_dtype dtype, size_t *offset)
{
    cJSON *object = cJSON_AddObjectToObject(header, tensor->name);
    cJSON *name = cJSON_AddStringToObject(object, "dtype", bsm_dtype_name(dtype));
    cJSON *shape = cJSON_AddArrayToObject(object, "shape");
    cJSON *offsets = cJSON_AddArrayToObject(object, "data_offsets");
    bool ok = object && name && shape && offsets;
    for (size_t i = 0; ok && i < tensor->rank; i++) {
        ok = add_number(shape, tensor->shape[i]);
    }
    size_t begin = *offset;
    *offset += tensor->count * bsm_dtype_size(dtype);
    return ok && add_number(offsets, begin) && add_number(offsets, *offset);
}

/* The tensors in the order of the file: float32 first, so that all are aligned. */
static bool add_tensors(cJSON *header, const bsm_model *model, bsm_dtype dtype)
{
    size_t offset = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < model->num_tensors; i++) {
            const bsm_tensor *tensor = &model->tensors[i];
            bsm_dtype stored = dtype_in_file(tensor, dtype);
            if ((stored != BSM_F32) == pass && !add_tensor(header, tensor, stored, &offset)) {
                return false;
            }
        }
    }
    return true;
}

static bool add_metadata(cJSON *header, const bsm_model *model)
{
    cJSON *object = cJSON_AddObjectToObject(header, "__metadata__");
    bsm_metadata own = {0};
    bool ok = object && bsm_config_to_metadata(&model->config, &own);
    for (size_t i = 0; ok && i < own.count; i++) {
        ok = cJSON_AddStringToObject(object, own.pairs[i].key, own.pairs[i].value) != NULL;
    }
    for (size_t i = 0; ok && i < model->metadata.count; i++) {
        const bsm_metadata_pair *pair = &model->metadata.pairs[i];
        if (!bsm_metadata_get(&own, pair->key)) {
            ok = cJSON_AddStringToObject(object, pair->key, pair->value) != NULL;
        }
    }
    bsm_metadata_free(&own);
    return ok;
}

/* The header as text; NULL when out of memory. cJSON_free frees it. */
static char *format_header(const bsm_model *model, bsm_dtype dtype)
{
    cJSON *header = cJSON_CreateObject();
    char *text = NULL;
    if (header && add_metadata(header, model) && add_tensors(header, model, dtype)) {
        text = cJSON_PrintUnformatted(header);
    }
    cJSON_Delete(header);
    return text;
}

/* The length of the header, the header, and as many spaces as align what follows. */
static bsm_status write_header(bsm_new_file *file, const char *text, bsm_error *error)
{
    char padding[HEADER_ALIGNMENT];
    memset(padding, ' ', sizeof padding);
    size_t used = strlen(text);
    size_t rest = HEADER_ALIGNMENT - (used + sizeof(uint64_t)) % HEADER_ALIGNMENT;
    uint64_t length = used + rest;
    bsm_status status = bsm_new_file_write(file, &length, sizeof length, error);
    if (!status) {
        status = bsm_new_file_write(file, text, used, error);
    }
    return status ? status : bsm_new_file_write(file, padding, rest, error);
}

/* ---- The tensors ---- */

/* Convert `count` floats to 16 bits. False if a finite one does not fit. */
static bool narrow(const float *values, size_t count, bsm_dtype dtype, uint16_t *out)
{
    for (size_t i = 0; i < count; i++) {
        bool half = dtype == BSM_F16;
        out[i] = half ? bsm_half_of_float(values[i]) : bsm_bfloat_of_float(values[i]);
        float back = half ? bsm_float_of_half(out[i]) : bsm_float_of_bfloat(out[i]);
        if (isinf(back) && !isinf(values[i])) {
            return false;
        }
    }
    return true;
}

static bsm_status write_block(bsm_new_file *file, const bsm_tensor *block, bsm_dtype dtype,
                              bsm_error *error)
{
    float values[BLOCK];
    uint16_t narrowed[BLOCK];
    bsm_tensor_read(block, values);
    if (dtype == BSM_F32) {
        return bsm_new_file_write(file, values, block->count * sizeof *values, error);
    }
    if (!narrow(values, block->count, dtype, narrowed)) {
        return bsm_fail(error, BSM_UNSUPPORTED, "%s: %s: a weight is too large for %s", file->path,
                        block->name, bsm_dtype_name(dtype));
    }
    return bsm_new_file_write(file, narrowed, block->count * sizeof *narrowed, error);
}

static bsm_status write_tensor(bsm_new_file *file, const bsm_tensor *tensor, bsm_dtype dtype,
                               bsm_error *error)
{
    size_t size = bsm_dtype_size(tensor->dtype);
    for (size_t start = 0; start < tensor->count; start += BLOCK) {
        bsm_tensor block = *tensor;
        block.data = (const char *)tensor->data + start * size;
        block.count = tensor->count - start < BLOCK ? tensor->count - start : BLOCK;
        bsm_status status = write_block(file, &block, dtype, error);
        if (status) {
            return status;
        }
    }
    return BSM_OK;
}

static bsm_status write_tensors(bsm_new_file *file, const bsm_model *model, bsm_dtype dtype,
                                bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; !status && i < model->num_tensors; i++) {
            const bsm_tensor *tensor = &model->tensors[i];
            bsm_dtype stored = dtype_in_file(tensor, dtype);
            if ((stored != BSM_F32) == pass) {
                status = write_tensor(file, tensor, stored, error);
            }
        }
    }
    return status;
}

static bsm_status write_model(bsm_new_file *file, const bsm_model *model, bsm_dtype dtype,
                              bsm_error *error)
{
    char *header = format_header(model, dtype);
    if (!header) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    bsm_status status = write_header(file, header, error);
    cJSON_free(header);
    return status ? status : write_tensors(file, model, dtype, error);
}

bsm_status bsm_model_save(const bsm_model *model, const char *path, bsm_dtype dtype, bool force,
                          bsm_error *error)
{
    if (dtype != BSM_F32 && dtype != BSM_F16 && dtype != BSM_BF16) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "%s: only float32, float16 and bfloat16 can "
                        "be written",
                        path);
    }
    bsm_new_file file;
    bsm_status status = bsm_new_file_begin(path, force, &file, error);
    if (status) {
        return status;
    }
    status = write_model(&file, model, dtype, error);
    if (status) {
        bsm_new_file_abandon(&file);
        return status;
    }
    return bsm_new_file_commit(&file, force, error);
}
