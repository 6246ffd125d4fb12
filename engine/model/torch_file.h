/* SPDX-License-Identifier: ISC */
/** A PyTorch checkpoint: a zip archive with a pickle that describes tensors and one member per
 *  storage (https://pytorch.org/docs/stable/notes/serialization.html). */
#ifndef BSM_MODEL_TORCH_FILE_H
#define BSM_MODEL_TORCH_FILE_H

#include "model/arena.h"
#include "model/pickle.h"
#include "model/table.h"
#include "model/torch_view.h"
#include "model/zip_archive.h"

typedef struct bsm_torch_file {
    const char *path;
    bsm_zip zip;
    char *root;      /**< what the members' names begin with, like "archive/" */
    void *pickle;    /**< its bytes */
    bsm_arena arena; /**< its values, and the names in the table */
    const bsm_pickle_value *top;
    bool swapped;          /**< it was written on a big-endian machine */
    bsm_torch_view *views; /**< of the state dict, in its order */
    size_t num_views;
    bool average;    /**< the views are of averaged weights */
    bsm_table table; /**< sorted; an entry's index is that of its view, its data is NULL */
} bsm_torch_file;

/** Read what `fd`, which stays open, holds, except for the tensors' elements. With `ema` the views
 *  are of the averaged weights. Where there are several networks, the log says which was taken. */
bsm_status bsm_torch_open(const char *path, int fd, size_t file_size, bool ema,
                          bsm_torch_file *file, bsm_error *error);
void bsm_torch_close(bsm_torch_file *file);

/** Fill file->views and file->table from the state dict in file->top. */
bsm_status bsm_torch_find_tensors(bsm_torch_file *file, bool ema, bsm_error *error);

/** BSM_BAD_MODEL with a message that says `what` is wrong, and which keys the file has. */
bsm_status bsm_torch_fail_unknown(const bsm_torch_file *file, const char *what, bsm_error *error);

/** Read the elements of tensors that the table has (by name, of floating-point types) into
 *  *memory, which free() frees, contiguous and aligned, and set their data. */
bsm_status bsm_torch_read_tensors(const bsm_torch_file *file, bsm_tensor *tensors, size_t count,
                                  void **memory, bsm_error *error);

#endif
