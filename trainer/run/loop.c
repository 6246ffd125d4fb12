/* SPDX-License-Identifier: ISC */
/* The loop of a training, and requests to stop it. */
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "run/run.h"

/* ---- Requests to stop, and time ---- */

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

void bsm_catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        /* an ignored signal stays ignored, because nohup and shells rely on it */
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
}

bool bsm_stop_requested(void)
{
    return stop != 0;
}

double bsm_seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- The loop over epochs and steps ---- */

static void start_clock(bsm_run *run)
{
    run->clock = (bsm_clock){
        .start = bsm_seconds_now(),
        .waited = bsm_loader_get_stats(run->loader).seconds_waited,
        .examples = run->state.examples,
        .steps = run->state.epoch_step,
    };
}

/* The first step may take minutes, so say that the training has begun. */
static void tell_start(bsm_run *run)
{
    const bsm_training_settings *training = &run->settings->training;
    bsm_console_say(&run->console,
                    "training: epoch %" PRIu64 " of %zu, from step %" PRIu64 " of %zu on, each of "
                    "%zu examples of %g s",
                    run->state.epoch + 1, training->num_epochs, run->state.epoch_step + 1,
                    training->steps_per_epoch,
                    training->batch_size * training->gradient_accumulation_steps,
                    run->settings->audio.segment_length);
}

static bsm_status run_epoch(bsm_run *run, bsm_error *error)
{
    bsm_status status = BSM_OK;
    start_clock(run);
    while (!status && run->state.epoch_step < run->settings->training.steps_per_epoch) {
        status = bsm_run_step(run, error);
        if (!status && run->collective->rank == 0) {
            const bsm_pace pace = bsm_run_pace(run);
            bsm_console_pace(&run->console, &pace);
        }
    }
    return status ? status : bsm_run_finish_epoch(run, error);
}

/* Save a training that was stopped, so that it can continue. */
static bsm_status save_stopped(bsm_run *run, bsm_error *error)
{
    const bsm_status status = bsm_run_save(run, error);
    if (status) {
        return status;
    }
    return bsm_fail(error, BSM_CANCELLED,
                    "stopped by a signal in epoch %" PRIu64 ", after step %" PRIu64
                    "; --resume goes on from there",
                    run->state.epoch + 1, run->state.step);
}

static void tell_end(bsm_run *run)
{
    const char *folder = run->settings->training.output_dir;
    if (isnan(run->state.best)) {
        bsm_console_say(&run->console, "finished: %s/last.safetensors", folder);
    } else {
        bsm_console_say(&run->console, "finished: %s/best.safetensors, uSDR %.2f dB", folder,
                        run->state.best);
    }
}

bsm_status bsm_run_train(bsm_run *run, bsm_error *error)
{
    /* a signal simply ends this part, since there is nothing to save */
    bsm_status status = bsm_run_begin(run, error);
    bsm_catch_signals();
    if (!status && run->state.epoch < run->settings->training.num_epochs) {
        tell_start(run);
    }
    while (!status && run->state.epoch < run->settings->training.num_epochs) {
        status = run_epoch(run, error);
        if (status == BSM_CANCELLED) {
            status = save_stopped(run, error);
        }
    }
    if (!status) {
        tell_end(run);
    }
    bsm_console_clear(&run->console);
    const bsm_status ended = bsm_run_end(run, status ? NULL : error);
    return status ? status : ended;
}
