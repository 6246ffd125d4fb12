/* SPDX-License-Identifier: ISC */
/** Names of tensors as other trainers write them: wrappers of modules add parts anywhere in a name,
 *  and a file may hold several networks, one of them the average of another. */
#ifndef BSM_MODEL_WRAPPED_NAME_H
#define BSM_MODEL_WRAPPED_NAME_H

#include <stdbool.h>
#include <stddef.h>

enum { BSM_MAX_WRAPPED_NAME = 256 };

/** Drop the parts that wrappers add, in place: "model.layers.0._orig_mod.0.linear.bias" becomes
 *  "layers.0.0.linear.bias". */
void bsm_name_unwrap(char *name);

/** If an unwrapped name is that of the tensor which every network has once, the length of what
 *  stands before the network's own name ("online_model."). */
bool bsm_name_is_landmark(const char *name, size_t *prefix);

/** The same for an average as LitEma writes it, whose names have lost their dots. */
bool bsm_name_is_dotless_landmark(const char *name, size_t *prefix);

/** Whether a place ("state_dict_ema", "optimizer_states.0.ema") says that averaged weights lie
 *  there. */
bool bsm_name_is_average(const char *place);

#endif
