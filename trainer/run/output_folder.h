/* SPDX-License-Identifier: ISC */
/** The folder that a training writes to. */
#ifndef BSM_TRAINER_OUTPUT_FOLDER_H
#define BSM_TRAINER_OUTPUT_FOLDER_H

#include <stdbool.h>

#include "bsm/status.h"

/** Make it, with the folders that it lies in, and lock it: the lock lasts until `*fd`, which is
 *  set in any case where it was opened, is closed. What a killed training left half written there
 *  is removed.
 *  BSM_EXISTS: another training is at work there, or (unless this one `resumes`) was. */
BSM_NODISCARD bsm_status bsm_output_folder_open(const char *path, bool resumes, int *fd,
                                                bsm_error *error);

#endif
