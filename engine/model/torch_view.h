/* SPDX-License-Identifier: ISC */
/** A PyTorch tensor as a pickle describes it: a view of a storage. */
#ifndef BSM_MODEL_TORCH_VIEW_H
#define BSM_MODEL_TORCH_VIEW_H

#include "bsm/model.h"
#include "model/pickle.h"

/** An element type of PyTorch. */
typedef struct bsm_torch_type {
    const char *storage; /**< the class of its storages */
    const char *name;
    size_t size;
    bool is_float;
    bsm_dtype dtype; /**< if is_float */
} bsm_torch_type;

typedef struct bsm_torch_view {
    const bsm_torch_type *type;
    const char *key; /**< of the storage; in the pickle, without a final zero */
    size_t key_length;
    size_t storage_count; /**< elements of the storage */
    size_t offset;
    size_t rank;
    size_t shape[BSM_MAX_RANK];
    size_t stride[BSM_MAX_RANK];
    size_t count;
} bsm_torch_view;

/** Read a tensor or a parameter. NULL, or the reason why `value` is none that can be read; a view
 *  that was read lies inside its storage. */
const char *bsm_torch_view_read(const bsm_pickle_value *value, bsm_torch_view *view);

#endif
