/* SPDX-License-Identifier: ISC */
/* The stack machine that reads a pickle: input, stack, marks and memo. */
#include "model/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

/* ---- Failures ---- */

void bsm_pickle_corrupt(bsm_pickle_machine *m, const char *cause)
{
    if (!m->status) {
        m->status = bsm_fail(m->error, BSM_BAD_MODEL, "%s: data.pkl: byte %zu: %s", m->path,
                             (size_t)(m->next - m->start), cause);
    }
}

void bsm_pickle_no_memory(bsm_pickle_machine *m)
{
    if (m->arena->exhausted) {
        bsm_pickle_corrupt(m, "far more objects than a model has");
    } else if (!m->status) {
        m->status = bsm_fail(m->error, BSM_NO_MEMORY, "%s: data.pkl: out of memory", m->path);
    }
}

/* ---- Input ---- */

const unsigned char *bsm_pickle_take(bsm_pickle_machine *m, uint64_t count)
{
    if (m->status) {
        return NULL;
    }
    if (count > (uint64_t)(m->end - m->next)) {
        bsm_pickle_corrupt(m, "cut short");
        return NULL;
    }
    const unsigned char *bytes = m->next;
    m->next += count;
    return bytes;
}

uint64_t bsm_pickle_take_number(bsm_pickle_machine *m, size_t bytes)
{
    const unsigned char *from = bsm_pickle_take(m, bytes);
    uint64_t number = 0;
    for (size_t i = 0; from && i < bytes; i++) {
        number |= (uint64_t)from[i] << (8 * i);
    }
    return number;
}

/* ---- Stack ---- */

bsm_pickle_value *bsm_pickle_make(bsm_pickle_machine *m, bsm_pickle_kind kind)
{
    if (m->status) {
        return NULL;
    }
    bsm_pickle_value *value = bsm_arena_take(m->arena, 1, sizeof *value);
    if (!value) {
        bsm_pickle_no_memory(m);
        return NULL;
    }
    value->kind = kind;
    return value;
}

/* Make room for one more element. The arrays count against the arena's limit, as the values do. */
static bool reserve(bsm_pickle_machine *m, void *array, size_t *capacity, size_t needed,
                    size_t size)
{
    if (needed <= *capacity) {
        return true;
    }
    void **pointer = array;
    size_t larger = *capacity ? 2 * *capacity : 256;
    larger = larger < needed ? needed : larger;
    size_t more;
    bool allowed = !__builtin_mul_overflow(larger - *capacity, size, &more) &&
                   bsm_arena_charge(m->arena, more);
    void *grown = allowed ? reallocarray(*pointer, larger, size) : NULL;
    if (!grown) {
        bsm_pickle_no_memory(m);
        return false;
    }
    memset((char *)grown + *capacity * size, 0, more);
    *pointer = grown;
    *capacity = larger;
    return true;
}

void bsm_pickle_push(bsm_pickle_machine *m, bsm_pickle_value *value)
{
    if (!m->status && reserve(m, &m->stack, &m->stack_capacity, m->depth + 1, sizeof *m->stack)) {
        m->stack[m->depth++] = value;
    }
}

static size_t floor_of_stack(const bsm_pickle_machine *m)
{
    return m->num_marks ? m->marks[m->num_marks - 1] : 0;
}

bsm_pickle_value *bsm_pickle_top(bsm_pickle_machine *m)
{
    if (m->status) {
        return NULL;
    }
    if (m->depth <= floor_of_stack(m)) {
        bsm_pickle_corrupt(m, "the stack is empty");
        return NULL;
    }
    return m->stack[m->depth - 1];
}

bsm_pickle_value *bsm_pickle_pop(bsm_pickle_machine *m)
{
    bsm_pickle_value *value = bsm_pickle_top(m);
    m->depth -= value != NULL;
    return value;
}

void bsm_pickle_push_mark(bsm_pickle_machine *m)
{
    if (!m->status &&
        reserve(m, &m->marks, &m->marks_capacity, m->num_marks + 1, sizeof *m->marks)) {
        m->marks[m->num_marks++] = m->depth;
    }
}

bool bsm_pickle_pop_mark(bsm_pickle_machine *m, bsm_pickle_value ***items, size_t *count)
{
    if (m->status) {
        return false;
    }
    if (m->num_marks == 0) {
        bsm_pickle_corrupt(m, "there is no mark on the stack");
        return false;
    }
    size_t floor = m->marks[--m->num_marks];
    *items = m->stack ? m->stack + floor : NULL;
    *count = m->depth - floor;
    m->depth = floor;
    return true;
}

/* ---- Containers ---- */

void bsm_pickle_append(bsm_pickle_machine *m, bsm_pickle_value *list, bsm_pickle_value **items,
                       size_t count)
{
    if (m->status || count == 0) {
        return;
    }
    size_t needed = list->list.count + count;
    if (needed > list->list.capacity) {
        size_t capacity = list->list.capacity ? 2 * list->list.capacity : count;
        capacity = capacity < needed ? needed : capacity;
        bsm_pickle_value **grown = bsm_arena_take(m->arena, capacity, sizeof *grown);
        if (!grown) {
            bsm_pickle_no_memory(m);
            return;
        }
        if (list->list.count) {
            memcpy(grown, list->list.items, list->list.count * sizeof *grown);
        }
        list->list.items = grown;
        list->list.capacity = capacity;
    }
    memcpy(list->list.items + list->list.count, items, count * sizeof *items);
    list->list.count = needed;
}

/* ---- Memo ---- */

void bsm_pickle_put(bsm_pickle_machine *m, uint64_t index)
{
    bsm_pickle_value *value = bsm_pickle_top(m);
    if (!value) {
        return;
    }
    /* Picklers number their memo from 0, and each entry takes at least one byte of the pickle. */
    if (index >= (uint64_t)(m->end - m->start)) {
        bsm_pickle_corrupt(m, "impossible memo number");
        return;
    }
    size_t slot = (size_t)index;
    if (reserve(m, &m->memo, &m->memo_capacity, slot + 1, sizeof *m->memo)) {
        m->num_memos += !m->memo[slot];
        m->memo[slot] = value;
    }
}

void bsm_pickle_recall(bsm_pickle_machine *m, uint64_t index)
{
    if (!m->status && (index >= m->memo_capacity || !m->memo[index])) {
        bsm_pickle_corrupt(m, "nothing was memoised under this number");
        return;
    }
    bsm_pickle_push(m, m->status ? NULL : m->memo[index]);
}
