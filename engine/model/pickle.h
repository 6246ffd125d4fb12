/* SPDX-License-Identifier: ISC */
/** Memory that is taken piece by piece up to a limit, and given back as a whole. */
#ifndef BSM_MODEL_PICKLE_H
#define BSM_MODEL_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"

/* ---- Memory that is taken piece by piece up to a limit, and given back as a whole ---- */

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

/* Reading a pickle as data. Nothing in it is ever executed.
 *
 *  A pickle is a program for a stack machine that builds Python objects. This reader runs the
 *  opcodes of protocols 2 to 5 (https://docs.python.org/3/library/pickletools.html), and where a
 *  Python one would import and call something, it notes what would be called with what: a call is
 *  a value like any other, whose caller knows what it may stand for.
 *
 *  Time is bounded by the pickle's length and memory by the arena's limit: values are shared, never
 * copied, and nothing recurses. */

typedef enum bsm_pickle_kind {
    BSM_PICKLE_NONE,
    BSM_PICKLE_BOOL,
    BSM_PICKLE_INT,
    BSM_PICKLE_FLOAT,
    BSM_PICKLE_TEXT, /**< str or bytes */
    BSM_PICKLE_TUPLE,
    BSM_PICKLE_LIST,
    BSM_PICKLE_DICT,       /**< and collections.OrderedDict */
    BSM_PICKLE_GLOBAL,     /**< a class or function, by name */
    BSM_PICKLE_CALL,       /**< what a call would return */
    BSM_PICKLE_PERSISTENT, /**< what a persistent id stands for */
    BSM_PICKLE_FOREIGN,    /**< anything else: sets, integers over 64 bits, ... */
} bsm_pickle_kind;

typedef struct bsm_pickle_value bsm_pickle_value;

struct bsm_pickle_value {
    bsm_pickle_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const char *bytes; /**< in the pickle, so without a final zero */
            size_t length;
        } text;
        struct {
            bsm_pickle_value **items; /**< a dict's: key, value, key, value, ... */
            size_t count;
            size_t capacity;
        } list; /**< of tuples, lists and dicts */
        struct {
            const char *module; /**< with a final zero */
            const char *name;
        } global;
        struct {
            const bsm_pickle_value *function;
            const bsm_pickle_value *arguments;
            const bsm_pickle_value *state; /**< what was built into the object; may be NULL */
        } call;
        const bsm_pickle_value *identity; /**< of a persistent id */
    };
};

/** Read the pickle at `data`, which must outlive the values; they live in `arena`. `path` is for
 *  messages. BSM_BAD_MODEL, BSM_UNSUPPORTED, BSM_NO_MEMORY. */
bsm_status bsm_pickle_read(const char *path, const void *data, size_t size, bsm_arena *arena,
                           const bsm_pickle_value **result, bsm_error *error);

/** True if the value is this text. */
bool bsm_pickle_is_text(const bsm_pickle_value *value, const char *text);

/** The value of a text key, the last where there are several; NULL if `dict` is no dict or has
 *  none. */
const bsm_pickle_value *bsm_pickle_get(const bsm_pickle_value *dict, const char *key);

/** True if the value is a call of module.name. */
bool bsm_pickle_is_call(const bsm_pickle_value *value, const char *module, const char *name);

#endif
