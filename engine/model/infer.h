/* SPDX-License-Identifier: ISC */
/** The configuration of a network whose tensors are known. */
#ifndef BSM_MODEL_INFER_H
#define BSM_MODEL_INFER_H

#include "bsm/config.h"
#include "model/table.h"

/** Fill each field of `config` that is 0 from the shapes in `table`, and from the published model's
 *  values where no shape tells (hop, sample rate, segment, names of the stems). The result is
 *  valid. BSM_BAD_MODEL names the tensor that is missing or makes no sense. */
bsm_status bsm_config_infer(const char *path, const bsm_table *table, bsm_config *config,
                            bsm_error *error);

#endif
