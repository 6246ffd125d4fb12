/* SPDX-License-Identifier: ISC */
/** Prints what `bsm-model info` and `bsm-model list` show of models. */
#ifndef BSM_STANDALONE_MODEL_INFO_H
#define BSM_STANDALONE_MODEL_INFO_H

#include <stdbool.h>

#include "bsm/model.h"

/** Print a table for people. */
void model_info_print(const bsm_model *model);

/** Print a JSON object for programs. Return false if out of memory. */
bool model_info_print_json(const bsm_model *model);

/** Print a name from an unknown source: '?' replaces control characters and bytes that are
 *  not UTF-8. */
void model_info_print_name(const char *name);

/** Return true for the keys of metadata that describe the network. */
bool model_info_is_config(const char *key);

enum { GROUPED_SIZE = 32 };

/** Format a number with commas between the thousands. The result is the end of `text`; return where
 *  it starts. */
const char *model_info_group(size_t number, char text[GROUPED_SIZE]);

/** Print a line for each model in the folders of models, with the default one marked. */
void model_list_print(void);

#endif
