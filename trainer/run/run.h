/* SPDX-License-Identifier: ISC */
/** A running training and everything that belongs to it. */
#ifndef BSM_TRAINER_RUN_H
#define BSM_TRAINER_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "bsm/training.h"
#include "collective.h"
#include "config/settings.h"
#include "data/loader.h"
#include "output/output.h"
#include "run/state.h"
#include "validate/validate.h"

/** What was being done when something failed; it determines the exit status. */
typedef enum bsm_doing {
    BSM_DOING_ELSE,
    BSM_DOING_MODEL, /**< reading a model or a checkpoint */
    BSM_DOING_DATA,
    BSM_DOING_OUTPUT,
} bsm_doing;

/** What the speed of an epoch is computed from, since this process began with it. */
typedef struct bsm_clock {
    double start;      /**< in seconds */
    double waited;     /**< seconds spent waiting for data before */
    uint64_t examples; /**< examples drawn before */
    uint64_t steps;
} bsm_clock;

typedef struct bsm_run {
    const bsm_trainer_settings *settings;
    const char *text; /**< the settings, as YAML */
    const bsm_collective *collective;
    bsm_console console;
    bsm_doing doing;

    bsm_config config;
    bsm_model *shapes; /**< a model of the network, for the names and shapes of its tensors */
    bsm_training *training;
    /** a vector for sums over processes; NULL if the device sums or if there is only one process */
    float *gradients;
    bsm_data_source data;
    bsm_data_loader *loader;
    int folder;             /**< the output folder, locked; -1: not yet, or not the first process */
    bsm_log *log;           /**< the first process's; NULL in the others */
    bsm_tensorboard *board; /**< likewise */
    bsm_state state;
    bsm_clock clock;
    bsm_stem_summary validated; /**< the last result of bsm_run_validate, in the first process */
} bsm_run;

/** Train until the last epoch ends, an error occurs or a signal arrives (BSM_CANCELLED, with a
 *  checkpoint). The caller sets the first four members of `run`. */
BSM_NODISCARD bsm_status bsm_run_train(bsm_run *run, bsm_error *error);

/* ---- The parts of a training ---- */

/** Make everything that the training needs; continue from a checkpoint if the settings say so. */
BSM_NODISCARD bsm_status bsm_run_begin(bsm_run *run, bsm_error *error);
bsm_status bsm_run_end(bsm_run *run, bsm_error *error);

/** One step: its examples, their gradients, an update. BSM_CANCELLED if a signal asked to stop;
 *  the step then stays unfinished. */
BSM_NODISCARD bsm_status bsm_run_step(bsm_run *run, bsm_error *error);

/** Take a GPU for this process, if there are several and the settings may use one. */
BSM_NODISCARD bsm_status bsm_run_take_gpu(const bsm_run *run, bsm_error *error);

/** Choose whether gradients are summed over processes on their GPUs or on the host, and report
 *  it. */
BSM_NODISCARD bsm_status bsm_run_join_peers(bsm_run *run, bsm_error *error);

/** Replace the gradients and losses of the unfinished step, in every process, by their sum over
 *  all processes. */
BSM_NODISCARD bsm_status bsm_run_sum_gradients(bsm_run *run, bsm_error *error);

/** Set the gradients to zero. */
BSM_NODISCARD bsm_status bsm_run_clear_gradients(bsm_run *run, bsm_error *error);

/** End an epoch: validation, the best model, a checkpoint. */
BSM_NODISCARD bsm_status bsm_run_finish_epoch(bsm_run *run, bsm_error *error);

/** Write a checkpoint. All processes call this: the first one writes, and the others wait. */
BSM_NODISCARD bsm_status bsm_run_save(bsm_run *run, bsm_error *error);

/** The progress of the epoch. */
bsm_pace bsm_run_pace(const bsm_run *run);

/** Add the mean loss of a step, or an epoch, to an object for the log. NULL when out of memory. */
cJSON *bsm_run_describe(const bsm_run *run, const char *event, const bsm_loss *loss, double norm);

/** Validate the averaged weights, if it is this epoch's turn. `*figure` is the mean uSDR of the
 *  first target, NaN if there is none. */
BSM_NODISCARD bsm_status bsm_run_validate(bsm_run *run, double *figure, bsm_error *error);

/** The options of validation, from the settings. The root is NULL if they name no data. */
bsm_validate_options bsm_settings_validation(const bsm_trainer_settings *settings);

/** Write the averaged weights as a model, best.safetensors or last.safetensors. */
BSM_NODISCARD bsm_status bsm_run_export(bsm_run *run, const char *name, double usdr,
                                        bsm_error *error);

double bsm_seconds_now(void);

/** From now on SIGTERM, SIGINT and SIGHUP ask to stop, unless they are ignored; a second one ends
 *  the process at once. */
void bsm_catch_signals(void);
bool bsm_stop_requested(void);

#endif
