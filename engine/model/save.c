/* SPDX-License-Identifier: ISC */
/* Writes a model as a safetensors file. */
#include <math.h>
#include <stdint.h>

#include "model/float16.h"
#include "model/model.h"
#include "model/safetensors.h"

enum { BLOCK = 16384 };

/* Vectors, including the scan's parameters, stay exact, because they are small. */
static bsm_dtype dtype_in_file(const bsm_tensor *tensor, bsm_dtype dtype)
{
    return tensor->rank >= 2 ? dtype : BSM_F32;
}

/* ---- The header ---- */

/* Add the tensors in the order of the file: float32 first, so that all are aligned. */
static bool add_tensors(cJSON *header, const bsm_model *model, bsm_dtype dtype)
{
    size_t offset = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < model->num_tensors; i++) {
            const bsm_tensor *tensor = &model->tensors[i];
            bsm_dtype stored = dtype_in_file(tensor, dtype);
            if ((stored != BSM_F32) == pass &&
                !bsm_header_add(header, "", tensor, stored, &offset)) {
                return false;
            }
        }
    }
    return true;
}

/* The configuration's pairs come first and are the model's own, whatever its file said. */
static cJSON *make_header(const bsm_model *model, bsm_dtype dtype)
{
    cJSON *header, *metadata;
    bool ok = bsm_header_begin(&model->config, &header, &metadata);
    for (size_t i = 0; ok && i < model->metadata.count; i++) {
        const bsm_metadata_pair *pair = &model->metadata.pairs[i];
        if (!cJSON_GetObjectItemCaseSensitive(metadata, pair->key)) {
            ok = cJSON_AddStringToObject(metadata, pair->key, pair->value) != NULL;
        }
    }
    if (ok && add_tensors(header, model, dtype)) {
        return header;
    }
    cJSON_Delete(header);
    return NULL;
}

/* ---- The tensors ---- */

/* Convert `count` floats to 16 bits. False if a finite one overflows. */
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
    cJSON *header = make_header(model, dtype);
    if (!header) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    bsm_status status = bsm_header_write(header, file, error);
    cJSON_Delete(header);
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
