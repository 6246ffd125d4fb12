/* SPDX-License-Identifier: ISC */
/** The files that one run of bsm-separate works on. */
#ifndef BSM_STANDALONE_SEPARATE_JOBS_H
#define BSM_STANDALONE_SEPARATE_JOBS_H

#include <sys/types.h>

#include "bsm/separate.h"

typedef struct separate_job {
    char *path;
    uint64_t size; /**< of the file, bytes; 0 if it cannot be told */
    dev_t device;  /**< which file it is ... */
    ino_t inode;   /**< ... 0: not known */
} separate_job;

typedef struct separate_jobs {
    separate_job *jobs;
    size_t count;
} separate_jobs;

/** Add a file, which need not be there. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status separate_jobs_add(separate_jobs *list, const char *path, bsm_error *error);
void separate_jobs_clear(separate_jobs *list);

/** Drop those that other jobs write, of a folder that was separated before; returns how many.
 *  Without memory for that, none. */
size_t separate_jobs_drop_outputs(separate_jobs *list, const bsm_config *config,
                                  const bsm_separate_options *options);

/** Keep every `size`th job from number `rank` on. */
void separate_jobs_share(separate_jobs *list, size_t rank, size_t size);

/** Refuse, before anything is written, that two jobs write files of one name, whatever makes these
 *  one on their file system, or that an output replaces another's input.
 *  BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status separate_jobs_check(const separate_jobs *list, const bsm_config *config,
                                             const bsm_separate_options *options, bsm_error *error);

#endif
