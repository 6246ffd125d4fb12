/* SPDX-License-Identifier: ISC */
/* Reading a tensor's elements as float32, whatever their type. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "model/half.h"
#include "model/object.h"

size_t bsm_dtype_size(bsm_dtype dtype)
{
    switch (dtype) {
    case BSM_F32: return 4;
    case BSM_F16:
    case BSM_BF16: return 2;
    case BSM_F64: return 8;
    }
    return 0;
}

const char *bsm_dtype_name(bsm_dtype dtype)
{
    switch (dtype) {
    case BSM_F32: return "F32";
    case BSM_F16: return "F16";
    case BSM_BF16: return "BF16";
    case BSM_F64: return "F64";
    }
    return "?";
}

static void read_half(const uint16_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = bsm_float_of_half(data[i]);
    }
}

static void read_bfloat(const uint16_t *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = bsm_float_of_bfloat(data[i]);
    }
}

static void read_double(const double *data, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        out[i] = (float)data[i];
    }
}

void bsm_tensor_read(const bsm_tensor *tensor, float *out)
{
    switch (tensor->dtype) {
    case BSM_F32: memcpy(out, tensor->data, tensor->count * sizeof *out); break;
    case BSM_F16: read_half(tensor->data, tensor->count, out); break;
    case BSM_BF16: read_bfloat(tensor->data, tensor->count, out); break;
    case BSM_F64: read_double(tensor->data, tensor->count, out); break;
    }
}

/* ---- Checking ---- */

/** The first element of `tensor` that is no finite float32; its count if all are. */
static size_t find_nonfinite(const bsm_tensor *tensor)
{
    enum { BLOCK = 1024 };
    float block[BLOCK];
    size_t size = bsm_dtype_size(tensor->dtype);
    for (size_t start = 0; start < tensor->count; start += BLOCK) {
        bsm_tensor part = *tensor;
        part.data = (const char *)tensor->data + start * size;
        part.count = tensor->count - start < BLOCK ? tensor->count - start : BLOCK;
        bsm_tensor_read(&part, block);
        for (size_t i = 0; i < part.count; i++) {
            if (!isfinite(block[i])) {
                return start + i;
            }
        }
    }
    return tensor->count;
}

bsm_status bsm_model_check_values(const bsm_model *model, bsm_error *error)
{
    for (size_t i = 0; i < model->num_tensors; i++) {
        const bsm_tensor *tensor = &model->tensors[i];
        size_t index = find_nonfinite(tensor);
        if (index < tensor->count) {
            return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: element %zu is not a finite number",
                            model->path, tensor->name, index);
        }
    }
    return BSM_OK;
}
