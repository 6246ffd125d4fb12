/* SPDX-License-Identifier: ISC */
/** Opens regular files for reading. */
#ifndef BSM_BASE_FILES_H
#define BSM_BASE_FILES_H

#include <sys/stat.h>

#include "bsm/status.h"

/** Open a regular file of at least one byte, without waiting for a pipe's writer. For a folder, a
 *  device, an empty file and the like the status is `unfit`. */
bsm_status bsm_open_regular(const char *path, bsm_status unfit, int *fd, struct stat *info,
                            bsm_error *error);

/** If `start`, the first bytes of a file as a string, shows that the file is something that people
 *  often pass by mistake, return what it is and what to do; otherwise NULL. */
const char *bsm_mistaken_file(const char *start);

#endif
