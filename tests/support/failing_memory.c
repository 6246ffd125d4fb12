/* SPDX-License-Identifier: ISC */
/* Memory that runs out when a test requests it. */
#include "failing_memory.h"

#include <errno.h>
#include <stddef.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

/* Exported, so that the libraries use them, too. */
#define EXPORTED __attribute__((visibility("default")))
EXPORTED void *malloc(size_t size);
EXPORTED void *calloc(size_t count, size_t size);
EXPORTED void *realloc(void *memory, size_t size);
EXPORTED void *aligned_alloc(size_t alignment, size_t size);
EXPORTED void *memalign(size_t alignment, size_t size);
EXPORTED int posix_memalign(void **memory, size_t alignment, size_t size);
EXPORTED void free(void *memory);

/* The bounds of the executable's code, from the linker. */
extern const char __executable_start[], etext[];

static long remaining = -1; /* allocations that still succeed; below 0: all */
static long alive;          /* blocks that have not been freed */
static bool everyone;

void memory_limit(long allocations, memory_callers callers)
{
    remaining = allocations;
    everyone = callers == MEMORY_OF_EVERYONE;
}

bool memory_ran_out(void)
{
    return remaining == 0;
}

long memory_alive(void)
{
    return __atomic_load_n(&alive, __ATOMIC_RELAXED);
}

static bool may_allocate(const char *caller)
{
    if (!everyone && (caller < __executable_start || caller >= etext)) {
        return true;
    }
    long left = __atomic_load_n(&remaining, __ATOMIC_RELAXED);
    while (left > 0 && !__atomic_compare_exchange_n(&remaining, &left, left - 1, true,
                                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    if (left == 0) {
        errno = ENOMEM;
    }
    return left != 0;
}

static void *count_block(void *memory)
{
    __atomic_add_fetch(&alive, memory != NULL, __ATOMIC_RELAXED);
    return memory;
}

void *malloc(size_t size)
{
    return may_allocate(__builtin_return_address(0)) ? count_block(__libc_malloc(size)) : NULL;
}

void *calloc(size_t count, size_t size)
{
    return may_allocate(__builtin_return_address(0)) ? count_block(__libc_calloc(count, size))
                                                     : NULL;
}

void *realloc(void *memory, size_t size)
{
    if (!may_allocate(__builtin_return_address(0))) {
        return NULL;
    }
    return memory ? __libc_realloc(memory, size) : count_block(__libc_realloc(NULL, size));
}

static void *allocate_aligned(const char *caller, size_t alignment, size_t size)
{
    return may_allocate(caller) ? count_block(__libc_memalign(alignment, size)) : NULL;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return allocate_aligned(__builtin_return_address(0), alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    return allocate_aligned(__builtin_return_address(0), alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    void *made = allocate_aligned(__builtin_return_address(0), alignment, size);
    if (!made) {
        return ENOMEM;
    }
    *memory = made;
    return 0;
}

void free(void *memory)
{
    __atomic_sub_fetch(&alive, memory != NULL, __ATOMIC_RELAXED);
    __libc_free(memory);
}
