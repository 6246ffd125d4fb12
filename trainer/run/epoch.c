/* SPDX-License-Identifier: ISC */
/* The end of an epoch: validation, the models that result, and a checkpoint. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "run/checkpoint.h"
#include "run/run.h"

static bool is_first(const bsm_run *run)
{
    return run->collective->rank == 0;
}

/* ---- Checkpoints ---- */

/* Within a step every process holds the gradients of its own items; the file gets their sum. */
static bsm_status gather_step(bsm_run *run, bsm_error *error)
{
    return run->state.step_items > 0 ? bsm_run_sum_gradients(run, error) : BSM_OK;
}

static bsm_status write_checkpoint(bsm_run *run, bsm_error *error)
{
    const bsm_training_settings *settings = &run->settings->training;
    char *path = bsm_checkpoint_path(settings->output_dir, run->state.step);
    if (!path) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", settings->output_dir);
    }
    run->doing = BSM_DOING_OUTPUT;
    const bsm_status status =
        bsm_checkpoint_write(path, run->training, run->shapes, &run->state, run->text, error);
    if (!status) {
        run->doing = BSM_DOING_ELSE;
        bsm_checkpoint_prune(settings->output_dir, settings->keep_last_n_checkpoints);
    }
    free(path);
    return status;
}

bsm_status bsm_run_save(bsm_run *run, bsm_error *error)
{
    /* waits for all processes, because a launcher may end all once one has left */
    double written = 0;
    bsm_status status = gather_step(run, error);
    if (!status && is_first(run)) {
        status = write_checkpoint(run, error);
    }
    return status ? status : bsm_collective_sum(run->collective, &written, 1, error);
}

/* ---- Reports ---- */

bsm_pace bsm_run_pace(const bsm_run *run)
{
    const bsm_trainer_settings *settings = run->settings;
    const bsm_clock *clock = &run->clock;
    const double seconds = bsm_seconds_now() - clock->start;
    const double audio =
        (double)(run->state.examples - clock->examples) * settings->audio.segment_length;
    const double waited = bsm_loader_get_stats(run->loader).seconds_waited - clock->waited;
    const double count = run->state.epoch_sum.count;
    return (bsm_pace){
        .epoch = run->state.epoch + 1,
        .num_epochs = settings->training.num_epochs,
        .step = run->state.epoch_step,
        .num_steps = settings->training.steps_per_epoch,
        .loss = bsm_loss_sum_mean(&run->state.epoch_sum),
        .num_windows = settings->loss.stft_windows_count,
        .norm = count > 0 ? run->state.epoch_sum.norm / count : 0,
        .steps_per_second =
            seconds > 0 ? (double)(run->state.epoch_step - clock->steps) / seconds : 0,
        .audio_per_second = seconds > 0 ? audio / seconds : 0,
        .waiting = seconds > 0 ? fmin(waited / seconds, 1) : 0,
    };
}

static bool add_numbers(const bsm_run *run, const bsm_pace *pace, double figure, cJSON *object)
{
    bool ok = object &&
              cJSON_AddNumberToObject(object, "steps_per_second", pace->steps_per_second) &&
              cJSON_AddNumberToObject(object, "audio_per_second", pace->audio_per_second) &&
              cJSON_AddNumberToObject(object, "waiting", pace->waiting) &&
              cJSON_AddNumberToObject(object, "skipped_steps",
                                      (double)(run->state.step - run->state.updates)) &&
              cJSON_AddNumberToObject(object, "skipped_files",
                                      (double)bsm_loader_get_stats(run->loader).files_skipped);
    for (bsm_figure f = 0; ok && !isnan(figure) && f < BSM_NUM_FIGURES; f++) {
        const double mean = run->validated.mean[f];
        ok = !isfinite(mean) || cJSON_AddNumberToObject(object, bsm_figure_key(f), mean);
    }
    return ok;
}

static void add_validation(const bsm_run *run, double figure)
{
    for (bsm_figure f = 0; !isnan(figure) && f < BSM_NUM_FIGURES; f++) {
        char tag[48];
        snprintf(tag, sizeof tag, "validation/%s", bsm_figure_key(f));
        bsm_tensorboard_add(run->board, tag, run->validated.mean[f]);
    }
}

