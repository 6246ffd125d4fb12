/* SPDX-License-Identifier: ISC */
/** The tensors that a file offers, by name, before anyone knows whether a network needs them. */
#ifndef BSM_MODEL_TABLE_H
#define BSM_MODEL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/model.h"

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

#endif
