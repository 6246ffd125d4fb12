/* SPDX-License-Identifier: ISC */
/* Reads the elements of a PyTorch checkpoint's tensors into contiguous memory. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"
#include "model/torch.h"

enum { ALIGNMENT = 64 };

/** A tensor to fill. */
typedef struct request {
    bsm_tensor *tensor;
    const bsm_torch_view *view;
    char *target;
} request;

/** The storage that was read last, since tensors may share one. */
typedef struct storage {
    const bsm_torch_view *of; /**< one of its views */
    char *bytes;
    size_t size;
    size_t total; /**< bytes of all storages that were read */
} storage;

/* ---- Assigning memory to tensors ---- */

static int compare_keys(const bsm_torch_view *a, const bsm_torch_view *b)
{
    size_t shorter = a->key_length < b->key_length ? a->key_length : b->key_length;
    int order = memcmp(a->key, b->key, shorter);
    return order ? order : (a->key_length > b->key_length) - (a->key_length < b->key_length);
}

static int compare_requests(const void *a, const void *b)
{
    const request *left = a;
    const request *right = b;
    return compare_keys(left->view, right->view);
}

static bsm_status fill_requests(const bsm_torch_file *file, bsm_tensor *tensors, size_t count,
                                request *requests, size_t *total, bsm_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const bsm_table_entry *entry = bsm_table_find(&file->table, tensors[i].name);
        requests[i] = (request){.tensor = &tensors[i], .view = &file->views[entry->index]};
        size_t bytes;
        if (__builtin_mul_overflow(requests[i].view->count, requests[i].view->type->size, &bytes) ||
            __builtin_add_overflow(bytes, (size_t)ALIGNMENT - 1, &bytes) ||
            __builtin_add_overflow(*total, bytes / ALIGNMENT * ALIGNMENT, total) ||
            *total > bsm_zip_limit(&file->zip)) {
            return bsm_fail(error, BSM_BAD_MODEL,
                            "%s: %s: far more weights than a file of %zu bytes can hold",
                            file->path, tensors[i].name, file->zip.file_size);
        }
    }
    return BSM_OK;
}

