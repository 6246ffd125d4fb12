/* SPDX-License-Identifier: ISC */
/* Memory that is allocated piece by piece up to a limit, and freed as a whole. */
#include "model/pickle.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
    BLOCK_SIZE = 1 << 16,
    ALIGNMENT = alignof(max_align_t),
};

typedef struct bsm_arena_block {
    struct bsm_arena_block *next;
    size_t size;
    max_align_t bytes[];
} bsm_arena_block;

bsm_arena bsm_arena_make(size_t limit)
{
    return (bsm_arena){.limit = limit};
}

void bsm_arena_free(bsm_arena *arena)
{
    bsm_arena_block *block = arena->blocks;
    while (block) {
        bsm_arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (bsm_arena){.limit = arena->limit};
}

bool bsm_arena_charge(bsm_arena *arena, size_t bytes)
{
    if (bytes > arena->limit || arena->total > arena->limit - bytes) {
        arena->exhausted = true;
        return false;
    }
    arena->total += bytes;
    return true;
}

static bool add_block(bsm_arena *arena, size_t bytes)
{
    size_t size = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE;
    if (!bsm_arena_charge(arena, size)) {
        return false;
    }
    bsm_arena_block *block = calloc(1, sizeof *block + size);
    if (!block) {
        return false;
    }
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->used = 0;
    return true;
}

void *bsm_arena_take(bsm_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)ALIGNMENT - 1, &bytes)) {
        arena->exhausted = true;
        return NULL;
    }
    bytes = bytes / ALIGNMENT * ALIGNMENT;
    if (!arena->blocks || bytes > arena->blocks->size - arena->used) {
        if (!add_block(arena, bytes)) {
            return NULL;
        }
    }
    char *result = (char *)arena->blocks->bytes + arena->used;
    arena->used += bytes;
    return result;
}

char *bsm_arena_text(bsm_arena *arena, const char *text, size_t length)
{
    char *copy = bsm_arena_take(arena, length + 1, 1);
    if (copy) {
        memcpy(copy, text, length);
    }
    return copy;
}
