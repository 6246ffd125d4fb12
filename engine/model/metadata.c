/* SPDX-License-Identifier: ISC */
/* Metadata of a model: pairs of text in the order of the file. */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

void bsm_metadata_free(bsm_metadata *metadata)
{
    for (size_t i = 0; i < metadata->count; i++) {
        free(metadata->pairs[i].key);
        free(metadata->pairs[i].value);
    }
    free(metadata->pairs);
    *metadata = (bsm_metadata){0};
}

static bsm_metadata_pair *find_pair(const bsm_metadata *metadata, const char *key)
{
    for (size_t i = 0; i < metadata->count; i++) {
        if (strcmp(metadata->pairs[i].key, key) == 0) {
            return &metadata->pairs[i];
        }
    }
    return NULL;
}

static bool grow(bsm_metadata *metadata)
{
    if (metadata->count < metadata->capacity) {
        return true;
    }
    size_t capacity = metadata->capacity ? 2 * metadata->capacity : 16;
    bsm_metadata_pair *pairs = reallocarray(metadata->pairs, capacity, sizeof *pairs);
    if (!pairs) {
        return false;
    }
    metadata->pairs = pairs;
    metadata->capacity = capacity;
    return true;
}

static bool append(bsm_metadata *metadata, const char *key, char *value)
{
    char *name = strdup(key);
    if (!name || !grow(metadata)) {
        free(name);
        return false;
    }
    metadata->pairs[metadata->count++] = (bsm_metadata_pair){.key = name, .value = value};
    return true;
}

bool bsm_metadata_set(bsm_metadata *metadata, const char *key, const char *value)
{
    char *copy = strdup(value);
    if (!copy) {
        return false;
    }
    bsm_metadata_pair *pair = find_pair(metadata, key);
    if (pair) {
        free(pair->value);
        pair->value = copy;
        return true;
    }
    if (!append(metadata, key, copy)) {
        free(copy);
        return false;
    }
    return true;
}

const char *bsm_metadata_get(const bsm_metadata *metadata, const char *key)
{
    const bsm_metadata_pair *pair = find_pair(metadata, key);
    return pair ? pair->value : NULL;
}
