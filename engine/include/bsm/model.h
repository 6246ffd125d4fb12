/* SPDX-License-Identifier: ISC */
/** Model files: named tensors and a configuration.
 *
 *  Reads safetensors (bsm's own format) and PyTorch checkpoints (zip archives with a pickle, which
 *  is interpreted by a reader that knows tensors and containers and executes nothing). A model is
 *  immutable and counted by references; models opened from the same file in one process are the
 *  same object over one memory mapping. So a file that is in use must be replaced by renaming
 *  another over it, as bsm itself does: whoever cuts it short in place ends the process (SIGBUS).
 *
 *  Not for the audio thread. All functions may be called from any thread.
 *
 *  Formats: https://github.com/huggingface/safetensors,
 * https://pytorch.org/docs/stable/notes/serialization.html Tensor names and shapes:
 * docs/model-format.md. */
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

/** A tensor of a model: contiguous and row-major. It lives as long as its model. */
typedef struct bsm_tensor {
    const char *name;
    bsm_dtype dtype;
    size_t rank;
    size_t shape[BSM_MAX_RANK];
    size_t count;     /**< number of elements */
    const void *data; /**< aligned at least as its dtype needs */
} bsm_tensor;

typedef struct bsm_model_options {
    bool ema; /**< take the averaged weights of a training checkpoint instead of the last ones */
    bool any_values; /**< accept a model with a NaN or an infinity among its weights */
} bsm_model_options;

/** Open a model file. `options` may be NULL. The tensors are exactly those that the configuration
 *  needs, with the shapes it needs; what a checkpoint holds beside them is left out. A NaN or an
 *  infinity among the weights is refused, with the tensor's name, unless the options allow it.
 *  BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_BAD_MODEL, BSM_UNSUPPORTED, BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_open(const char *path, const bsm_model_options *options,
                                                bsm_model **model, bsm_error *error);

/** Make a model whose weights are hashes of their names (docs/model-format.md): it is not trained,
 *  but the same everywhere. For tests, benchmarks and for trying the programs without a trained
 *  model. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_untrained(const bsm_config *config,
                                                         bsm_model **model, bsm_error *error);

/** Make a new model for training, with weights drawn as PyTorch and Mamba2 draw them. The same seed
 *  gives the same weights. BSM_INVALID_ARGUMENT (as bsm_config_validate), BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_initialised(const bsm_config *config, uint64_t seed,
                                                           bsm_model **model, bsm_error *error);

/** Average the weights of models of one shape, with the metadata of the first one. An average of
 *  checkpoints of a training is often better than each of them (Wortsman et al., "Model soups",
 *  2022). A model that is given several times has that weight. BSM_BAD_MODEL (shapes differ),
 *  BSM_INVALID_ARGUMENT (no model), BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_average(bsm_model *const *models, size_t count,
                                                       bsm_model **model, bsm_error *error);

/** Add a reference and return the model. */
BSM_API bsm_model *bsm_model_ref(bsm_model *model);

/** Drop a reference; dropping the last one frees the model. NULL is allowed. */
BSM_API void bsm_model_free(bsm_model *model);

BSM_API const bsm_config *bsm_model_config(const bsm_model *model);

/** Return the path that the model was opened from, or its format if it comes from no file. */
BSM_API const char *bsm_model_path(const bsm_model *model);

/** Return "safetensors", "pytorch", "untrained", "initialised", "training" or "average". */
BSM_API const char *bsm_model_format(const bsm_model *model);

BSM_API size_t bsm_model_num_tensors(const bsm_model *model);
BSM_API const bsm_tensor *bsm_model_tensor(const bsm_model *model, size_t index);

/** Find a tensor by its name. NULL if there is none. */
BSM_API const bsm_tensor *bsm_model_find(const bsm_model *model, const char *name);

/** Find metadata by its key ("licence", "training", ...). NULL if there is none. */
BSM_API const char *bsm_model_metadata(const bsm_model *model, const char *key);

/** Replace the value of `key`, or add a pair. Only before the model is shared. BSM_NO_MEMORY leaves
 *  the model unchanged. */
BSM_API BSM_NODISCARD bsm_status bsm_model_set_metadata(bsm_model *model, const char *key,
                                                        const char *value, bsm_error *error);

/** Get the index-th metadata pair in the order of the file. Return false after the last one. */
BSM_API bool bsm_model_metadata_at(const bsm_model *model, size_t index, const char **key,
                                   const char **value);

/** Convert a whole tensor to float32. `out` has room for tensor->count floats. */
BSM_API void bsm_tensor_read(const bsm_tensor *tensor, float *out);

/** Check every weight. BSM_BAD_MODEL names the first tensor with a NaN or an infinity. */
BSM_API BSM_NODISCARD bsm_status bsm_model_check_values(const bsm_model *model, bsm_error *error);

/** Write a safetensors file with all metadata. It is written beside `path` and then renamed.
 *  `dtype` (BSM_F32, BSM_F16 or BSM_BF16) applies to matrices; vectors and the parameters of the
 *  scan stay float32. BSM_EXISTS if the file exists and `force` is false. */
BSM_API BSM_NODISCARD bsm_status bsm_model_save(const bsm_model *model, const char *path,
                                                bsm_dtype dtype, bool force, bsm_error *error);

BSM_END_DECLS

#endif
