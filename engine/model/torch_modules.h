/* SPDX-License-Identifier: ISC */
/** Networks that were pickled whole, torch.save(model), as the state dicts that they would give. */
#ifndef BSM_MODEL_TORCH_MODULES_H
#define BSM_MODEL_TORCH_MODULES_H

#include "model/pickle.h"

/** Put a dict of names and tensors in the place of each torch.nn.Module, a few levels deep.
 *  @return what stands for `top`; NULL: the arena has no more room */
const bsm_pickle_value *bsm_torch_unfold_modules(const bsm_pickle_value *top, bsm_arena *arena);

#endif
