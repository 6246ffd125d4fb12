/* SPDX-License-Identifier: ISC */
/** The stack machine that reads a pickle: its state and its parts, without the opcodes. */
#ifndef BSM_MODEL_PICKLE_MACHINE_H
#define BSM_MODEL_PICKLE_MACHINE_H

#include "model/pickle.h"

typedef struct bsm_pickle_machine {
    const char *path;
    const unsigned char *start;
    const unsigned char *next;
    const unsigned char *end;
    bsm_arena *arena;

    bsm_pickle_value **stack;
    size_t depth;
    size_t stack_capacity;

    size_t *marks; /**< stack depths */
    size_t num_marks;
    size_t marks_capacity;

    bsm_pickle_value **memo; /**< NULL where nothing was stored */
    size_t memo_capacity;
    size_t num_memos;

    bool stopped;
    bsm_status status; /**< status of the first failure; every function below then does nothing */
    bsm_error *error;
} bsm_pickle_machine;

void bsm_pickle_corrupt(bsm_pickle_machine *m, const char *cause);
void bsm_pickle_no_memory(bsm_pickle_machine *m);

/** Take the next `count` bytes; NULL at the pickle's end. */
const unsigned char *bsm_pickle_take(bsm_pickle_machine *m, uint64_t count);

/** Take the next 1 to 8 bytes as a little-endian number; 0 at the pickle's end. */
uint64_t bsm_pickle_take_number(bsm_pickle_machine *m, size_t bytes);

/** Make a value; NULL when out of memory. */
bsm_pickle_value *bsm_pickle_make(bsm_pickle_machine *m, bsm_pickle_kind kind);

void bsm_pickle_push(bsm_pickle_machine *m, bsm_pickle_value *value);

/** Take the top value; NULL if the stack, or the part above the last mark, is empty. */
bsm_pickle_value *bsm_pickle_pop(bsm_pickle_machine *m);
bsm_pickle_value *bsm_pickle_top(bsm_pickle_machine *m);

void bsm_pickle_push_mark(bsm_pickle_machine *m);

/** Remove the last mark and the values above it from the stack. They stay readable until the next
 *  push. False if there is no mark. */
bool bsm_pickle_pop_mark(bsm_pickle_machine *m, bsm_pickle_value ***items, size_t *count);

/** Append values to a tuple, list or dict. */
void bsm_pickle_append(bsm_pickle_machine *m, bsm_pickle_value *list, bsm_pickle_value **items,
                       size_t count);

void bsm_pickle_put(bsm_pickle_machine *m, uint64_t index);
void bsm_pickle_recall(bsm_pickle_machine *m, uint64_t index);

#endif
