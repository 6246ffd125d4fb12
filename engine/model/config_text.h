/* SPDX-License-Identifier: ISC */
/** A configuration as metadata: one pair of text per field (docs/model-format.md). */
#ifndef BSM_MODEL_CONFIG_TEXT_H
#define BSM_MODEL_CONFIG_TEXT_H

#include "bsm/config.h"
#include "model/metadata.h"

/** Set each field of `config` that `metadata` has a key for; the others stay as they are.
 *  BSM_BAD_MODEL names the key whose value makes no sense. */
bsm_status bsm_config_from_metadata(const char *path, const bsm_metadata *metadata,
                                    bsm_config *config, bsm_error *error);

/** Set the pairs for every field. False when out of memory. */
bool bsm_config_to_metadata(const bsm_config *config, bsm_metadata *metadata);

#endif
