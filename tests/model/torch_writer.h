/* SPDX-License-Identifier: ISC */
/** Writes PyTorch checkpoints for the tests, valid and invalid ones. */
#ifndef BSM_TESTS_MODEL_TORCH_WRITER_H
#define BSM_TESTS_MODEL_TORCH_WRITER_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/model.h"

/** An array of bytes that grows. */
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

/** How a checkpoint differs from a plain state dict of a model. */
typedef struct torch_style {
    const char *prefix; /**< of each name; NULL: none */
    const char *infix;  /**< after each "mixer." in a name; NULL: none */
    /** key of the state dict in an outer dict; "a.b": in two; NULL: no dict */
    const char *wrapper;
    const char *average;        /**< key of a second state dict, whose weights are doubled */
    const char *average_prefix; /**< the same in the same dict, with this prefix */
    bool dotless;               /**< these names have no dots, as in LitEma */
    bool modules;               /**< the pickled networks themselves instead of state dicts */
    bool parameters;            /**< torch.nn.Parameter objects */
    bool one_storage;           /**< all tensors are views of one storage */
    bool transposed;            /**< matrices are stored column by column */
    bool big_endian;
    bool doubles; /**< float64 storages instead of float32 */
    bool deflated;
    bool expanded;           /**< each tensor is one element that is repeated */
    size_t padding;          /**< zero elements at the end of each storage; not with one_storage */
    bool code;               /**< adds calls of os.system, classes and a set */
    const char *without;     /**< a tensor to leave out */
    const char *with;        /**< a tensor of shape [1] to add */
    const char *long_tensor; /**< a tensor whose storage claims one more element */
    const char *root;        /**< the archive's folder with its '/'; NULL: "archive/" */
    size_t ema;              /**< number of averages (copies of the weights) to add */
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

/** Set all checksums of an archive to 0, like programs that do not compute them. */
void zip_clear_checksums(const char *path);

#endif
