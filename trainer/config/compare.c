/* SPDX-License-Identifier: ISC */
/* What two configurations differ in. */
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

/* Both have been written by bsm_layers_merge: with the keys in the same order. */
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

static const char *describe(const yaml_node_t *node)
{
    return !node                            ? "(not set)"
           : node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value
                                            : "(a list)";
}

static void compare(const comparison *c, const cyaml_schema_value_t *schema, const char *prefix)
{
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
        char key[BSM_MAX_KEY], text[512];
        snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", field->key);
        if (field->value.type == CYAML_MAPPING) {
            compare(c, &field->value, key);
            continue;
        }
        const yaml_node_t *a = bsm_layer_find(c->old, key), *b = bsm_layer_find(c->new, key);
        if (!same_value(c, a, b)) {
            bsm_format_line(text, sizeof text, "%s: %s -> %s", key, describe(a), describe(b));
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
