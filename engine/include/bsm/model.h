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

/** A tensor of a model: contiguous, row-major. Lives as long as its model. */
typedef struct bsm_tensor {
    const char *name;
    bsm_dtype dtype;
    size_t rank;
    size_t shape[BSM_MAX_RANK];
    size_t count;     /**< elements */
    const void *data; /**< at least as aligned as its dtype needs */
} bsm_tensor;

typedef struct bsm_model_options {
    bool ema; /**< from a training checkpoint, the averaged weights instead of the last ones */
    bool any_values; /**< also a model with a NaN or an infinity among its weights */
} bsm_model_options;

/** Open a model file. `options` may be NULL. The tensors are exactly those that the configuration
 *  needs, with the shapes it needs; what a checkpoint holds beside them is left out. A NaN or an
 *  infinity among the weights is refused, with the tensor's name, unless the options allow it.
 *  BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_BAD_MODEL, BSM_UNSUPPORTED, BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_open(const char *path, const bsm_model_options *options,
                                                bsm_model **model, bsm_error *error);

/** A model whose weights are the hash of their names (../docs/model-format.md): not trained, but
 *  the same everywhere. For tests, benchmarks and trying the programs without a trained model. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_untrained(const bsm_config *config,
                                                         bsm_model **model, bsm_error *error);

/** A fresh network to be trained, each weight drawn as PyTorch and Mamba2 draw it. The same seed
 *  gives the same weights.
 *  BSM_INVALID_ARGUMENT (as bsm_config_validate), BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_initialised(const bsm_config *config, uint64_t seed,
                                                           bsm_model **model, bsm_error *error);

/** The average of the weights of models of one shape, with the metadata of the first: of one
 *  training's checkpoints often better than each of them (Wortsman et al., "Model soups", 2022).
 *  A model may be given several times, and then counts as often.
 *  BSM_BAD_MODEL (other shapes), BSM_INVALID_ARGUMENT (none), BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_model_new_average(bsm_model *const *models, size_t count,
                                                       bsm_model **model, bsm_error *error);

/** One more reference. */
BSM_API bsm_model *bsm_model_ref(bsm_model *model);

/** One reference less; the last one frees. NULL is allowed. */
BSM_API void bsm_model_free(bsm_model *model);

BSM_API const bsm_config *bsm_model_config(const bsm_model *model);

/** The path that it was opened from, or the same as its format if it comes from no file. */
BSM_API const char *bsm_model_path(const bsm_model *model);

/** "safetensors", "pytorch", "untrained", "initialised", "training" or "average". */
BSM_API const char *bsm_model_format(const bsm_model *model);

BSM_API size_t bsm_model_num_tensors(const bsm_model *model);
BSM_API const bsm_tensor *bsm_model_tensor(const bsm_model *model, size_t index);

/** NULL if there is none of that name. */
BSM_API const bsm_tensor *bsm_model_find(const bsm_model *model, const char *name);

/** Metadata as text ("licence", "training", ...); NULL if there is none of that name. */
BSM_API const char *bsm_model_metadata(const bsm_model *model, const char *key);

/** Replace the value of `key`, or add a pair. Only before anybody else has the model.
 *  BSM_NO_MEMORY, with the model as it was. */
BSM_API BSM_NODISCARD bsm_status bsm_model_set_metadata(bsm_model *model, const char *key,
                                                        const char *value, bsm_error *error);

/** The index-th metadata pair in the file's order; false past the last. */
BSM_API bool bsm_model_metadata_at(const bsm_model *model, size_t index, const char **key,
                                   const char **value);

/** Convert a whole tensor to float32. `out` holds tensor->count floats. */
BSM_API void bsm_tensor_read(const bsm_tensor *tensor, float *out);

/** Look at every weight: BSM_BAD_MODEL names the first tensor with a NaN or an infinity. */
BSM_API BSM_NODISCARD bsm_status bsm_model_check_values(const bsm_model *model, bsm_error *error);

/** Write as safetensors with all metadata, beside `path` and then renamed. `dtype` is BSM_F32,
 *  BSM_F16 or BSM_BF16 and holds for matrices; vectors and the scan's parameters stay float32.
 *  BSM_EXISTS if there is such a file and `force` is false. */
BSM_API BSM_NODISCARD bsm_status bsm_model_save(const bsm_model *model, const char *path,
                                                bsm_dtype dtype, bool force, bsm_error *error);

BSM_END_DECLS

#endif
