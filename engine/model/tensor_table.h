/* SPDX-License-Identifier: ISC */
/** The tensors that a file offers, by name, and how they become those that a network needs. */
#ifndef BSM_MODEL_TENSOR_TABLE_H
#define BSM_MODEL_TENSOR_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/config.h"
#include "bsm/model.h"
#include "model/model.h"

/* The tensors that a file offers, by name, before anyone knows whether a network needs them. */

typedef struct bsm_table_entry {
    bsm_tensor tensor;     /**< its data may be NULL or misaligned, as the reader says */
    bool is_float;         /**< tensor.dtype is meaningful */
    const char *type_name; /**< as the file calls it, for messages */
    size_t index;          /**< the reader's own number for it */
} bsm_table_entry;

typedef struct bsm_table {
    bsm_table_entry *entries; /**< sorted by name once bsm_table_sort has run */
    size_t count;
    size_t capacity;
} bsm_table;

void bsm_table_free(bsm_table *table);

/** Add an entry, whose strings are not copied. False when out of memory. */
bool bsm_table_add(bsm_table *table, const bsm_table_entry *entry);

/** Sort by name. Returns a name that is there twice, or NULL. */
const char *bsm_table_sort(bsm_table *table);

/** NULL if there is none of that name. The table is sorted. */
const bsm_table_entry *bsm_table_find(const bsm_table *table, const char *name);

/* Names of tensors as other trainers write them: wrappers of modules add parts anywhere in a name,
 *  and a file may hold several networks, one of them the average of another. */

enum { BSM_MAX_WRAPPED_NAME = 256 };

/** Drop the parts that wrappers add, in place: "model.layers.0._orig_mod.0.linear.bias" becomes
 *  "layers.0.0.linear.bias". */
void bsm_name_unwrap(char *name);

/** If an unwrapped name is that of the tensor which every network has once, the length of what
 *  stands before the network's own name ("online_model."). */
bool bsm_name_is_landmark(const char *name, size_t *prefix);

/** The same for an average as LitEma writes it, whose names have lost their dots. */
bool bsm_name_is_dotless_landmark(const char *name, size_t *prefix);

/** Whether a place ("state_dict_ema", "optimizer_states.0.ema") says that averaged weights lie
 *  there. */
bool bsm_name_is_average(const char *place);

/* ---- The configuration of a network whose tensors are known ---- */

/** Fill each field of `config` that is 0 from the shapes in `table`, and from the published model's
 *  values where no shape tells (hop, sample rate, segment, names of the stems). The result is
 *  valid. BSM_BAD_MODEL names the tensor that is missing or makes no sense. */
bsm_status bsm_config_infer(const char *path, const bsm_table *table, bsm_config *config,
                            bsm_error *error);

/* ---- Fitting the tensors that a file offers to those that a network needs ---- */

/** True if `name` could only belong to a BSMamba2 network. */
bool bsm_is_network_name(const char *name);

/** Make a model from the tensors in the sorted `table` and the configuration in `metadata` (which
 *  is emptied: the model has it then), completed from the shapes. Each tensor has the dtype and
 *  the data that the table gives it. BSM_BAD_MODEL names the tensor that is missing, extra or of
 *  another shape or type. */
bsm_status bsm_model_fit(const char *path, const char *format, const bsm_table *table,
                         bsm_metadata *metadata, bsm_model **model, bsm_error *error);

#endif
