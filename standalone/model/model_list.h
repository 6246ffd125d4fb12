/* SPDX-License-Identifier: ISC */
/** What `bsm-model list` says. */
#ifndef BSM_STANDALONE_MODEL_LIST_H
#define BSM_STANDALONE_MODEL_LIST_H

/** A line for each model in the folders of models, the default one marked. */
void model_list_print(void);

#endif
