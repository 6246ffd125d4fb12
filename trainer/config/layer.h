/* SPDX-License-Identifier: ISC */
/** YAML documents that lie over each other: the defaults, the user's file, what the command line
 *  sets. A layer is checked against a libcyaml schema before it is merged, so that what is wrong
 *  is said with its line and with the key that was perhaps meant. */
#ifndef BSM_TRAINER_CONFIG_LAYER_H
#define BSM_TRAINER_CONFIG_LAYER_H

#include <cyaml/cyaml.h>
#include <stdbool.h>
#include <yaml.h>

#include "bsm/status.h"

/* YAML documents that lie over each other: the defaults, the user's file, what the command line
 *  sets. A layer is checked against a libcyaml schema before it is merged, so that what is wrong
 *  is said with its line and with the key that was perhaps meant. */

enum {
    BSM_MAX_KEY = 128, /**< bytes of "section.key", with the final zero */
    BSM_MAX_LAYERS = 72,
};

typedef struct bsm_layer {
    char *name;     /**< the file, or what else to call it in messages */
    bool has_lines; /**< a line number tells where in it something is */
    yaml_document_t document;
} bsm_layer;

/** Parse one document. An empty one sets nothing. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_layer_parse(const char *name, bool has_lines, const char *text,
                                         size_t size, bsm_layer *layer, bsm_error *error);

/** As bsm_layer_parse, of a file. Also what opening and reading it reports. */
BSM_NODISCARD bsm_status bsm_layer_read(const char *path, bsm_layer *layer, bsm_error *error);

/** Of "section.key=VALUE"; the value is YAML. */
BSM_NODISCARD bsm_status bsm_layer_assign(const char *assignment, bsm_layer *layer,
                                          bsm_error *error);

void bsm_layer_free(bsm_layer *layer);

/** BSM_INVALID_ARGUMENT if a key is not in the schema, or there twice, or a value is not of its
 *  type: "FILE:LINE: KEY: what". One value where a list of them is expected is a list of one; a
 *  value that is left empty is as if its key were not there. */
BSM_NODISCARD bsm_status bsm_layer_check(bsm_layer *layer, const cyaml_schema_value_t *schema,
                                         bsm_error *error);

/** The value of "section.key", or NULL. */
yaml_node_t *bsm_layer_find(bsm_layer *layer, const char *key);

/** True if a value says nothing: absent, empty, "~" or "null". */
bool bsm_yaml_is_null(const yaml_node_t *node);

/** The value of a key of a mapping, or NULL. */
yaml_node_t *bsm_yaml_get(yaml_document_t *document, const yaml_node_t *mapping, const char *key);

/** All layers as one YAML text, a higher number above a lower one: of each key the highest value
 *  counts. They are at most BSM_MAX_LAYERS and have been checked. `*text` is for free().
 * BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_layers_merge(bsm_layer *layers, size_t num_layers,
                                          const cyaml_schema_value_t *schema, char **text,
                                          bsm_error *error);

/* ---- The key that was perhaps meant ---- */

/** The key of the schema that needs the fewest letters changed to be `key`. A key of the same
 *  section is preferred to one of another. */
void bsm_nearest_key(const cyaml_schema_value_t *schema, const char *key,
                     char nearest[BSM_MAX_KEY]);

/** How many letters have to be added, left out or exchanged (Levenshtein's distance). Both are
 *  shorter than BSM_MAX_KEY. */
size_t bsm_edit_distance(const char *a, const char *b);

#endif
