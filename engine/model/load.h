/* SPDX-License-Identifier: ISC */
/** The readers of model files, one per format. */
#ifndef BSM_MODEL_LOAD_H
#define BSM_MODEL_LOAD_H

#include <sys/stat.h>

#include "model/model.h"

/** Make a model from the open file `fd`, which stays open. `info` is what fstat said of it. */
bsm_status bsm_load_safetensors(const char *path, int fd, const struct stat *info, bool ema,
                                bsm_model **model, bsm_error *error);
bsm_status bsm_load_torch(const char *path, int fd, const struct stat *info, bool ema,
                          bsm_model **model, bsm_error *error);

#endif
