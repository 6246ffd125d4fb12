/* SPDX-License-Identifier: ISC */
/* A model in memory. */
#include "model/model.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/schema.h"

/* ---- A whole file mapped for reading ---- */

bsm_status bsm_mapped_file_map(const char *path, int fd, const struct stat *info,
                               bsm_mapped_file *file, bsm_error *error)
{
    size_t size = (size_t)info->st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        return bsm_fail_errno(error, errno, path, "cannot map");
    }
    *file = (bsm_mapped_file){.data = data, .size = size};
    return BSM_OK;
}

void bsm_mapped_file_forget(const bsm_mapped_file *file)
{
    if (file->data) {
        /* if this fails, the pages only take memory */
        (void)madvise(file->data, file->size, MADV_DONTNEED);
    }
}

void bsm_mapped_file_unmap(bsm_mapped_file *file)
{
    if (file->data) {
        munmap(file->data, file->size);
    }
    *file = (bsm_mapped_file){0};
}

/* ---- The model: tensors by index and by name, references ---- */

static pthread_mutex_t models_lock = PTHREAD_MUTEX_INITIALIZER;

void bsm_models_lock(void)
{
    pthread_mutex_lock(&models_lock);
}

void bsm_models_unlock(void)
{
    pthread_mutex_unlock(&models_lock);
}

/* ---- Construction ---- */

typedef struct sizes {
    size_t tensors;
    size_t name_bytes;
} sizes;

static bsm_status add_sizes(void *user, const bsm_schema_entry *entry, bsm_error *error)
{
    (void)error;
    sizes *sum = user;
    sum->tensors++;
    sum->name_bytes += strlen(entry->name) + 1;
    return BSM_OK;
}

/** Where the next tensor and its name go. */
typedef struct cursor {
    bsm_model *model;
    char *name;
} cursor;

static bsm_status add_tensor(void *user, const bsm_schema_entry *entry, bsm_error *error)
{
    (void)error;
    cursor *at = user;
    size_t bytes = strlen(entry->name) + 1;
    memcpy(at->name, entry->name, bytes);
    bsm_tensor *tensor = &at->model->tensors[at->model->num_tensors++];
    *tensor = (bsm_tensor){.name = at->name, .rank = entry->rank, .count = entry->count};
    memcpy(tensor->shape, entry->shape, entry->rank * sizeof entry->shape[0]);
    at->name += bytes;
    return BSM_OK;
}

static int compare_names(const void *a, const void *b)
{
    const bsm_tensor *const *left = a;
    const bsm_tensor *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static bsm_status fill_tensors(bsm_model *model, bsm_error *error)
{
    sizes sum = {0};
    bsm_status status = bsm_schema_visit(&model->config, add_sizes, &sum, error);
    if (status) {
        return status;
    }
    model->tensors = calloc(sum.tensors, sizeof *model->tensors);
    model->by_name = calloc(sum.tensors, sizeof *model->by_name);
    model->names = malloc(sum.name_bytes);
    if (!model->tensors || !model->by_name || !model->names) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", model->path);
    }
    cursor at = {.model = model, .name = model->names};
    status = bsm_schema_visit(&model->config, add_tensor, &at, error);
    for (size_t i = 0; i < model->num_tensors; i++) {
        model->by_name[i] = &model->tensors[i];
    }
    qsort(model->by_name, model->num_tensors, sizeof *model->by_name, compare_names);
    return status;
}

bsm_status bsm_model_allocate(const bsm_config *config, const char *path, const char *format,
                              bsm_model **result, bsm_error *error)
{
    bsm_status status = bsm_config_validate(config, error);
    if (status) {
        return status;
    }
    bsm_model *model = calloc(1, sizeof *model);
    char *copy = strdup(path);
    if (!model || !copy) {
        free(model);
        free(copy);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    *model = (bsm_model){.references = 1, .config = *config, .path = copy, .format = format};
    status = fill_tensors(model, error);
    if (status) {
        bsm_model_free(model);
        return status;
    }
    *result = model;
    return BSM_OK;
}

/* ---- References ---- */

static void destroy(bsm_model *model)
{
    bsm_mapped_file_unmap(&model->file);
    bsm_metadata_free(&model->metadata);
    free(model->memory);
    free(model->by_name);
    free(model->names);
    free(model->tensors);
    free(model->path);
    free(model);
}

bsm_model *bsm_model_ref(bsm_model *model)
{
    bsm_models_lock();
    model->references++;
    bsm_models_unlock();
    return model;
}

void bsm_model_free(bsm_model *model)
{
    if (!model) {
        return;
    }
    bsm_models_lock();
    bool last = --model->references == 0;
    if (last && model->unlist) {
        model->unlist(model);
    }
    bsm_models_unlock();
    if (last) {
        destroy(model);
    }
}

/* ---- Queries ---- */

const bsm_config *bsm_model_config(const bsm_model *model)
{
    return &model->config;
}

const char *bsm_model_path(const bsm_model *model)
{
    return model->path;
}

const char *bsm_model_format(const bsm_model *model)
{
    return model->format;
}

size_t bsm_model_num_tensors(const bsm_model *model)
{
    return model->num_tensors;
}

const bsm_tensor *bsm_model_tensor(const bsm_model *model, size_t index)
{
    return index < model->num_tensors ? &model->tensors[index] : NULL;
}

const bsm_tensor *bsm_model_find(const bsm_model *model, const char *name)
{
    const bsm_tensor key = {.name = name};
    const bsm_tensor *key_pointer = &key;
    const bsm_tensor **found = bsearch(&key_pointer, model->by_name, model->num_tensors,
                                       sizeof *model->by_name, compare_names);
    return found ? *found : NULL;
}

const char *bsm_model_metadata(const bsm_model *model, const char *key)
{
    return bsm_metadata_get(&model->metadata, key);
}

bsm_status bsm_model_set_metadata(bsm_model *model, const char *key, const char *value,
                                  bsm_error *error)
{
    if (!bsm_metadata_set(&model->metadata, key, value)) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", model->path);
    }
    return BSM_OK;
}

bool bsm_model_metadata_at(const bsm_model *model, size_t index, const char **key,
                           const char **value)
{
    if (index >= model->metadata.count) {
        return false;
    }
    *key = model->metadata.pairs[index].key;
    *value = model->metadata.pairs[index].value;
    return true;
}
