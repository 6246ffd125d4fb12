/* SPDX-License-Identifier: ISC */
/** Prints what `bsm-model info` and `bsm-model list` show of models. */
#ifndef BSM_STANDALONE_MODEL_INFO_H
#define BSM_STANDALONE_MODEL_INFO_H

#include <stdbool.h>

#include "bsm/model.h"

/** Print a table for people. */
void model_info_print(const bsm_model *model);

/** Print a JSON object for programs. Return false without memory. */
bool model_info_print_json(const bsm_model *model);

/** Print a name from an unknown source: '?' replaces control characters and bytes that are no
 *  UTF-8. */
void model_info_print_name(const char *name);

/** Return true for metadata that describe the network, which follow from the model. */
bool model_info_is_config(const char *key);

/** Write a number into `text`, with commas between the thousands. */
enum { GROUPED_SIZE = 32 };
const char *model_info_group(size_t number, char text[GROUPED_SIZE]);

/** Print a line for each model in the folders of models, with the default one marked. */
void model_list_print(void);

#endif
