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

#endif
