/* SPDX-License-Identifier: ISC */
/* The tensors that a file offers, by name. */
#include "model/table.h"

#include <stdlib.h>
#include <string.h>

void bsm_table_free(bsm_table *table)
{
    free(table->entries);
    *table = (bsm_table){0};
}

bool bsm_table_add(bsm_table *table, const bsm_table_entry *entry)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : 64;
        bsm_table_entry *entries = reallocarray(table->entries, capacity, sizeof *entries);
        if (!entries) {
            return false;
        }
        table->entries = entries;
        table->capacity = capacity;
    }
    table->entries[table->count++] = *entry;
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const bsm_table_entry *left = a;
    const bsm_table_entry *right = b;
    return strcmp(left->tensor.name, right->tensor.name);
}

const char *bsm_table_sort(bsm_table *table)
{
    if (table->count < 2) {
        return NULL;
    }
    qsort(table->entries, table->count, sizeof *table->entries, compare_entries);
    for (size_t i = 1; i < table->count; i++) {
        if (compare_entries(&table->entries[i - 1], &table->entries[i]) == 0) {
            return table->entries[i].tensor.name;
        }
    }
    return NULL;
}

const bsm_table_entry *bsm_table_find(const bsm_table *table, const char *name)
{
    if (!table->count) {
        return NULL;
    }
    const bsm_table_entry key = {.tensor = {.name = name}};
    return bsearch(&key, table->entries, table->count, sizeof *table->entries, compare_entries);
}
