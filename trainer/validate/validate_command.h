/* SPDX-License-Identifier: ISC */
/** Runs bsm-trainer --validate. */
#ifndef BSM_TRAINER_VALIDATE_COMMAND_H
#define BSM_TRAINER_VALIDATE_COMMAND_H

#include "args.h"
#include "config/settings.h"
#include "output/output.h"
#include "program_options.h"

/** Separate, measure, print and write. */
BSM_NODISCARD bsm_status validate_command(const trainer_args *args,
                                          const bsm_trainer_settings *settings,
                                          bsm_console *console, exit_activity *activity,
                                          bsm_error *error);

#endif
