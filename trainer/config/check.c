/* SPDX-License-Identifier: ISC */
/* Checks a YAML document against a libcyaml schema. libcyaml's own messages say neither which key
 * was meant nor which values are allowed, and it reads "off" as true and 010 as 8. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/device.h"
#include "config/layer.h"

typedef struct checker {
    bsm_layer *layer;
    const cyaml_schema_value_t *schema; /**< of the whole document */
    bsm_error *error;
} checker;

/* Report "FILE:LINE: " or "NAME: ", "KEY: ", and what is wrong. */
static bsm_status wrong(const checker *c, const yaml_node_t *node, const char *key,
                        const char *what)
{
    char line[32] = "";
    if (c->layer->has_lines) {
        snprintf(line, sizeof line, ":%zu", node->start_mark.line + 1);
    }
    /* The name of a layer from --set contains its key. */
    const bool named = !c->layer->has_lines && strstr(c->layer->name, key);
    return bsm_fail(c->error, BSM_INVALID_ARGUMENT, "%s%s: %s%s%s", c->layer->name, line,
                    named ? "" : key, named || !*key ? "" : ": ", what);
}

static bsm_status wrong_type(const checker *c, const yaml_node_t *node, const char *key,
                             const char *expected)
{
    char what[256];
    if (node->type == YAML_SCALAR_NODE) {
        snprintf(what, sizeof what, "\"%.80s\" is not %s", node->data.scalar.value, expected);
    } else {
        snprintf(what, sizeof what, "a %s is not %s",
                 node->type == YAML_MAPPING_NODE ? "section" : "list", expected);
    }
    return wrong(c, node, key, what);
}

/* ---- Scalars ---- */

static bool is_whole_number(const char *text, unsigned long long limit)
{
    const size_t length = strlen(text);
    if (length == 0 || strspn(text, "0123456789") != length || (text[0] == '0' && length > 1)) {
        return false;
    }
    errno = 0;
    return strtoull(text, NULL, 10) <= limit && errno == 0;
}

static bool is_number(const char *text)
{
    char *end;
    const double value = strtod(text, &end);
    return *text && !*end && strspn(text, "+-.eE0123456789") == strlen(text) && isfinite(value);
}

static bool is_bool(const char *text)
{
    static const char *const words[] = {"true", "false", "yes", "no", "True", "False"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_enumerated(const char *text, const cyaml_schema_value_t *schema)
{
    for (size_t i = 0; i < schema->enumeration.count; i++) {
        if (strcmp(text, schema->enumeration.strings[i].str) == 0) {
            return true;
        }
    }
    return false;
}

/* "one of auto, cpu" */
static const char *list_values(const cyaml_schema_value_t *schema, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "one of");
    for (size_t i = 0; i < schema->enumeration.count && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : " ",
                                 schema->enumeration.strings[i].str);
    }
    return text;
}

/* Replace a precision's alternative name by that of the schema. */
static bsm_status check_precision(const checker *c, const cyaml_schema_value_t *schema,
                                  yaml_node_t *node, const char *key)
{
    char names[256];
    bsm_precision precision;
    bsm_error cause;
    if (bsm_precision_parse((const char *)node->data.scalar.value, &precision, &cause)) {
        return wrong(c, node, key, cause.message);
    }
    const char *name = bsm_precision_name(precision);
    if (!is_enumerated(name, schema)) {
        return wrong_type(c, node, key, list_values(schema, names, sizeof names));
    }
    yaml_char_t *copy = (yaml_char_t *)strdup(name);
    if (!copy) {
        return bsm_fail(c->error, BSM_NO_MEMORY, "%s: out of memory", c->layer->name);
    }
    free(node->data.scalar.value); /* libyaml allocates with malloc, too */
    node->data.scalar.value = copy;
    node->data.scalar.length = strlen(name);
    return BSM_OK;
}

static bsm_status check_enumerated(const checker *c, const cyaml_schema_value_t *schema,
                                   yaml_node_t *node, const char *key)
{
    char names[256];
    const bool scalar = node->type == YAML_SCALAR_NODE;
    if (scalar && is_enumerated((const char *)node->data.scalar.value, schema)) {
        return BSM_OK;
    }
    return scalar && is_enumerated(bsm_precision_name(BSM_PRECISION_FLOAT32), schema)
               ? check_precision(c, schema, node, key)
               : wrong_type(c, node, key, list_values(schema, names, sizeof names));
}

