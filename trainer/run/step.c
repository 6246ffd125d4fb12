/* SPDX-License-Identifier: ISC */
/* One step of a training. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "run/run.h"

enum { MAX_SKIPPED_IN_ROW = 20 };

/* AdamW's own constants, as published. */
static const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;

static uint64_t items_per_step(const bsm_run *run)
{
    return run->settings->training.batch_size * run->settings->training.gradient_accumulation_steps;
}

/* ---- Items ---- */

/* Mix the key, so that the keys of different trainings and of neighbouring examples are unrelated
 * (the finaliser of Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * 2014). */
static uint64_t dropout_key(uint64_t seed, uint64_t example)
{
    uint64_t z = seed * 0xd1342543de82ef95U + (example + 1) * 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static bsm_status add_example(bsm_run *run, uint64_t number, bsm_error *error)
{
    const bsm_example *example;
    run->doing = BSM_DOING_DATA;
    bsm_status status = bsm_loader_next(run->loader, &example, error);
    run->doing = BSM_DOING_ELSE;
    if (status) {
        return status;
    }
    if (example->number != number) {
        return bsm_fail(error, BSM_IO, "example %" PRIu64 " came where %" PRIu64 " was due",
                        example->number, number);
    }
    const bsm_training_item item = {
        .mixture = (const float *const *)example->mixture,
        .stems = (const float *const *const *)example->stems,
        .scale = 1.0 / (double)items_per_step(run),
        .dropout_key = dropout_key(run->settings->training.seed, number),
    };
    bsm_loss loss;
    status = bsm_training_add(run->training, &item, &loss, error);
    if (!status) {
        bsm_loss_sum_add(&run->state.step_sum, &loss);
    }
    return status;
}

/* Every process takes its own one of the next examples; afterwards all are equally far. */
static bsm_status add_round(bsm_run *run, bsm_error *error)
{
    const uint64_t first = run->state.examples, size = run->collective->size;
    const uint64_t left = items_per_step(run) - run->state.step_items;
    const uint64_t count = left < size ? left : size;
    const uint64_t mine = first + (run->collective->rank + size - first % size) % size;
    const bsm_status status = mine < first + count ? add_example(run, mine, error) : BSM_OK;
    if (!status) {
        run->state.examples += count;
        run->state.step_items += count;
    }
    return status;
}

/* A signal to one process stops all of them at the same step. */
static bsm_status agree_to_stop(const bsm_run *run, bool *stop, bsm_error *error)
{
    double votes = bsm_stop_requested() ? 1 : 0;
    const bsm_status status = bsm_collective_sum(run->collective, &votes, 1, error);
    *stop = votes > 0;
    return status;
}

static bsm_status add_items(bsm_run *run, bsm_error *error)
{
    bool stop = false;
    bsm_status status = agree_to_stop(run, &stop, error);
    while (!status && !stop && run->state.step_items < items_per_step(run)) {
        status = add_round(run, error);
        if (!status) {
            status = agree_to_stop(run, &stop, error);
        }
    }
    if (!status && stop) {
        status = bsm_fail(error, BSM_CANCELLED, "stopped by a signal");
    }
    return status;
}

/* ---- The update ---- */

static bsm_status update(bsm_run *run, double norm, double rate, bsm_error *error)
{
    const bsm_training_settings *training = &run->settings->training;
    const double clip = training->clip_norm > 0 ? training->clip_norm / (norm + 1e-6) : 1;
    const bsm_adamw step = {
        .learning_rate = rate,
        .beta1 = beta1,
        .beta2 = beta2,
        .epsilon = epsilon,
        .weight_decay = training->weight_decay,
        .step = run->state.updates + 1,
        .gradient_scale = fmin(1, clip),
        .ema = training->ema,
    };
    const bsm_status status = bsm_training_update(run->training, &step, error);
    if (!status) {
        run->state.updates++;
        run->state.skipped_in_row = 0;
    }
    return status;
}

bsm_status bsm_run_clear_gradients(bsm_run *run, bsm_error *error)
{
    const size_t size = bsm_training_vector_size(run->training);
    float *zeros = calloc(size, sizeof *zeros);
    const bsm_status status =
        zeros ? bsm_training_write(run->training, BSM_GRADIENTS, zeros, error)
              : bsm_fail(error, BSM_NO_MEMORY, "no memory for %zu gradients", size);
    free(zeros);
    return status;
}

/* A step whose loss or gradients are not finite leaves the weights unchanged. */
static bsm_status skip(bsm_run *run, bsm_error *error)
{
    const bsm_status status = bsm_run_clear_gradients(run, error);
    if (status) {
        return status;
    }
    run->state.skipped_in_row++;
    if (run->collective->rank == 0) {
        bsm_console_warn(&run->console,
                         "step %" PRIu64 " is skipped: its loss or its gradients are "
                         "not finite",
                         run->state.step + 1);
    }
    if (run->state.skipped_in_row >= MAX_SKIPPED_IN_ROW) {
        return bsm_fail(error, BSM_DEVICE_FAILED,
                        "%d steps in a row have had a loss or gradients that are not finite: "
                        "resume from an earlier checkpoint with a smaller training.learning_rate",
                        MAX_SKIPPED_IN_ROW);
    }
    return BSM_OK;
}

/* ---- The log ---- */

cJSON *bsm_run_describe(const bsm_run *run, const char *event, const bsm_loss *loss, double norm)
{
    cJSON *object = cJSON_CreateObject();
    const bsm_loss_settings *settings = &run->settings->loss;
    cJSON *windows = NULL;
    const bool ok = cJSON_AddStringToObject(object, "event", event) &&
                    cJSON_AddNumberToObject(object, "step", (double)run->state.step) &&
                    cJSON_AddNumberToObject(object, "epoch", (double)run->state.epoch + 1) &&
                    cJSON_AddNumberToObject(object, "loss", loss->total) &&
                    cJSON_AddNumberToObject(object, "time", loss->time) &&
                    (settings->lambda_silence == 0 ||
                     cJSON_AddNumberToObject(object, "silence", loss->silence)) &&
                    cJSON_AddNumberToObject(object, "norm", norm) &&
                    (windows = cJSON_AddObjectToObject(object, "stft")) != NULL;
    for (size_t i = 0; ok && i < settings->stft_windows_count; i++) {
        char name[24];
        snprintf(name, sizeof name, "%zu", settings->stft_windows[i]);
        cJSON_AddNumberToObject(windows, name, loss->spectral[i]);
    }
    if (!ok) {
        cJSON_Delete(object);
        return NULL;
    }
    return object;
}

static void add_figures(const bsm_run *run, const bsm_loss *loss, double norm, double rate)
{
    const bsm_loss_settings *settings = &run->settings->loss;
    bsm_tensorboard_add(run->board, "loss/total", loss->total);
    bsm_tensorboard_add(run->board, "loss/time", loss->time);
    if (settings->lambda_silence > 0) {
        bsm_tensorboard_add(run->board, "loss/silence", loss->silence);
    }
    for (size_t i = 0; i < settings->stft_windows_count; i++) {
        char tag[48];
        snprintf(tag, sizeof tag, "loss/stft %zu", settings->stft_windows[i]);
        bsm_tensorboard_add(run->board, tag, loss->spectral[i]);
    }
    bsm_tensorboard_add(run->board, "optimiser/norm", norm);
    bsm_tensorboard_add(run->board, "optimiser/learning rate", rate);
}

/* `rate` is 0 for a step that was skipped. */
static bsm_status log_step(bsm_run *run, const bsm_loss *loss, double norm, double rate,
                           bsm_error *error)
{
    if (run->collective->rank > 0) {
        return BSM_OK;
    }
    run->doing = BSM_DOING_OUTPUT;
    add_figures(run, loss, norm, rate);
    bsm_status status = bsm_tensorboard_write(run->board, run->state.step, error);
    cJSON *object = bsm_run_describe(run, "step", loss, norm);
    cJSON_AddNumberToObject(object, "learning_rate", rate);
    const bsm_status logged = bsm_log_write(run->log, object, status ? NULL : error);
    status = status ? status : logged;
    run->doing = status ? run->doing : BSM_DOING_ELSE;
    return status;
}

static void count_step(bsm_run *run, const bsm_loss *loss, double norm)
{
    bsm_state *state = &run->state;
    if (isfinite(loss->total) && isfinite(norm)) {
        bsm_loss_sum_add(&state->epoch_sum, loss);
        state->epoch_sum.norm += norm;
    }
    state->step++;
    state->epoch_step++;
    state->step_items = 0;
    state->step_sum = (bsm_loss_sum){0};
}

bsm_status bsm_run_step(bsm_run *run, bsm_error *error)
{
    bsm_status status = add_items(run, error);
    if (!status) {
        status = bsm_run_sum_gradients(run, error);
    }
    double norm = 0;
    if (!status) {
        status = bsm_training_norm(run->training, &norm, error);
    }
    if (status) {
        return status;
    }
    const bsm_loss loss = bsm_loss_sum_mean(&run->state.step_sum);
    const bsm_training_settings *training = &run->settings->training;
    const bool valid = isfinite(loss.total) && isfinite(norm);
    const double rate =
        bsm_schedule_rate(&training->schedule, &run->state.schedule, training->learning_rate,
                          run->state.step, training->num_epochs * training->steps_per_epoch);
    status = valid ? update(run, norm, rate, error) : skip(run, error);
    if (status) {
        return status;
    }
    count_step(run, &loss, norm);
    return log_step(run, &loss, norm, valid ? rate : 0, error);
}
