/* SPDX-License-Identifier: ISC */
/** Reads PyTorch checkpoints: a zip archive with a pickle that describes tensors, and one member
 *  per storage (https://pytorch.org/docs/stable/notes/serialization.html). */
#ifndef BSM_MODEL_TORCH_H
#define BSM_MODEL_TORCH_H

#include <stddef.h>

#include "bsm/model.h"
#include "bsm/status.h"
#include "model/pickle.h"
#include "model/tensor_table.h"

/* Reading members of a zip archive, stored or deflated, also over 4 GB, with limits that follow
 * from the archive's own size. */

typedef struct bsm_zip {
    const char *path;
    struct zip *archive;
    size_t file_size;
} bsm_zip;

/** Open the archive in `fd`, which stays open. */
bsm_status bsm_zip_open(const char *path, int fd, size_t file_size, bsm_zip *zip, bsm_error *error);
void bsm_zip_close(bsm_zip *zip);

/** The most bytes that an archive of this size can sensibly unpack to. */
size_t bsm_zip_limit(const bsm_zip *zip);

/** The name of the member with this index; NULL past the last. */
const char *bsm_zip_name(const bsm_zip *zip, size_t index);

/** Get the size of a member. BSM_NOT_FOUND if there is none of that name; BSM_BAD_MODEL if its
 *  size exceeds bsm_zip_limit. */
bsm_status bsm_zip_size(const bsm_zip *zip, const char *name, size_t *size, bsm_error *error);

/** Read a whole member of `size` bytes and verify its checksum. A checksum of 0 means that there
 *  is none. */
bsm_status bsm_zip_read(const bsm_zip *zip, const char *name, void *buffer, size_t size,
                        bsm_error *error);

/* ---- A PyTorch tensor as a pickle describes it: a view of a storage ---- */

/** An element type of PyTorch. */
typedef struct bsm_torch_type {
    const char *storage; /**< the class name of its storages */
    const char *name;
    size_t size;
    bool is_float;
    bsm_dtype dtype; /**< valid if is_float */
} bsm_torch_type;

typedef struct bsm_torch_view {
    const bsm_torch_type *type;
    const char *key; /**< key of the storage; points into the pickle, without a terminating zero */
    size_t key_length;
    size_t storage_count; /**< elements in the storage */
    size_t offset;
    size_t rank;
    size_t shape[BSM_MAX_RANK];
    size_t stride[BSM_MAX_RANK];
    size_t count;
} bsm_torch_view;

/** Read a tensor or a parameter. Returns NULL, or the reason why `value` cannot be read. A view
 *  that was read lies inside its storage. */
const char *bsm_torch_view_read(const bsm_pickle_value *value, bsm_torch_view *view);

/* ---- Finding a network's weights in a checkpoint: trainers use different keys ---- */

typedef struct bsm_torch_place {
    /** a dict with names, or a sequence in the order of such a dict */
    const bsm_pickle_value *values;
    char name[BSM_MAX_WRAPPED_NAME]; /**< tells it from others: "ema.online_model"; may be "" */
    /** prefix of the network's own names in a dict, unwrapped */
    char prefix[BSM_MAX_WRAPPED_NAME];
    bool average;
    bool dotless; /**< an average whose names have lost their dots */
} bsm_torch_place;

enum { BSM_MAX_TORCH_PLACES = 16 };

/** Find such places, outermost first, in dicts and sequences a few levels deep.
 *  @return how many there are */
size_t bsm_torch_find_places(const bsm_pickle_value *top,
                             bsm_torch_place places[BSM_MAX_TORCH_PLACES]);

/* Networks that were pickled whole by torch.save(model), turned into the state dicts that they
 * would give. */

/** Replace each torch.nn.Module, down to a few levels deep, by a dict of names and tensors.
 *  @return what replaces `top`; NULL if the arena is full */
const bsm_pickle_value *bsm_torch_unfold_modules(const bsm_pickle_value *top, bsm_arena *arena);

typedef struct bsm_torch_file {
    const char *path;
    bsm_zip zip;
    char *root;      /**< prefix of the members' names, such as "archive/" */
    void *pickle;    /**< the pickle's bytes */
    bsm_arena arena; /**< holds the pickle's values and the names in the table */
    const bsm_pickle_value *top;
    bool swapped;          /**< the file was written on a big-endian machine */
    bsm_torch_view *views; /**< the tensors of the state dict, in its order */
    size_t num_views;
    bool average;    /**< the views are of averaged weights */
    bsm_table table; /**< sorted; an entry's index is that of its view, its data is NULL */
} bsm_torch_file;

/** Read what `fd`, which stays open, holds, except for the tensors' elements. With `ema` the views
 *  are of the averaged weights. If there are several networks, the log says which one was taken. */
bsm_status bsm_torch_open(const char *path, int fd, size_t file_size, bool ema,
                          bsm_torch_file *file, bsm_error *error);
void bsm_torch_close(bsm_torch_file *file);

/** Fill file->views and file->table from the state dict in file->top. */
bsm_status bsm_torch_find_tensors(bsm_torch_file *file, bool ema, bsm_error *error);

/** Fail with BSM_BAD_MODEL and a message that says `what` is wrong, and which keys the file has. */
bsm_status bsm_torch_fail_unknown(const bsm_torch_file *file, const char *what, bsm_error *error);

/** Read the elements of the table's tensors (by name, of floating-point types) into *memory,
 *  contiguous and aligned, and set their data. free() frees *memory. */
bsm_status bsm_torch_read_tensors(const bsm_torch_file *file, bsm_tensor *tensors, size_t count,
                                  void **memory, bsm_error *error);

#endif
