/* SPDX-License-Identifier: ISC */
/** The key that was perhaps meant. */
#ifndef BSM_TRAINER_NEAREST_H
#define BSM_TRAINER_NEAREST_H

#include <cyaml/cyaml.h>

#include "config/layer.h"

/** The key of the schema that needs the fewest letters changed to be `key`. A key of the same
 *  section is preferred to one of another. */
void bsm_nearest_key(const cyaml_schema_value_t *schema, const char *key,
                     char nearest[BSM_MAX_KEY]);

/** How many letters have to be added, left out or exchanged (Levenshtein's distance). Both are
 *  shorter than BSM_MAX_KEY. */
size_t bsm_edit_distance(const char *a, const char *b);

#endif
