/* SPDX-License-Identifier: ISC */
/** Memory that is taken piece by piece up to a limit, and given back as a whole. */
#ifndef BSM_MODEL_ARENA_H
#define BSM_MODEL_ARENA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct bsm_arena {
    struct bsm_arena_block *blocks;
    size_t used;    /**< bytes of the newest block */
    size_t total;   /**< bytes of all blocks and charges */
    size_t limit;   /**< that `total` may not pass */
    bool exhausted; /**< the limit was the reason why an allocation failed */
} bsm_arena;

bsm_arena bsm_arena_make(size_t limit);

void bsm_arena_free(bsm_arena *arena);

/** Zeroed memory for anything, count * size bytes; NULL when out of memory or past the limit. */
void *bsm_arena_take(bsm_arena *arena, size_t count, size_t size);

/** Count `bytes` of other memory against the limit; false past it. */
bool bsm_arena_charge(bsm_arena *arena, size_t bytes);

/** A copy of `length` bytes and a final zero. */
char *bsm_arena_text(bsm_arena *arena, const char *text, size_t length);

#endif
