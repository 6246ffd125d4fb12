/* SPDX-License-Identifier: ISC */
/** The command line of bsm-separate. */
#ifndef BSM_STANDALONE_SEPARATE_ARGS_H
#define BSM_STANDALONE_SEPARATE_ARGS_H

#include "bsm/separate.h"
#include "program_options.h"

typedef struct separate_args {
    program_action action;
    const char *model; /**< NULL: the default model */
    bsm_device_kind device;
    bsm_precision precision;
    size_t threads; /**< 0: one per core */
    bool quiet;
    bool picture; /**< also draw what was separated */
    bsm_separate_options options;
    char *const *inputs; /**< files and folders */
    size_t num_inputs;   /**< at least 1, if the action is PROGRAM_RUN */
} separate_args;

/** BSM_INVALID_ARGUMENT names the option or the value; BSM_UNSUPPORTED: this program cannot draw.
 * `argv` may be put in another order. */
BSM_NODISCARD bsm_status separate_args_parse(int argc, char **argv, separate_args *args,
                                             bsm_error *error);

extern const program_table separate_program;

#endif
