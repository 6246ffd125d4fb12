/* SPDX-License-Identifier: ISC */
/** The model that a program uses: the one that the user names, or the default one. */
#ifndef BSM_STANDALONE_DEFAULT_MODEL_H
#define BSM_STANDALONE_DEFAULT_MODEL_H

#include "bsm/model.h"
#include "model_folders.h"

/** The file that `name` means, a path or a name in the folders of models; NULL: what $BSM_MODEL
 *  names, or else the model called "default".
 *  BSM_INVALID_ARGUMENT if `name` is empty; BSM_NOT_FOUND for a name that nothing has, and where
 *  there is no default, with a message that says where models come from. */
BSM_NODISCARD bsm_status default_model_path(const char *name, char path[MODEL_PATH],
                                            bsm_error *error);

/** Open it; or, for a name "untrained:PRESET", make that preset's untrained model.
 *  As default_model_path, bsm_config_preset and bsm_model_open. */
BSM_NODISCARD bsm_status default_model_open(const char *name, bsm_model **model, bsm_error *error);

#endif
