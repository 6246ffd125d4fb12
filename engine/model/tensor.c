/* SPDX-License-Identifier: ISC */
/* Reads a tensor's elements as float32, whatever their type. */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "model/float16.h"
#include "model/model.h"

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

/* Works on bits and without branches, so that a compiler can vectorise it: a number is not finite
 * if all bits of its exponent are set. */

static bool has_nonfinite32(const char *data, size_t count)
{
    const uint32_t exponent = 0x7f800000u;
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, data + i * sizeof bits, sizeof bits);
        found |= (bits & exponent) == exponent;
    }
    return found;
}

static bool has_nonfinite16(const char *data, size_t count, uint32_t exponent)
{
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint16_t bits;
        memcpy(&bits, data + i * sizeof bits, sizeof bits);
        found |= (bits & exponent) == exponent;
    }
    return found;
}

static bool has_nonfinite64(const double *data, size_t count)
{
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) {
        float value = (float)data[i];
        found |= has_nonfinite32((const char *)&value, 1);
    }
    return found;
}

/* Whether any of `count` elements from `start` on is not a finite float32. */
static bool has_nonfinite(const bsm_tensor *tensor, size_t start, size_t count)
{
    const char *data = (const char *)tensor->data + start * bsm_dtype_size(tensor->dtype);
    switch (tensor->dtype) {
    case BSM_F32: return has_nonfinite32(data, count);
    case BSM_F16: return has_nonfinite16(data, count, 0x7c00);
    case BSM_BF16: return has_nonfinite16(data, count, 0x7f80);
    case BSM_F64: return has_nonfinite64((const double *)tensor->data + start, count);
    }
    return true;
}

bsm_status bsm_model_check_values(const bsm_model *model, bsm_error *error)
{
    for (size_t i = 0; i < model->num_tensors; i++) {
        const bsm_tensor *tensor = &model->tensors[i];
        if (has_nonfinite(tensor, 0, tensor->count)) {
            size_t index = 0;
            while (!has_nonfinite(tensor, index, 1)) {
                index++;
            }
            return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: element %zu is not a finite number",
                            model->path, tensor->name, index);
        }
    }
    return BSM_OK;
}
