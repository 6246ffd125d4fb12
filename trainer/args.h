/* SPDX-License-Identifier: ISC */
/** The command line of bsm-trainer. */
#ifndef BSM_TRAINER_ARGS_H
#define BSM_TRAINER_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"
#include "program_options.h"

typedef enum trainer_action {
    TRAINER_TRAIN,
    TRAINER_VALIDATE,
    TRAINER_PRINT_CONFIG,
    TRAINER_LIST_KEYS,
    TRAINER_HELP,
    TRAINER_VERSION,
} trainer_action;

typedef struct trainer_args {
    trainer_action action;
    const char *config;       /**< NULL if none was given */
    const char **assignments; /**< from --set and from the options that stand for one; for free() */
    char **owned;             /**< assignments that do not belong to the command line itself */
    size_t num_assignments, num_owned;
    bool quiet;

    /* for --validate */
    const char *model, *data;
    const char *json, *csv; /**< NULL: not written */
} trainer_args;

extern const program_table trainer_program;

/** Parse the command line. BSM_INVALID_ARGUMENT names the option or the value; BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status trainer_args_parse(int argc, char **argv, trainer_args *args,
                                            bsm_error *error);
void trainer_args_free(trainer_args *args);

#endif
