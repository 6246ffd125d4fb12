/* SPDX-License-Identifier: ISC */
/* The tensors that a file offers, and how they are matched with those that a network needs. */
#include "model/tensor_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

/* ---- The tensors that a file offers, by name ---- */

void bsm_table_free(bsm_table *table)
{
    free(table->entries);
    *table = (bsm_table){0};
}

bool bsm_table_add(bsm_table *table, const bsm_table_entry *entry)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        bsm_table_entry *entries = reallocarray(table->entries, capacity, sizeof *entries);
        if (!entries) {
            return false;
        }
        table->entries = entries;
        table->capacity = capacity;
    }
    table->entries[table->count++] = *entry;
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const bsm_table_entry *left = a;
    const bsm_table_entry *right = b;
    return strcmp(left->tensor.name, right->tensor.name);
}

const char *bsm_table_sort(bsm_table *table)
{
    if (table->count < 2) {
        return NULL;
    }
    qsort(table->entries, table->count, sizeof *table->entries, compare_entries);
    for (size_t i = 1; i < table->count; i++) {
        if (compare_entries(&table->entries[i - 1], &table->entries[i]) == 0) {
            return table->entries[i].tensor.name;
        }
    }
    return NULL;
}

const bsm_table_entry *bsm_table_find(const bsm_table *table, const char *name)
{
    if (!table->count) {
        return NULL;
    }
    const bsm_table_entry key = {.tensor = {.name = name}};
    return bsearch(&key, table->entries, table->count, sizeof *table->entries, compare_entries);
}

/* ---- Matching a file's tensors with those that a network needs ---- */

bool bsm_is_network_name(const char *name)
{
    static const char *const families[] = {"layers.", "band_split.", "mask_estimators.",
                                           "final_norm."};
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (strncmp(name, families[i], strlen(families[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* "[148, 16]" */
static void format_shape(const bsm_tensor *tensor, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (size_t i = 0; i < tensor->rank && used < size; i++) {
        used +=
            (size_t)snprintf(text + used, size - used, "%s%zu", i ? ", " : "", tensor->shape[i]);
    }
    if (used < size) {
        snprintf(text + used, size - used, "]");
    }
}

static bool same_shape(const bsm_tensor *a, const bsm_tensor *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, a->rank * sizeof a->shape[0]) == 0;
}

static bsm_status fit_tensor(const bsm_model *model, const bsm_table *table, bsm_tensor *tensor,
                             bsm_error *error)
{
    const bsm_table_entry *entry = bsm_table_find(table, tensor->name);
    if (!entry) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: missing", model->path, tensor->name);
    }
    if (!same_shape(tensor, &entry->tensor)) {
        char needed[128], found[128];
        format_shape(tensor, needed, sizeof needed);
        format_shape(&entry->tensor, found, sizeof found);
        return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: its shape is %s, the network needs %s",
                        model->path, tensor->name, found, needed);
    }
    if (!entry->is_float) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: its type is %s, not a floating-point one",
                        model->path, tensor->name, entry->type_name);
    }
    tensor->dtype = entry->tensor.dtype;
    tensor->data = entry->tensor.data;
    return BSM_OK;
}

static bsm_status fit_tensors(bsm_model *model, const bsm_table *table, bsm_error *error)
{
    for (size_t i = 0; i < model->num_tensors; i++) {
        bsm_status status = fit_tensor(model, table, &model->tensors[i], error);
        if (status) {
            return status;
        }
    }
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->entries[i].tensor.name;
        if (bsm_is_network_name(name) && !bsm_model_find(model, name)) {
            return bsm_fail(error, BSM_BAD_MODEL,
                            "%s: %s: not a part of the network that the other tensors make",
                            model->path, name);
        }
    }
    return BSM_OK;
}

bsm_status bsm_model_fit(const char *path, const char *format, const bsm_table *table,
                         bsm_metadata *metadata, bsm_model **result, bsm_error *error)
{
    bsm_config config = {0};
    bsm_status status = bsm_config_from_metadata(path, metadata, &config, error);
    if (!status) {
        status = bsm_config_infer(path, table, &config, error);
    }
    bsm_model *model = NULL;
    if (!status) {
        status = bsm_model_allocate(&config, path, format, &model, error);
    }
    if (!status) {
        status = fit_tensors(model, table, error);
    }
    if (status) {
        bsm_model_free(model);
        return status;
    }
    model->metadata = *metadata;
    *metadata = (bsm_metadata){0};
    *result = model;
    return BSM_OK;
}
