/* SPDX-License-Identifier: ISC */
/** Layers of YAML: the defaults, the user's file, and the assignments of the command line. Each
 *  layer is checked against a libcyaml schema before it is merged, so that an error is reported
 *  with its line and with the key that was probably meant. */
#ifndef BSM_TRAINER_CONFIG_LAYER_H
#define BSM_TRAINER_CONFIG_LAYER_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <yaml.h>

#include "bsm/status.h"

enum {
    BSM_MAX_KEY = 128, /**< bytes of "section.key", with the terminating zero */
    BSM_MAX_LAYERS = 72,
};

typedef struct bsm_layer {
    char *name;     /**< the file, or another name for messages */
    bool has_lines; /**< its line numbers tell where something is */
    yaml_document_t document;
} bsm_layer;

/** Parse one document. An empty one sets nothing. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_layer_parse(const char *name, bool has_lines, const char *text,
                                         size_t size, bsm_layer *layer, bsm_error *error);

/** Like bsm_layer_parse, for a file. Also the errors of opening and reading it. */
BSM_NODISCARD bsm_status bsm_layer_read(const char *path, bsm_layer *layer, bsm_error *error);

/** Make a layer from "section.key=VALUE"; the value is YAML. */
BSM_NODISCARD bsm_status bsm_layer_assign(const char *assignment, bsm_layer *layer,
                                          bsm_error *error);

void bsm_layer_free(bsm_layer *layer);

/** Check a layer. BSM_INVALID_ARGUMENT if a key is not in the schema or occurs twice, or if a
 *  value has the wrong type: "FILE:LINE: KEY: what". A single value in place of a list is a list
 *  of one; a key with an empty value counts as absent. */
BSM_NODISCARD bsm_status bsm_layer_check(bsm_layer *layer, const cyaml_schema_value_t *schema,
                                         bsm_error *error);

/** The value of "section.key", or NULL. */
yaml_node_t *bsm_layer_find(bsm_layer *layer, const char *key);

/** Whether a value says nothing: it is absent, empty, "~" or "null". */
bool bsm_yaml_is_null(const yaml_node_t *node);

/** The value of a key of a mapping, or NULL. */
yaml_node_t *bsm_yaml_get(yaml_document_t *document, const yaml_node_t *mapping, const char *key);

/** Merge all layers into one YAML text: for each key the value of the layer with the highest
 *  number counts. There are at most BSM_MAX_LAYERS layers, and they have been checked. `*text` is
 *  for free(). BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_layers_merge(bsm_layer *layers, size_t num_layers,
                                          const cyaml_schema_value_t *schema, char **text,
                                          bsm_error *error);

/* ---- The key that was probably meant ---- */

/** Find the key of the schema that differs from `key` in the fewest letters. Keys of the same
 *  section are preferred to those of another. */
void bsm_nearest_key(const cyaml_schema_value_t *schema, const char *key,
                     char nearest[BSM_MAX_KEY]);

/** The number of letters to add, remove or replace (Levenshtein distance). Both texts are shorter
 *  than BSM_MAX_KEY. */
size_t bsm_edit_distance(const char *a, const char *b);

#endif