static void place_requests(request *requests, size_t count, char *memory)
{
    for (size_t i = 0; i < count; i++) {
        size_t bytes = requests[i].view->count * requests[i].view->type->size;
        requests[i].target = memory;
        requests[i].tensor->data = memory;
        memory += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}

/* ---- Storages ---- */

/* The size of the storage must be what its views say. */
static bsm_status check_size(const bsm_torch_file *file, const request *r, size_t size,
                             bsm_error *error)
{
    size_t expected;
    if (__builtin_mul_overflow(r->view->storage_count, r->view->type->size, &expected) ||
        expected != size) {
        return bsm_fail(error, BSM_BAD_MODEL,
                        "%s: %s: its storage has %zu bytes, not %zu times %zu", file->path,
                        r->tensor->name, size, r->view->storage_count, r->view->type->size);
    }
    return BSM_OK;
}

/* Each member is within the limit, but many may be highly compressed, or share the same bytes. */
static bsm_status check_total(const bsm_torch_file *file, const request *r, storage *s, size_t size,
                              bsm_error *error)
{
    if (__builtin_add_overflow(s->total, size, &s->total) || s->total > bsm_zip_limit(&file->zip)) {
        return bsm_fail(error, BSM_BAD_MODEL,
                        "%s: %s: its storage and those before it hold far more than a file of %zu "
                        "bytes can",
                        file->path, r->tensor->name, file->zip.file_size);
    }
    return BSM_OK;
}

static bsm_status read_storage(const bsm_torch_file *file, const request *r, storage *s,
                               bsm_error *error)
{
    char *name = NULL;
    if (asprintf(&name, "%sdata/%.*s", file->root, (int)r->view->key_length, r->view->key) < 0) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    size_t size = 0;
    bsm_status status = bsm_zip_size(&file->zip, name, &size, error);
    if (status == BSM_NOT_FOUND) {
        status = bsm_fail(error, BSM_BAD_MODEL, "%s: %s: its storage %s is missing", file->path,
                          r->tensor->name, name);
    }
    if (!status) {
        status = check_size(file, r, size, error);
    }
    if (!status) {
        status = check_total(file, r, s, size, error);
    }
    char *bytes = status ? NULL : realloc(s->bytes, size + 1);
    if (bytes) {
        *s = (storage){.of = r->view, .bytes = bytes, .size = size, .total = s->total};
        status = bsm_zip_read(&file->zip, name, bytes, size, error);
    } else if (!status) {
        status = bsm_fail(error, BSM_NO_MEMORY, "%s: %s: no memory for %zu bytes", file->path,
                          r->tensor->name, size);
    }
    free(name);
    return status;
}

/* ---- Elements ---- */

static bool is_contiguous(const bsm_torch_view *view)
{
    size_t stride = 1;
    for (size_t i = view->rank; i-- > 0;) {
        if (view->shape[i] != 1 && view->stride[i] != stride) {
            return false;
        }
        stride *= view->shape[i];
    }
    return true;
}

/* Advance to the next element in row-major order; returns its index in the storage. */
static size_t advance(const bsm_torch_view *view, size_t position[BSM_MAX_RANK], size_t source)
{
    for (size_t axis = view->rank; axis-- > 0;) {
        source += view->stride[axis];
        if (++position[axis] < view->shape[axis]) {
            break;
        }
        source -= view->stride[axis] * view->shape[axis];
        position[axis] = 0;
    }
    return source;
}

static void gather(const bsm_torch_view *view, const char *bytes, char *target)
{
    size_t size = view->type->size;
    if (is_contiguous(view)) {
        memcpy(target, bytes + view->offset * size, view->count * size);
        return;
    }
    size_t position[BSM_MAX_RANK] = {0};
    size_t source = view->offset;
    for (size_t i = 0; i < view->count; i++) {
        memcpy(target + i * size, bytes + source * size, size);
        source = advance(view, position, source);
    }
}

static void swap_bytes(char *bytes, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++, bytes += size) {
        for (size_t j = 0; j < size / 2; j++) {
            char byte = bytes[j];
            bytes[j] = bytes[size - 1 - j];
            bytes[size - 1 - j] = byte;
        }
    }
}

static bsm_status read_requests(const bsm_torch_file *file, const request *requests, size_t count,
                                bsm_error *error)
{
    storage s = {0};
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < count && !status; i++) {
        const request *r = &requests[i];
        bool same = s.of && compare_keys(s.of, r->view) == 0;
        status = same ? check_size(file, r, s.size, error) : read_storage(file, r, &s, error);
        if (!status && r->view->count) {
            gather(r->view, s.bytes, r->target);
            if (file->swapped) {
                swap_bytes(r->target, r->view->count, r->view->type->size);
            }
        }
    }
    free(s.bytes);
    return status;
}

bsm_status bsm_torch_read_tensors(const bsm_torch_file *file, bsm_tensor *tensors, size_t count,
                                  void **result, bsm_error *error)
{
    size_t total = 0;
    void *memory = NULL;
    request *requests = calloc(count + 1, sizeof *requests);
    if (!requests) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    bsm_status status = fill_requests(file, tensors, count, requests, &total, error);
    if (!status) {
        memory = aligned_alloc(ALIGNMENT, total + ALIGNMENT);
        if (!memory) {
            status = bsm_fail(error, BSM_NO_MEMORY, "%s: no memory for %zu bytes of weights",
                              file->path, total);
        }
    }
    if (!status) {
        place_requests(requests, count, memory);
        qsort(requests, count, sizeof *requests, compare_requests);
        status = read_requests(file, requests, count, error);
    }
    free(requests);
    if (status) {
        free(memory);
        return status;
    }
    *result = memory;
    return BSM_OK;
}
