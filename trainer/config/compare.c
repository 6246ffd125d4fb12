/* SPDX-License-Identifier: ISC */
/* Lists the differences between two configurations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"

typedef struct comparison {
    bsm_layer *old, *new;
    bsm_difference_visitor *visitor;
    void *user;
} comparison;

static bool same_number(const char *a, const char *b)
{
    char *end_a, *end_b;
    const double x = strtod(a, &end_a), y = strtod(b, &end_b);
    return *a && *b && !*end_a && !*end_b && x == y;
}

static bool same_value(const comparison *c, const yaml_node_t *a, const yaml_node_t *b);

static bool same_list(const comparison *c, const yaml_node_t *a, const yaml_node_t *b)
{
    const size_t count = (size_t)(a->data.sequence.items.top - a->data.sequence.items.start);
    if ((size_t)(b->data.sequence.items.top - b->data.sequence.items.start) != count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!same_value(
                c, yaml_document_get_node(&c->old->document, a->data.sequence.items.start[i]),
                yaml_document_get_node(&c->new->document, b->data.sequence.items.start[i]))) {
            return false;
        }
    }
    return true;
}

/* Both were written by bsm_layers_merge, so their keys have the same order. */
static bool same_section(const comparison *c, const yaml_node_t *a, const yaml_node_t *b)
{
    const yaml_node_pair_t *x = a->data.mapping.pairs.start, *y = b->data.mapping.pairs.start;
    for (; x < a->data.mapping.pairs.top && y < b->data.mapping.pairs.top; x++, y++) {
        if (!same_value(c, yaml_document_get_node(&c->old->document, x->key),
                        yaml_document_get_node(&c->new->document, y->key)) ||
            !same_value(c, yaml_document_get_node(&c->old->document, x->value),
                        yaml_document_get_node(&c->new->document, y->value))) {
            return false;
        }
    }
    return x == a->data.mapping.pairs.top && y == b->data.mapping.pairs.top;
}

static bool same_value(const comparison *c, const yaml_node_t *a, const yaml_node_t *b)
{
    if (!a || !b || a->type != b->type) {
        return !a && !b;
    }
    switch (a->type) {
    case YAML_SEQUENCE_NODE: return same_list(c, a, b);
    case YAML_MAPPING_NODE: return same_section(c, a, b);
    default: break;
    }
    const char *text = (const char *)a->data.scalar.value;
    const char *other = (const char *)b->data.scalar.value;
    return strcmp(text, other) == 0 || same_number(text, other);
}

/* Write a value as it could stand in a configuration: "[vocals, other]". */
static void describe(bsm_layer *layer, const yaml_node_t *node, FILE *text)
{
    yaml_document_t *document = &layer->document;
    if (!node) {
        fputs("(not set)", text);
    } else if (node->type == YAML_SCALAR_NODE) {
        fputs((const char *)node->data.scalar.value, text);
    } else if (node->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *first = node->data.sequence.items.start;
        for (const yaml_node_item_t *i = first; i < node->data.sequence.items.top; i++) {
            fputs(i == first ? "[" : ", ", text);
            describe(layer, yaml_document_get_node(document, *i), text);
        }
        fputs(first == node->data.sequence.items.top ? "[]" : "]", text);
    } else {
        const yaml_node_pair_t *first = node->data.mapping.pairs.start;
        for (const yaml_node_pair_t *pair = first; pair < node->data.mapping.pairs.top; pair++) {
            fputs(pair == first ? "{" : ", ", text);
            describe(layer, yaml_document_get_node(document, pair->key), text);
            fputs(": ", text);
            describe(layer, yaml_document_get_node(document, pair->value), text);
        }
        fputs("}", text);
    }
}

/* Report "KEY: OLD -> NEW", cut if it is too long. */
static void describe_change(const comparison *c, const char *key, const yaml_node_t *a,
                            const yaml_node_t *b, char *text, size_t size)
{
    char change[1024] = "";
    FILE *stream = fmemopen(change, sizeof change, "w");
    if (stream) {
        describe(c->old, a, stream);
        fputs(" -> ", stream);
        describe(c->new, b, stream);
        fclose(stream);
    }
    bsm_format_line(text, size, "%s: %s", key, change);
}

static void compare(const comparison *c, const cyaml_schema_value_t *schema, const char *prefix)
{
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
        char key[BSM_MAX_KEY], text[1024];
        snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", field->key);
        if (field->value.type == CYAML_MAPPING) {
            compare(c, &field->value, key);
            continue;
        }
        const yaml_node_t *a = bsm_layer_find(c->old, key), *b = bsm_layer_find(c->new, key);
        if (!same_value(c, a, b)) {
            describe_change(c, key, a, b, text, sizeof text);
            c->visitor(c->user, key, text);
        }
    }
}

bsm_status bsm_settings_compare(const char *old_text, const char *new_text,
                                bsm_difference_visitor *visitor, void *user, bsm_error *error)
{
    bsm_layer old, new;
    bsm_status status = bsm_layer_parse("checkpoint's configuration", true, old_text,
                                        strlen(old_text), &old, error);
    if (status) {
        return status;
    }
    status = bsm_layer_parse("configuration", true, new_text, strlen(new_text), &new, error);
    if (!status) {
        const comparison c = {.old = &old, .new = &new, .visitor = visitor, .user = user};
        compare(&c, &bsm_settings_schema, "");
        bsm_layer_free(&new);
    }
    bsm_layer_free(&old);
    return status;
}
