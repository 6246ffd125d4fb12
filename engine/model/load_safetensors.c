/* SPDX-License-Identifier: ISC */
/* A model from a safetensors file: its tensors lie in the mapping. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/fit.h"
#include "model/load.h"
#include "model/mapped_file.h"
#include "model/safetensors.h"

enum { ALIGNMENT = 64 };

static bool is_aligned(const bsm_tensor *tensor)
{
    return (uintptr_t)tensor->data % bsm_dtype_size(tensor->dtype) == 0;
}

static size_t padded_bytes(const bsm_tensor *tensor)
{
    size_t bytes = tensor->count * bsm_dtype_size(tensor->dtype);
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* The format does not promise alignment, though most writers give it: copy what has none. */
static bsm_status copy_misaligned(bsm_model *model, bsm_error *error)
{
    size_t bytes = 0;
    for (size_t i = 0; i < model->num_tensors; i++) {
        bytes += is_aligned(&model->tensors[i]) ? 0 : padded_bytes(&model->tensors[i]);
    }
    if (bytes == 0) {
        return BSM_OK;
    }
    model->memory = aligned_alloc(ALIGNMENT, bytes);
    if (!model->memory) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: no memory for %zu bytes of weights", model->path,
                        bytes);
    }
    char *next = model->memory;
    for (size_t i = 0; i < model->num_tensors; i++) {
        bsm_tensor *tensor = &model->tensors[i];
        if (!is_aligned(tensor)) {
            memcpy(next, tensor->data, tensor->count * bsm_dtype_size(tensor->dtype));
            tensor->data = next;
            next += padded_bytes(tensor);
        }
    }
    return BSM_OK;
}

/* Of a checkpoint of bsm-trainer, leave what is called "ema.NAME", as NAME. */
static bsm_status choose_averages(const char *path, bsm_table *table, bsm_error *error)
{
    static const char prefix[] = "ema.";
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        bsm_table_entry entry = table->entries[i];
        if (strncmp(entry.tensor.name, prefix, sizeof prefix - 1) == 0) {
            entry.tensor.name += sizeof prefix - 1;
            table->entries[count++] = entry; /* still sorted */
        }
    }
    table->count = count;
    return count > 0 ? BSM_OK
                     : bsm_fail(error, BSM_BAD_MODEL,
                                "%s: has no averaged weights beside its weights", path);
}

static bsm_status make_model(const char *path, const bsm_mapped_file *file, bool ema,
                             bsm_model **result, bsm_error *error)
{
    bsm_safetensors content;
    bsm_status status = bsm_safetensors_parse(path, file->data, file->size, &content, error);
    if (status) {
        return status;
    }
    if (ema) {
        status = choose_averages(path, &content.table, error);
    }
    bsm_model *model = NULL;
    if (!status) {
        status =
            bsm_model_fit(path, "safetensors", &content.table, &content.metadata, &model, error);
    }
    bsm_safetensors_free(&content);
    if (!status) {
        status = copy_misaligned(model, error);
    }
    if (status) {
        bsm_model_free(model);
        return status;
    }
    *result = model;
    return BSM_OK;
}

bsm_status bsm_load_safetensors(const char *path, int fd, const struct stat *info, bool ema,
                                bsm_model **result, bsm_error *error)
{
    bsm_mapped_file file = {0};
    bsm_status status = bsm_mapped_file_map(path, fd, info, &file, error);
    if (status) {
        return status;
    }
    status = make_model(path, &file, ema, result, error);
    if (status) {
        bsm_mapped_file_unmap(&file);
        return status;
    }
    (*result)->file = file;
    return BSM_OK;
}
