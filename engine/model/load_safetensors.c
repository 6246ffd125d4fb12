/* SPDX-License-Identifier: ISC */
/* Loads a model from a safetensors file. Its tensors lie in the memory-mapped file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "model/safetensors.h"
#include "model/tensor_table.h"

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

/* The format does not promise alignment, though most writers align: copy tensors that are not
 * aligned. */
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

/* ---- Names ---- */

/* What precedes the network's own names: "ema." in a checkpoint of bsm-trainer. */
typedef struct name_prefix {
    char text[BSM_MAX_WRAPPED_NAME];
    bool found;
} name_prefix;

static void consider(name_prefix *prefix, const char *name, size_t length)
{
    if (length < sizeof prefix->text && (!prefix->found || length == 0)) {
        memcpy(prefix->text, name, length);
        prefix->text[length] = '\0';
        prefix->found = true;
    }
}

/* Find the prefix of the network's weights, or of their average. The weights themselves may have
 * no prefix. */
static name_prefix find_prefix(const bsm_table *table, bool ema)
{
    name_prefix weights = {0}, average = {0};
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->entries[i].tensor.name;
        size_t length;
        if (bsm_name_is_landmark(name, &length)) {
            consider(bsm_name_is_average(name) ? &average : &weights, name, length);
        }
    }
    return ema || !weights.found ? average : weights;
}

static void unwrap_names(bsm_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        bsm_name_unwrap((char *)(uintptr_t)table->entries[i].tensor.name); /* owned by the JSON */
    }
}

/* Keep only the tensors whose names begin with the prefix, and remove it from their names. */
static void strip(bsm_table *table, const char *prefix)
{
    const size_t length = strlen(prefix);
    size_t count = 0;
    for (size_t i = 0; i < table->count; i++) {
        bsm_table_entry entry = table->entries[i];
        if (strncmp(entry.tensor.name, prefix, length) == 0) {
            entry.tensor.name += length;
            table->entries[count++] = entry;
        }
    }
    table->count = count;
}

/* List the first parts of all names: "decoder, encoder". */
static bsm_status fail_unknown(const char *path, const bsm_table *table, bsm_error *error)
{
    char text[256] = "";
    size_t used = 0, length = 0;
    const char *last = "";
    for (size_t i = 0; i < table->count && used < sizeof text - 64; i++) {
        const char *name = table->entries[i].tensor.name;
        if (i == 0 || strncmp(name, last, length) != 0 || strcspn(name, ".") != length) {
            last = name;
            length = strcspn(name, ".");
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", i ? ", " : "",
                                     length < 40 ? (int)length : 40, name);
        }
    }
    return bsm_fail(error, BSM_BAD_MODEL,
                    "%s: final_norm.gamma: missing, so this is no BSMamba2 model; its names begin "
                    "with: %s",
                    path, *text ? text : "nothing");
}

static bsm_status choose_network(const char *path, bsm_table *table, bool ema, bsm_error *error)
{
    unwrap_names(table);
    const name_prefix prefix = find_prefix(table, ema);
    if (!prefix.found) {
        return ema ? bsm_fail(error, BSM_BAD_MODEL,
                              "%s: has no averaged weights beside its weights", path)
                   : fail_unknown(path, table, error);
    }
    strip(table, prefix.text);
    const char *twice = bsm_table_sort(table);
    return twice ? bsm_fail(error, BSM_BAD_MODEL, "%s: %s: is there twice", path, twice) : BSM_OK;
}

static bsm_status make_model(const char *path, const bsm_mapped_file *file, bool ema,
                             bsm_model **result, bsm_error *error)
{
    bsm_safetensors content;
    bsm_status status = bsm_safetensors_parse(path, file->data, file->size, &content, error);
    if (status) {
        return status;
    }
    status = choose_network(path, &content.table, ema, error);
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
