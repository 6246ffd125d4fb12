/* SPDX-License-Identifier: ISC */
/** The model that a program uses when the user names none. */
#ifndef BSM_STANDALONE_DEFAULT_MODEL_H
#define BSM_STANDALONE_DEFAULT_MODEL_H

#include "bsm/model.h"

/** Open `path`, or if it is NULL the file that $BSM_MODEL names, or else the installed default.
 *  Where there is none either, the model is an untrained one, and `untrained` becomes true.
 *  BSM_INVALID_ARGUMENT if `path` is empty, and as bsm_model_open. */
BSM_NODISCARD bsm_status default_model_open(const char *path, bsm_model **model, bool *untrained,
                                            bsm_error *error);

#endif
