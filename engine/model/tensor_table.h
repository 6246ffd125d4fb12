/* SPDX-License-Identifier: ISC */
/** The tensors that a file offers, by name, and how they are matched with those that a network
 *  needs. */
#ifndef BSM_MODEL_TENSOR_TABLE_H
#define BSM_MODEL_TENSOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/config.h"
#include "bsm/model.h"
#include "model/model.h"

/* The tensors that a file offers, by name, before it is known whether a network needs them. */

typedef struct bsm_table_entry {
    bsm_tensor tensor;     /**< its data may be NULL or misaligned, depending on the reader */
    bool is_float;         /**< tensor.dtype is valid */
    const char *type_name; /**< the file's name for the dtype, for messages */
    size_t index;          /**< the reader's own index of it */
} bsm_table_entry;

typedef struct bsm_table {
    bsm_table_entry *entries; /**< sorted by name after bsm_table_sort */
    size_t count;
    size_t capacity;
} bsm_table;

void bsm_table_free(bsm_table *table);

/** Add an entry, whose strings are not copied. False when out of memory. */
bool bsm_table_add(bsm_table *table, const bsm_table_entry *entry);

/** Sort by name. Returns a name that occurs twice, or NULL. */
const char *bsm_table_sort(bsm_table *table);

/** Find a name in a sorted table; NULL if it is not there. */
const bsm_table_entry *bsm_table_find(const bsm_table *table, const char *name);

/* Names of tensors as other trainers write them: wrappers of modules insert parts into a name, and
 * a file may hold several networks, one of which may be an average of another. */

enum { BSM_MAX_WRAPPED_NAME = 256 };

/** Remove in place the parts that wrappers insert: "model.layers.0._orig_mod.0.linear.bias"
 *  becomes "layers.0.0.linear.bias". */
void bsm_name_unwrap(char *name);

/** If an unwrapped name is that of the tensor which every network has exactly once, return the
 *  length of what precedes the network's own name ("online_model."). */
bool bsm_name_is_landmark(const char *name, size_t *prefix);

/** The same for an average written by LitEma, whose names have lost their dots. */
bool bsm_name_is_dotless_landmark(const char *name, size_t *prefix);

/** Whether a key path ("state_dict_ema", "optimizer_states.0.ema") says that the weights there are
 *  averaged. */
bool bsm_name_is_average(const char *place);

/* ---- Inferring a network's configuration from its tensors ---- */

/** Set each field of `config` that is 0 from the shapes in `table`, or, if no shape tells, from
 *  the published model (hop, sample rate, segment, names of the stems). The result is valid.
 *  BSM_BAD_MODEL names a tensor that is missing or makes no sense. */
bsm_status bsm_config_infer(const char *path, const bsm_table *table, bsm_config *config,
                            bsm_error *error);

/* ---- Matching a file's tensors with those that a network needs ---- */

/** Whether a tensor of this `name` can only belong to a BSMamba2 network. */
bool bsm_is_network_name(const char *name);

/** Make a model from the tensors in the sorted `table` and the configuration in `metadata`,
 *  completed from the shapes. The model takes the metadata over, which leaves it empty. Each
 *  tensor has the dtype and the data that the table gives. BSM_BAD_MODEL names a tensor that is
 *  missing, superfluous or of a wrong shape or type. */
bsm_status bsm_model_fit(const char *path, const char *format, const bsm_table *table,
                         bsm_metadata *metadata, bsm_model **model, bsm_error *error);

#endif
