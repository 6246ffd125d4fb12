/* SPDX-License-Identifier: ISC */
/** Models: named tensors, a configuration and metadata, in files and in memory.
 *
 *  Files are safetensors (bsm's own format) or PyTorch checkpoints. The latter are zip archives
 *  with a pickle, which is interpreted by a reader that knows only tensors and containers and
 *  executes nothing. A model is immutable and has a reference count. Models that a process opens
 *  from the same file with the same `ema` are one object, which may use the file through a memory
 *  mapping. So a file in use must be replaced by renaming another one over it, as bsm itself does;
 *  truncating it ends the process with SIGBUS.
 *
 *  All functions may be called from any thread but the audio thread.
 *
 *  Formats: https://github.com/huggingface/safetensors and
 *  https://pytorch.org/docs/stable/notes/serialization.html
 *
 *  Names and shapes of the tensors: docs/model-format.md */
#ifndef BSM_MODEL_H
#define BSM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/config.h"
#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_model bsm_model;

typedef enum bsm_dtype {
    BSM_F32,
    BSM_F16,
    BSM_BF16,
    BSM_F64,
} bsm_dtype;

enum { BSM_MAX_RANK = 8 };

/** A tensor of a model, contiguous and row-major. It is valid as long as its model. */
typedef struct bsm_tensor {
    const char *name;
    bsm_dtype dtype;
    size_t rank;
    size_t shape[BSM_MAX_RANK];
    size_t count;     /**< number of elements */
    const void *data; /**< aligned at least to the size of an element */
} bsm_tensor;

typedef struct bsm_model_options {
    bool ema;        /**< read the averaged weights of a training checkpoint, not the last ones */
    bool any_values; /**< accept weights that are NaN or infinite */
} bsm_model_options;

/** Open a model file. `options` may be NULL, which means all zero. The model's tensors are exactly
 *  those that its configuration needs, with the shapes that it needs; others that a checkpoint
 *  holds are left out. Unless the options allow them, weights that are NaN or infinite are an
 *  error, which names the tensor. BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_IO, BSM_BAD_MODEL,
 *  BSM_UNSUPPORTED, BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_open(const char *path, const bsm_model_options *options,
                                                bsm_model **model, bsm_error *error);

/** Make a model whose weights are a hash of their names (docs/model-format.md). It is not trained,
 *  but the same on every machine. It serves tests, benchmarks, and trying the programs without a
 *  trained model. BSM_INVALID_ARGUMENT (as bsm_config_validate), BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_untrained(const bsm_config *config,
                                                         bsm_model **model, bsm_error *error);

/** Make a model to be trained, whose weights are drawn from the distributions of PyTorch and
 *  Mamba2. The same seed gives the same weights. BSM_INVALID_ARGUMENT (as bsm_config_validate),
 *  BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_initialised(const bsm_config *config, uint64_t seed,
                                                           bsm_model **model, bsm_error *error);

/** Make a model from the average of the weights of `count` models with equal shapes; the
 *  configuration and the metadata are those of the first. The average of checkpoints of one
 *  training is often better than each of them (Wortsman et al., "Model soups", 2022). A model that
 *  is given several times counts as often. BSM_BAD_MODEL (shapes differ), BSM_INVALID_ARGUMENT
 *  (count is 0), BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_average(bsm_model *const *models, size_t count,
                                                       bsm_model **model, bsm_error *error);

/** Add a reference. @return `model` */
BSM_API bsm_model *bsm_model_ref(bsm_model *model);

/** Drop a reference; the last one frees the model. NULL is allowed. */
BSM_API void bsm_model_free(bsm_model *model);

BSM_API const bsm_config *bsm_model_config(const bsm_model *model);

/** Return the path that the model was opened from. If it does not come from a file, this is the
 *  model's format. */
BSM_API const char *bsm_model_path(const bsm_model *model);

/** Return "safetensors", "pytorch", "untrained", "initialised", "training" or "average". */
BSM_API const char *bsm_model_format(const bsm_model *model);

BSM_API size_t bsm_model_num_tensors(const bsm_model *model);

/** Return a tensor in the order of docs/model-format.md; NULL if `index` is out of range. */
BSM_API const bsm_tensor *bsm_model_tensor(const bsm_model *model, size_t index);

/** Return the tensor of that name; NULL if there is none. */
BSM_API const bsm_tensor *bsm_model_find(const bsm_model *model, const char *name);

/** Return the value of a metadata key ("licence", "training", ...), or NULL if there is none. */
BSM_API const char *bsm_model_metadata(const bsm_model *model, const char *key);

/** Replace the value of a metadata key, or add the pair. Allowed only while nothing else uses the
 *  model. BSM_NO_MEMORY: the model is unchanged. */
BSM_API BSM_NODISCARD bsm_status bsm_model_set_metadata(bsm_model *model, const char *key,
                                                        const char *value, bsm_error *error);

/** Get metadata pair number `index` (from 0) in the order of the file; false after the last one. */
BSM_API bool bsm_model_metadata_at(const bsm_model *model, size_t index, const char **key,
                                   const char **value);

/** Convert a whole tensor to float32. @param out  room for tensor->count floats */
BSM_API void bsm_tensor_read(const bsm_tensor *tensor, float *out);

/** Check that every weight is a finite float32. BSM_BAD_MODEL, with a message that names the first
 *  tensor and the element for which that is not so. */
BSM_API BSM_NODISCARD bsm_status bsm_model_check_values(const bsm_model *model, bsm_error *error);

/** Write a model with all its metadata as safetensors. The file is written under a temporary name
 *  beside `path` and renamed when it is complete.
 *  @param dtype  the type of matrices: BSM_F32, BSM_F16 or BSM_BF16. Vectors, which include the
 *                parameters of the scan, are always float32.
 *  @param force  replace an existing file
 *  BSM_EXISTS, BSM_INVALID_ARGUMENT (another dtype), BSM_UNSUPPORTED (a weight is too large for
 *  `dtype`), BSM_NOT_FOUND (the folder), BSM_NO_PERMISSION, BSM_NO_SPACE, BSM_IO, BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_save(const bsm_model *model, const char *path,
                                                bsm_dtype dtype, bool force, bsm_error *error);

BSM_END_DECLS

#endif
