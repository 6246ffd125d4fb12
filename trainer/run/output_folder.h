/* SPDX-License-Identifier: ISC */
/** The folder that a training writes to. */
#ifndef BSM_TRAINER_OUTPUT_FOLDER_H
#define BSM_TRAINER_OUTPUT_FOLDER_H

#include <stdint.h>

#include "bsm/status.h"

/** Make it, with the folders that it lies in, and lock it: the lock lasts until `*fd`, which is
 *  set in any case where it was opened, is closed. What a killed training left half written there
 *  is removed. BSM_EXISTS: another training is at work there. */
BSM_NODISCARD bsm_status bsm_output_folder_open(const char *path, int *fd, bsm_error *error);

/** That a training that begins there takes nothing away. BSM_EXISTS: another one has been there. */
BSM_NODISCARD bsm_status bsm_output_folder_check_unused(const char *path, bsm_error *error);

/** That a training which goes on after `step` will make the newest checkpoints there, since only
 *  those are kept and resumed from. BSM_EXISTS: there are later ones. */
BSM_NODISCARD bsm_status bsm_output_folder_check_later(const char *path, uint64_t step,
                                                       bsm_error *error);

/** That `needed` bytes can be written there; a file system that does not say is believed to have
 *  them. BSM_IO. */
BSM_NODISCARD bsm_status bsm_output_folder_check_space(const char *path, uint64_t needed,
                                                       bsm_error *error);

#endif
