/* SPDX-License-Identifier: ISC */
/** Reads pickles as data, into memory with a limit. */
#ifndef BSM_MODEL_PICKLE_H
#define BSM_MODEL_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"

/* ---- An arena: memory that is allocated piecewise up to a limit, and freed as a whole ---- */

typedef struct bsm_arena {
    struct bsm_arena_block *blocks;
    size_t used;    /**< bytes used in the newest block */
    size_t total;   /**< bytes of all blocks and charges */
    size_t limit;   /**< the most that `total` may reach */
    bool exhausted; /**< an allocation failed because of the limit */
} bsm_arena;

bsm_arena bsm_arena_make(size_t limit);

void bsm_arena_free(bsm_arena *arena);

/** Allocate count * size bytes, zeroed; NULL when out of memory or past the limit. */
void *bsm_arena_take(bsm_arena *arena, size_t count, size_t size);

/** Count `bytes` of other memory against the limit; false if that exceeds it. */
bool bsm_arena_charge(bsm_arena *arena, size_t bytes);

/** Copy `length` bytes and add a terminating zero. */
char *bsm_arena_text(bsm_arena *arena, const char *text, size_t length);

/* Reading a pickle as data. Nothing in it is ever executed.
 *
 * A pickle is a program for a stack machine that builds Python objects. This reader runs the
 * opcodes of protocols 2 to 5 (https://docs.python.org/3/library/pickletools.html). Where Python
 * would import and call something, it records what would be called with which arguments: a call is
 * a value like any other, and the caller knows what it may stand for.
 *
 * The time is bounded by the pickle's length and the memory by the arena's limit: values are
 * shared, never copied, and nothing recurses. */

typedef enum bsm_pickle_kind {
    BSM_PICKLE_NONE,
    BSM_PICKLE_BOOL,
    BSM_PICKLE_INT,
    BSM_PICKLE_FLOAT,
    BSM_PICKLE_TEXT, /**< str or bytes */
    BSM_PICKLE_TUPLE,
    BSM_PICKLE_LIST,
    BSM_PICKLE_DICT,       /**< or a collections.OrderedDict */
    BSM_PICKLE_GLOBAL,     /**< a class or function, by its name */
    BSM_PICKLE_CALL,       /**< the result that a call would have */
    BSM_PICKLE_PERSISTENT, /**< the object that a persistent id stands for */
    BSM_PICKLE_FOREIGN,    /**< anything else: sets, integers over 64 bits and so on */
} bsm_pickle_kind;

typedef struct bsm_pickle_value bsm_pickle_value;

struct bsm_pickle_value {
    bsm_pickle_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const char *bytes; /**< points into the pickle, so it has no terminating zero */
            size_t length;
        } text;
        struct {
            bsm_pickle_value **items; /**< for a dict: key, value, key, value, ... */
            size_t count;
            size_t capacity;
        } list; /**< of tuples, lists and dicts */
        struct {
            const char *module; /**< with a terminating zero */
            const char *name;
        } global;
        struct {
            const bsm_pickle_value *function;
            const bsm_pickle_value *arguments;
            const bsm_pickle_value *state; /**< the state it got; may be NULL */
        } call;
        const bsm_pickle_value *identity; /**< of a persistent id */
    };
};

/** Read the pickle at `data`, which must outlive the values; these live in `arena`. `path` is for
 *  messages. BSM_BAD_MODEL, BSM_UNSUPPORTED, BSM_NO_MEMORY. */
bsm_status bsm_pickle_read(const char *path, const void *data, size_t size, bsm_arena *arena,
                           const bsm_pickle_value **result, bsm_error *error);

/** True if the value is this text. */
bool bsm_pickle_is_text(const bsm_pickle_value *value, const char *text);

/** Look up a text key; the last one counts if there are several. NULL if `dict` is no dict or has
 *  no such key. */
const bsm_pickle_value *bsm_pickle_get(const bsm_pickle_value *dict, const char *key);

/** True if the value is a call of module.name. */
bool bsm_pickle_is_call(const bsm_pickle_value *value, const char *module, const char *name);

#endif
