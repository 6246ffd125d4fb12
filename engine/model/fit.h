/* SPDX-License-Identifier: ISC */
/** Fitting the tensors that a file offers to those that a network needs. */
#ifndef BSM_MODEL_FIT_H
#define BSM_MODEL_FIT_H

#include "model/model.h"
#include "model/table.h"

/** True if `name` could only belong to a BSMamba2 network. */
bool bsm_is_network_name(const char *name);

/** Make a model from the tensors in the sorted `table` and the configuration in `metadata` (which
 *  is emptied: the model has it then), completed from the shapes. Each tensor has the dtype and
 *  the data that the table gives it. BSM_BAD_MODEL names the tensor that is missing, extra or of
 *  another shape or type. */
bsm_status bsm_model_fit(const char *path, const char *format, const bsm_table *table,
                         bsm_metadata *metadata, bsm_model **model, bsm_error *error);

#endif
