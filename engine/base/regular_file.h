/* SPDX-License-Identifier: ISC */
/** Opening a regular file for reading. */
#ifndef BSM_REGULAR_FILE_H
#define BSM_REGULAR_FILE_H

#include <sys/stat.h>

#include "bsm/status.h"

/** Open a regular file of at least one byte, without waiting for a pipe's writer. The status is
 *  `unfit` for a folder, a device, an empty file and the like. */
bsm_status bsm_open_regular(const char *path, bsm_status unfit, int *fd, struct stat *info,
                            bsm_error *error);

/** What a file is whose first bytes, as a string, are `start`, where it is none of ours but what
 * people have in place of one, and what to do; or NULL. */
const char *bsm_mistaken_file(const char *start);

#endif
