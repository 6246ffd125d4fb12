/* SPDX-License-Identifier: ISC */
/* Merges layers of YAML into one text. The schema determines the order, and only its keys occur. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/layer.h"

enum { LINE_WIDTH = 90 };

/* The values of one key in the layers; NULL if a layer has none. */
typedef struct stack {
    yaml_node_t *nodes[BSM_MAX_LAYERS];
} stack;

typedef struct merge {
    bsm_layer *layers;
    size_t num_layers;
    yaml_document_t result;
} merge;

/* All of these return a node of the result, or 0 when out of memory. */

static int add_scalar(merge *m, const yaml_node_t *node)
{
    return yaml_document_add_scalar(&m->result, NULL, node->data.scalar.value,
                                    (int)node->data.scalar.length, node->data.scalar.style);
}

static int copy_value(merge *m, const cyaml_schema_value_t *schema, yaml_document_t *document,
                      yaml_node_t *node);

static bool append_pair(merge *m, int mapping, const char *key, int value)
{
    const int name = yaml_document_add_scalar(&m->result, NULL, (const unsigned char *)key, -1,
                                              YAML_PLAIN_SCALAR_STYLE);
    return value && name && yaml_document_append_mapping_pair(&m->result, mapping, name, value);
}

static int copy_mapping(merge *m, const cyaml_schema_value_t *schema, yaml_document_t *document,
                        const yaml_node_t *node)
{
    const int mapping = yaml_document_add_mapping(&m->result, NULL, YAML_FLOW_MAPPING_STYLE);
    for (const cyaml_schema_field_t *field = schema->mapping.fields; mapping && field->key;
         field++) {
        yaml_node_t *value = bsm_yaml_get(document, node, field->key);
        if (!bsm_yaml_is_null(value) &&
            !append_pair(m, mapping, field->key, copy_value(m, &field->value, document, value))) {
            return 0;
        }
    }
    return mapping;
}

static int copy_list(merge *m, const cyaml_schema_value_t *schema, yaml_document_t *document,
                     yaml_node_t *node)
{
    const cyaml_schema_value_t *entry = schema->sequence.entry;
    const int list = yaml_document_add_sequence(
        &m->result, NULL,
        entry->type == CYAML_MAPPING ? YAML_BLOCK_SEQUENCE_STYLE : YAML_FLOW_SEQUENCE_STYLE);
    if (list && node->type == YAML_SCALAR_NODE) { /* a single value in place of a list of one */
        const int value = add_scalar(m, node);
        return value && yaml_document_append_sequence_item(&m->result, list, value) ? list : 0;
    }
    for (const yaml_node_item_t *item = node->data.sequence.items.start;
         list && item < node->data.sequence.items.top; item++) {
        const int value = copy_value(m, entry, document, yaml_document_get_node(document, *item));
        if (!value || !yaml_document_append_sequence_item(&m->result, list, value)) {
            return 0;
        }
    }
    return list;
}

static int copy_value(merge *m, const cyaml_schema_value_t *schema, yaml_document_t *document,
                      yaml_node_t *node)
{
    switch (schema->type) {
    case CYAML_MAPPING: return copy_mapping(m, schema, document, node);
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED: return copy_list(m, schema, document, node);
    default: return add_scalar(m, node);
    }
}

static stack values_of(const merge *m, const stack *mappings, const char *key)
{
    stack values = {0};
    for (size_t i = 0; i < m->num_layers; i++) {
        values.nodes[i] = bsm_yaml_get(&m->layers[i].document, mappings->nodes[i], key);
        values.nodes[i] = bsm_yaml_is_null(values.nodes[i]) ? NULL : values.nodes[i];
    }
    return values;
}

static int merge_mappings(merge *m, const cyaml_schema_value_t *schema, const stack *mappings);

/* -1: no layer has a value */
static int merge_values(merge *m, const cyaml_schema_value_t *schema, const stack *values)
{
    size_t top = m->num_layers;
    while (top > 0 && !values->nodes[top - 1]) {
        top--;
    }
    if (top == 0) {
        return -1;
    }
    return schema->type == CYAML_MAPPING
               ? merge_mappings(m, schema, values)
               : copy_value(m, schema, &m->layers[top - 1].document, values->nodes[top - 1]);
}

static int merge_mappings(merge *m, const cyaml_schema_value_t *schema, const stack *mappings)
{
    const int mapping = yaml_document_add_mapping(&m->result, NULL, YAML_BLOCK_MAPPING_STYLE);
    for (const cyaml_schema_field_t *field = schema->mapping.fields; mapping && field->key;
         field++) {
        const stack values = values_of(m, mappings, field->key);
        const int value = merge_values(m, &field->value, &values);
        if (value >= 0 && !append_pair(m, mapping, field->key, value)) {
            return 0;
        }
    }
    return mapping;
}

static int write_to_stream(void *stream, unsigned char *text, size_t size)
{
    return fwrite(text, 1, size, stream) == size;
}

/* Takes ownership of the document. */
static bool emit(yaml_document_t *document, FILE *stream)
{
    yaml_emitter_t emitter;
    if (!yaml_emitter_initialize(&emitter)) {
        yaml_document_delete(document);
        return false;
    }
    yaml_emitter_set_output(&emitter, write_to_stream, stream);
    yaml_emitter_set_unicode(&emitter, 1);
    yaml_emitter_set_width(&emitter, LINE_WIDTH);
    const bool ok = yaml_emitter_open(&emitter) && yaml_emitter_dump(&emitter, document) &&
                    yaml_emitter_close(&emitter);
    yaml_emitter_delete(&emitter);
    return ok;
}

static bool merge_all(merge *m, const cyaml_schema_value_t *schema, FILE *stream)
{
    stack roots = {0};
    for (size_t i = 0; i < m->num_layers; i++) {
        roots.nodes[i] = yaml_document_get_root_node(&m->layers[i].document);
    }
    if (!yaml_document_initialize(&m->result, NULL, NULL, NULL, 1, 1)) {
        return false;
    }
    if (!merge_mappings(m, schema, &roots)) {
        yaml_document_delete(&m->result);
        return false;
    }
    return emit(&m->result, stream);
}

bsm_status bsm_layers_merge(bsm_layer *layers, size_t num_layers,
                            const cyaml_schema_value_t *schema, char **text, bsm_error *error)
{
    merge m = {.layers = layers, .num_layers = num_layers};
    size_t size;
    *text = NULL;
    FILE *stream = open_memstream(text, &size);
    bool ok = stream && merge_all(&m, schema, stream);
    if (stream && (fclose(stream) || !*text)) {
        ok = false;
    }
    if (!ok) {
        free(*text);
        *text = NULL;
        return bsm_fail(error, BSM_NO_MEMORY, "configuration: out of memory");
    }
    return BSM_OK;
}
