/* SPDX-License-Identifier: ISC */
/* Finds the key that was probably meant. */
#include "config/layer.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    OTHER_SECTION = 2, /* the penalty for a key of another section, in letters */
    LEAST_START = 3,   /* so many letters count as the beginning of a key */
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t bsm_edit_distance(const char *a, const char *b)
{
    size_t row[BSM_MAX_KEY];
    const size_t width = strlen(b);
    for (size_t j = 0; j <= width; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            const size_t changed = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = min(changed, min(row[j], diagonal) + 1);
        }
    }
    return row[width];
}

/* Get the last word of "section.key", and the length of what precedes it. */
static const char *last_word(const char *key, size_t *prefix)
{
    const char *dot = strrchr(key, '.');
    *prefix = dot ? (size_t)(dot - key) : 0;
    return dot ? dot + 1 : key;
}

typedef struct search {
    const char *key;
    char *nearest;
    size_t distance;
} search;

static void consider(search *s, const char *candidate)
{
    size_t prefix, other;
    const char *word = last_word(s->key, &prefix);
    const char *name = last_word(candidate, &other);
    const bool same = prefix == other && strncmp(s->key, candidate, prefix) == 0;
    const bool begun = strlen(word) >= LEAST_START && strncmp(word, name, strlen(word)) == 0;
    const size_t distance =
        (begun ? 1 : bsm_edit_distance(word, name)) + (same ? 0 : OTHER_SECTION);
    if (distance < s->distance) {
        s->distance = distance;
        snprintf(s->nearest, BSM_MAX_KEY, "%s", candidate);
    }
}

static void visit(search *s, const cyaml_schema_value_t *schema, const char *prefix)
{
    if (schema->type == CYAML_SEQUENCE) {
        schema = schema->sequence.entry;
    }
    if (schema->type != CYAML_MAPPING) {
        return;
    }
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
        char key[BSM_MAX_KEY];
        snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", field->key);
        consider(s, key);
        visit(s, &field->value, key);
    }
}

void bsm_nearest_key(const cyaml_schema_value_t *schema, const char *key, char nearest[BSM_MAX_KEY])
{
    search s = {.key = key, .nearest = nearest, .distance = SIZE_MAX};
    nearest[0] = '\0';
    visit(&s, schema, "");
}
