/* SPDX-License-Identifier: ISC */
/** Metadata of a model: pairs of text in the order of the file. */
#ifndef BSM_MODEL_METADATA_H
#define BSM_MODEL_METADATA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bsm_metadata_pair {
    char *key;
    char *value;
} bsm_metadata_pair;

typedef struct bsm_metadata {
    bsm_metadata_pair *pairs;
    size_t count;
    size_t capacity;
} bsm_metadata;

void bsm_metadata_free(bsm_metadata *metadata);

/** Replace the value of `key`, or add a pair at the end. False when out of memory. */
bool bsm_metadata_set(bsm_metadata *metadata, const char *key, const char *value);

/** NULL if there is none. */
const char *bsm_metadata_get(const bsm_metadata *metadata, const char *key);

#endif
