/* SPDX-License-Identifier: ISC */
/** Samples that wait in a file without a name until all are known. */
#ifndef BSM_FILE_SAMPLE_SPOOL_H
#define BSM_FILE_SAMPLE_SPOOL_H

#include <stddef.h>

#include "bsm/status.h"

typedef struct bsm_sample_spool bsm_sample_spool;

/** Blocks of up to `most` samples in `planes` planes, in the folder of `beside`, whose disk has to
 * have room for them. Messages name `beside`. BSM_NO_MEMORY, BSM_NO_PERMISSION, BSM_NOT_FOUND,
 * BSM_IO. */
BSM_NODISCARD bsm_status bsm_sample_spool_new(const char *beside, size_t planes, size_t most,
                                              bsm_sample_spool **spool, bsm_error *error);
void bsm_sample_spool_free(bsm_sample_spool *spool);

/** Add a block. BSM_NO_SPACE, BSM_IO. */
BSM_NODISCARD bsm_status bsm_sample_spool_add(bsm_sample_spool *spool, float *const *audio,
                                              size_t count, bsm_error *error);

/** Begin to take what was added. */
BSM_NODISCARD bsm_status bsm_sample_spool_rewind(bsm_sample_spool *spool, bsm_error *error);

/** The next block, as it was added; 0 at the end. */
BSM_NODISCARD bsm_status bsm_sample_spool_take(bsm_sample_spool *spool, float *const *audio,
                                               size_t *count, bsm_error *error);

#endif