static bsm_status check_scalar(const checker *c, const cyaml_schema_value_t *schema,
                               yaml_node_t *node, const char *key)
{
    const bool scalar = node->type == YAML_SCALAR_NODE;
    const char *text = scalar ? (const char *)node->data.scalar.value : "";
    const unsigned long long limit =
        schema->data_size < 8 ? (1ULL << (8 * schema->data_size)) - 1 : INT64_MAX;
    switch (schema->type) {
    case CYAML_UINT:
        return scalar && is_whole_number(text, limit) ? BSM_OK
                                                      : wrong_type(c, node, key, "a whole number");
    case CYAML_FLOAT:
        return scalar && is_number(text) ? BSM_OK : wrong_type(c, node, key, "a number");
    case CYAML_BOOL:
        return scalar && is_bool(text) ? BSM_OK : wrong_type(c, node, key, "true or false");
    case CYAML_ENUM: return check_enumerated(c, schema, node, key);
    case CYAML_STRING: return scalar ? BSM_OK : wrong_type(c, node, key, "a text");
    default: return wrong(c, node, key, "of a type that is not known here");
    }
}

/* ---- Lists and sections ---- */

static bsm_status check_value(const checker *c, const cyaml_schema_value_t *schema,
                              yaml_node_t *node, const char *key);

static bsm_status check_list(const checker *c, const cyaml_schema_value_t *schema,
                             yaml_node_t *node, const char *key)
{
    const cyaml_schema_value_t *entry = schema->sequence.entry;
    const bool fixed = schema->type == CYAML_SEQUENCE_FIXED;
    if (node->type == YAML_SCALAR_NODE && !fixed && entry->type != CYAML_MAPPING) {
        return check_value(c, entry, node, key);
    }
    if (node->type != YAML_SEQUENCE_NODE) {
        return wrong_type(c, node, key, fixed ? "a list [low, high]" : "a list");
    }
    const yaml_node_item_t *first = node->data.sequence.items.start;
    const size_t count = (size_t)(node->data.sequence.items.top - first);
    if (count < schema->sequence.min || count > schema->sequence.max) {
        char what[96];
        snprintf(what, sizeof what, "a list of %zu, not of %s%u", count,
                 fixed                          ? ""
                 : count < schema->sequence.min ? "at least "
                                                : "at most ",
                 count < schema->sequence.min ? schema->sequence.min : schema->sequence.max);
        return wrong(c, node, key, what);
    }
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < count && !status; i++) {
        yaml_node_t *value = yaml_document_get_node(&c->layer->document, first[i]);
        status = bsm_yaml_is_null(value) ? wrong(c, value, key, "an entry of the list is empty")
                                         : check_value(c, entry, value, key);
    }
    return status;
}

static const cyaml_schema_field_t *find_field(const cyaml_schema_field_t *fields, const char *name)
{
    for (; fields->key; fields++) {
        if (strcmp(fields->key, name) == 0) {
            return fields;
        }
    }
    return NULL;
}

static bsm_status unknown_key(const checker *c, const yaml_node_t *name, const char *key)
{
    char nearest[BSM_MAX_KEY], what[BSM_MAX_KEY + 64];
    bsm_nearest_key(c->schema, key, nearest);
    snprintf(what, sizeof what, "there is no such key; the nearest is %s", nearest);
    return wrong(c, name, key, what);
}

static bsm_status check_pair(const checker *c, const cyaml_schema_value_t *schema,
                             const yaml_node_t *mapping, const yaml_node_pair_t *pair,
                             const char *prefix)
{
    yaml_document_t *document = &c->layer->document;
    const yaml_node_t *name = yaml_document_get_node(document, pair->key);
    yaml_node_t *value = yaml_document_get_node(document, pair->value);
    if (name->type != YAML_SCALAR_NODE) {
        return wrong(c, name, prefix, "a key is a word");
    }
    const char *word = (const char *)name->data.scalar.value;
    char key[BSM_MAX_KEY];
    bsm_format_line(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", word);
    const cyaml_schema_field_t *field = find_field(schema->mapping.fields, word);
    if (!field) {
        return unknown_key(c, name, key);
    }
    if (bsm_yaml_get(document, mapping, word) != value) {
        return wrong(c, name, key, "is there twice");
    }
    return check_value(c, &field->value, value, key);
}

static bsm_status check_section(const checker *c, const cyaml_schema_value_t *schema,
                                const yaml_node_t *node, const char *key)
{
    if (node->type != YAML_MAPPING_NODE) {
        return wrong_type(c, node, key, "a section of keys");
    }
    bsm_status status = BSM_OK;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top && !status; pair++) {
        status = check_pair(c, schema, node, pair, key);
    }
    return status;
}

static bsm_status check_value(const checker *c, const cyaml_schema_value_t *schema,
                              yaml_node_t *node, const char *key)
{
    if (bsm_yaml_is_null(node)) {
        return BSM_OK;
    }
    switch (schema->type) {
    case CYAML_MAPPING: return check_section(c, schema, node, key);
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED: return check_list(c, schema, node, key);
    default: return check_scalar(c, schema, node, key);
    }
}

bsm_status bsm_layer_check(bsm_layer *layer, const cyaml_schema_value_t *schema, bsm_error *error)
{
    const checker c = {.layer = layer, .schema = schema, .error = error};
    return check_value(&c, schema, yaml_document_get_root_node(&layer->document), "");
}
