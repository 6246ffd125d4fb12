/* SPDX-License-Identifier: ISC */
/** Writing PyTorch checkpoints, sound and unsound, for the tests. */
#ifndef BSM_TESTS_MODEL_TORCH_WRITER_H
#define BSM_TESTS_MODEL_TORCH_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/model.h"

/** Bytes that grow. */
typedef struct bytes {
    char *data;
    size_t size;
    size_t capacity;
} bytes;

void bytes_add(bytes *b, const void *data, size_t size);
void bytes_add_text(bytes *b, const char *text);
void bytes_free(bytes *b);

/* ---- Pickles ---- */

void pickle_text(bytes *b, const char *text);
void pickle_integer(bytes *b, long long value);

/** How a checkpoint is to differ from a plain state dict of a model. */
typedef struct torch_style {
    const char *prefix;  /**< of each name; NULL: none */
    const char *infix;   /**< behind each "mixer." in a name; NULL: none */
    const char *wrapper; /**< the key of the state dict in a dict around it; NULL: bare. With a dot,
                              "a.b", in a dict in a dict */
    const char *average; /**< the key of a second one beside it, of weights twice as large */
    const char *average_prefix; /**< the same in the same dict, whose names begin so */
    bool dotless;               /**< of these names, without their dots, as LitEma's are */
    bool modules;               /**< the networks themselves, pickled whole, not state dicts */
    bool parameters;            /**< torch.nn.Parameter objects */
    bool one_storage;           /**< all tensors are views of one storage */
    bool transposed;            /**< matrices are stored column by column */
    bool big_endian;
    bool doubles; /**< float64 storages, else float32 */
    bool deflated;
    bool expanded;       /**< each tensor is one element seen many times */
    size_t padding;      /**< elements of zero at the end of each storage; not with one_storage */
    bool code;           /**< beside the state dict: calls of os.system, classes, a set */
    const char *without; /**< a tensor to leave out */
    const char *with;    /**< a tensor of shape [1] to add */
    const char *long_tensor; /**< a tensor whose storage is said to be one element longer */
    const char *root;        /**< the archive's folder with its '/'; NULL: "archive/" */
    size_t ema;              /**< so many averages (the weights themselves) beside it */
} torch_style;

/** Write a checkpoint of a float32 model. */
void torch_write(const char *path, const bsm_model *model, const torch_style *style);

/* ---- Archives ---- */

typedef struct member {
    const char *name;
    const void *data;
    size_t size;
} member;

/** Write a zip archive. */
void zip_write(const char *path, const member *members, size_t count, bool deflated);

/** Make all checksums of an archive 0, as writers do that compute none. */
void zip_clear_checksums(const char *path);

#endif
