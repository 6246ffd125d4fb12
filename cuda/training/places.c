/* SPDX-License-Identifier: ISC */
/* Computes where each tensor lies in a vector. The structs' members have the order of the
 * schema. */
#include "training/space.h"

#include <stdlib.h>

#include "model/schema.h"
#include "model/weight_vector.h"

typedef struct cursor {
    size_t *places;
    size_t count, room, used; /* used: number of floats so far */
} cursor;

static bsm_status place(void *user, const bsm_schema_entry *entry, bsm_error *error)
{
    cursor *c = user;
    if (c->count == c->room) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "cuda: %s: a tensor too many", entry->name);
    }
    c->places[c->count++] = c->used;
    c->used += bsm_vector_padded(entry->count);
    return BSM_OK;
}

bsm_status bsm_places_new(const bsm_config *config, bsm_places *places, bsm_error *error)
{
    const size_t paths = 2 * config->depth * sizeof(bsm_path_places) / sizeof(size_t);
    const size_t splits = config->num_bands * sizeof(bsm_split_places) / sizeof(size_t);
    const size_t masks =
        config->num_stems * config->num_bands * sizeof(bsm_mask_places) / sizeof(size_t);
    cursor c = {.room = paths + 1 + splits + masks};
    *places = (bsm_places){0};
    c.places = calloc(c.room, sizeof *c.places);
    if (!c.places) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for training");
    }
    bsm_status status = bsm_schema_visit(config, place, &c, error);
    if (!status && c.count != c.room) {
        status =
            bsm_fail(error, BSM_INVALID_ARGUMENT, "cuda: %zu tensors, not %zu", c.count, c.room);
    }
    if (status) {
        free(c.places);
        return status;
    }
    *places = (bsm_places){
        .size = c.used,
        .paths = (const bsm_path_places *)(const void *)c.places,
        .final_norm = c.places[paths],
        .splits = (const bsm_split_places *)(const void *)(c.places + paths + 1),
        .masks = (const bsm_mask_places *)(const void *)(c.places + paths + 1 + splits),
        .memory = c.places,
    };
    return BSM_OK;
}

void bsm_places_clear(bsm_places *places)
{
    free(places->memory);
    *places = (bsm_places){0};
}

size_t bsm_band_runs(const bsm_config *config, bsm_band_run *runs)
{
    size_t count = 0, before = 0;
    for (size_t k = 0; k < config->num_bands; k++) {
        const size_t features = 2 * config->channels * config->bands[k];
        if (k == 0 || config->bands[k] != config->bands[k - 1]) {
            runs[count++] = (bsm_band_run){.first = k, .features = features, .before = before};
        }
        runs[count - 1].count++;
        before += features;
    }
    return count;
}