static bsm_status log_epoch(bsm_run *run, const bsm_pace *pace, double figure, bsm_error *error)
{
    cJSON *object = bsm_run_describe(run, "epoch", &pace->loss, pace->norm);
    if (!add_numbers(run, pace, figure, object)) {
        cJSON_Delete(object);
        object = NULL;
    }
    run->doing = BSM_DOING_OUTPUT;
    bsm_status status = bsm_log_write(run->log, object, error);
    bsm_tensorboard_add(run->board, "speed/steps per second", pace->steps_per_second);
    bsm_tensorboard_add(run->board, "speed/audio per second", pace->audio_per_second);
    bsm_tensorboard_add(run->board, "speed/waiting for data", pace->waiting);
    add_validation(run, figure);
    if (!status) {
        status = bsm_tensorboard_write(run->board, run->state.step, error);
    }
    run->doing = status ? run->doing : BSM_DOING_ELSE;
    return status;
}

static bsm_status tell_epoch(bsm_run *run, const bsm_pace *pace, double figure, bool better,
                             bsm_error *error)
{
    if (!is_first(run)) {
        return BSM_OK;
    }
    const double *means = run->validated.mean;
    char text[256], validation[160] = "";
    bsm_pace_format(pace, text, sizeof text);
    if (!isnan(figure)) {
        snprintf(validation, sizeof validation,
                 "; uSDR %.2f dB%s (centre extraction %.2f); missed %.1f, let through %.1f, mixed "
                 "%.1f dB",
                 figure, better ? " (best)" : "", means[BSM_FIGURE_CENTRE_USDR],
                 means[BSM_FIGURE_MISSED], means[BSM_FIGURE_LET_THROUGH], means[BSM_FIGURE_MIXED]);
    }
    bsm_console_say(&run->console, "epoch %" PRIu64 "/%" PRIu64 ": %s%s", pace->epoch,
                    pace->num_epochs, text, validation);
    return log_epoch(run, pace, figure, error);
}

/* ---- The end of an epoch ---- */

/* Without validation, the loss decides which model is the best. */
static void tell_schedule(bsm_run *run, double figure)
{
    const bsm_training_settings *settings = &run->settings->training;
    if (isnan(figure) && run->settings->validation.every_n_epochs == 0) {
        figure = -bsm_loss_sum_mean(&run->state.epoch_sum).total;
    }
    if (!isnan(figure) && bsm_schedule_tell(&settings->schedule, &run->state.schedule,
                                            settings->learning_rate, figure)) {
        bsm_console_say(&run->console, "no improvement: the learning rate is now %g",
                        settings->learning_rate * run->state.schedule.scale);
    }
}

static bsm_status keep_best(bsm_run *run, double figure, bool *better, bsm_error *error)
{
    *better = !isnan(figure) && !(figure <= run->state.best);
    if (!*better) {
        return BSM_OK;
    }
    run->state.best = figure;
    return is_first(run) ? bsm_run_export(run, "best.safetensors", figure, error) : BSM_OK;
}

static bsm_status save_epoch(bsm_run *run, double figure, bsm_error *error)
{
    const bsm_training_settings *settings = &run->settings->training;
    if (run->state.epoch % settings->save_every_n_epochs != 0 &&
        run->state.epoch != settings->num_epochs) {
        return BSM_OK;
    }
    const bsm_status status =
        is_first(run) ? bsm_run_export(run, "last.safetensors", figure, error) : BSM_OK;
    return status ? status : bsm_run_save(run, error);
}

bsm_status bsm_run_finish_epoch(bsm_run *run, bsm_error *error)
{
    double figure = NAN;
    bool better = false;
    const bsm_pace pace = bsm_run_pace(run); /* measured before validation takes its time */
    bsm_status status = bsm_run_validate(run, &figure, error);
    if (status && status != BSM_CANCELLED && is_first(run)) {
        bsm_error unsaved;
        if (write_checkpoint(run, &unsaved)) { /* so that the epoch's steps are not lost */
            bsm_console_warn(&run->console, "%s", unsaved.message);
        }
        run->doing = BSM_DOING_DATA;
    }
    if (!status) {
        status = keep_best(run, figure, &better, error);
    }
    if (!status) {
        status = tell_epoch(run, &pace, figure, better, error);
    }
    if (status) {
        return status;
    }
    tell_schedule(run, figure);
    run->state.epoch++;
    run->state.epoch_step = 0;
    run->state.epoch_sum = (bsm_loss_sum){0};
    return save_epoch(run, figure, error);
}
