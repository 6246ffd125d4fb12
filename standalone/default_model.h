/* SPDX-License-Identifier: ISC */
/** The model that a program uses: the one that the user names, or the default one. */
#ifndef BSM_STANDALONE_DEFAULT_MODEL_H
#define BSM_STANDALONE_DEFAULT_MODEL_H

#include "bsm/model.h"
#include "model_folders.h"

/** The file that `name` means, a path or a name in the folders of models; NULL: what $BSM_MODEL
 *  names, or else the model called "default". `path` is "" if there is no such default.
 *  BSM_INVALID_ARGUMENT if `name` is empty; BSM_NOT_FOUND for a name that nothing has. */
BSM_NODISCARD bsm_status default_model_path(const char *name, char path[MODEL_PATH],
                                            bsm_error *error);

/** Open it. Where there is no default, the model is an untrained one, and `untrained` becomes true.
 *  As default_model_path and bsm_model_open. */
BSM_NODISCARD bsm_status default_model_open(const char *name, bsm_model **model, bool *untrained,
                                            bsm_error *error);

#endif
