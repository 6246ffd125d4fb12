/* SPDX-License-Identifier: ISC */
/* Opens a PyTorch checkpoint: its archive and its pickle. */
#include "model/torch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A network of 515 tensors takes a pickle of 62 KB; with averages and the optimizer's states it
 * takes 104 KB. The parsed values take eight times as much. */
enum {
    MAX_PICKLE = 32 << 20,
    MAX_VALUES = 256 << 20,
};

/* ---- Members ---- */

/* All members lie in one folder, whose name torch.save derives from the file's. */
static bsm_status find_root(bsm_torch_file *file, bsm_error *error)
{
    static const char wanted[] = "data.pkl";
    const char *name;
    for (size_t i = 0; (name = bsm_zip_name(&file->zip, i)); i++) {
        size_t length = strlen(name);
        size_t root = length - (sizeof wanted - 1);
        if (length >= sizeof wanted - 1 && strcmp(name + root, wanted) == 0 &&
            (root == 0 || name[root - 1] == '/')) {
            file->root = strndup(name, root);
            return file->root ? BSM_OK
                              : bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
        }
    }
    return bsm_fail(error, BSM_BAD_MODEL,
                    "%s: a zip archive without data.pkl, so no PyTorch checkpoint", file->path);
}

/* Read a member under the root, at most `limit` bytes. The caller frees *data. */
static bsm_status read_member(const bsm_torch_file *file, const char *name, size_t limit,
                              void **data, size_t *size, bsm_error *error)
{
    char *path = NULL;
    if (asprintf(&path, "%s%s", file->root, name) < 0) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    bsm_status status = bsm_zip_size(&file->zip, path, size, error);
    if (!status && *size > limit) {
        status =
            bsm_fail(error, BSM_BAD_MODEL, "%s: %s: larger than any model's", file->path, path);
    }
    void *bytes = status ? NULL : malloc(*size + 1);
    if (!status && !bytes) {
        status = bsm_fail(error, BSM_NO_MEMORY, "%s: %s: out of memory", file->path, path);
    }
    if (!status) {
        status = bsm_zip_read(&file->zip, path, bytes, *size, error);
    }
    free(path);
    if (status) {
        free(bytes);
        return status;
    }
    *data = bytes;
    return BSM_OK;
}

/* Newer versions write "little" or "big"; older ones ran on little-endian machines only, for all
 * that matters. */
static bsm_status read_byte_order(bsm_torch_file *file, bsm_error *error)
{
    void *data = NULL;
    size_t size = 0;
    bsm_status status = read_member(file, "byteorder", 64, &data, &size, error);
    if (status == BSM_NOT_FOUND) {
        return BSM_OK;
    }
    if (status) {
        return status;
    }
    file->swapped = size >= 3 && memcmp(data, "big", 3) == 0;
    bool known = file->swapped || (size >= 6 && memcmp(data, "little", 6) == 0);
    free(data);
    return known ? BSM_OK : bsm_fail(error, BSM_BAD_MODEL, "%s: unknown byteorder", file->path);
}

static bsm_status read_pickle(bsm_torch_file *file, bsm_error *error)
{
    size_t size = 0;
    bsm_status status = read_member(file, "data.pkl", MAX_PICKLE, &file->pickle, &size, error);
    if (status) {
        return status;
    }
    /* An object takes at least two bytes in the pickle, and about fifty here. */
    size_t limit = 64 * size + (1 << 20);
    file->arena = bsm_arena_make(limit < MAX_VALUES ? limit : MAX_VALUES);
    status = bsm_pickle_read(file->path, file->pickle, size, &file->arena, &file->top, error);
    if (status) {
        return status;
    }
    file->top = bsm_torch_unfold_modules(file->top, &file->arena);
    return file->top ? BSM_OK
                     : bsm_fail(error, file->arena.exhausted ? BSM_BAD_MODEL : BSM_NO_MEMORY,
                                "%s: its modules need more memory than a model's", file->path);
}

/* ---- The whole file ---- */

static bsm_status read_file(bsm_torch_file *file, int fd, size_t file_size, bool ema,
                            bsm_error *error)
{
    bsm_status status = bsm_zip_open(file->path, fd, file_size, &file->zip, error);
    if (!status) {
        status = find_root(file, error);
    }
    if (!status) {
        status = read_byte_order(file, error);
    }
    if (!status) {
        status = read_pickle(file, error);
    }
    if (!status) {
        status = bsm_torch_find_tensors(file, ema, error);
    }
    return status;
}

bsm_status bsm_torch_open(const char *path, int fd, size_t file_size, bool ema,
                          bsm_torch_file *file, bsm_error *error)
{
    *file = (bsm_torch_file){.path = path};
    bsm_status status = read_file(file, fd, file_size, ema, error);
    if (status) {
        bsm_torch_close(file);
    }
    return status;
}

void bsm_torch_close(bsm_torch_file *file)
{
    bsm_table_free(&file->table);
    free(file->views);
    bsm_arena_free(&file->arena);
    free(file->pickle);
    free(file->root);
    bsm_zip_close(&file->zip);
    *file = (bsm_torch_file){0};
}
