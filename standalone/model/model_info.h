/* SPDX-License-Identifier: ISC */
/** What `bsm-model info` and `bsm-model list` say of models. */
#ifndef BSM_STANDALONE_MODEL_INFO_H
#define BSM_STANDALONE_MODEL_INFO_H

#include <stdbool.h>

#include "bsm/model.h"

/** A table for people. */
void model_info_print(const bsm_model *model);

/** An object for programs. False when out of memory. */
bool model_info_print_json(const bsm_model *model);

/** A name that may come from anybody: control characters and what is no UTF-8 become '?'. */
void model_info_print_name(const char *name);

/** True for the metadata that say what network it is: they follow from the model. */
bool model_info_is_config(const char *key);

/** A number with commas between the thousands, in `text`. */
enum { GROUPED_SIZE = 32 };
const char *model_info_group(size_t number, char text[GROUPED_SIZE]);

/** A line for each model in the folders of models, the default one marked. */
void model_list_print(void);

#endif
