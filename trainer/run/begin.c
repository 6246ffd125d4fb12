/* SPDX-License-Identifier: ISC */
/* Makes everything that a training needs, and frees it. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "model/model.h"
#include "model/weight_vector.h"
#include "run/checkpoint.h"
#include "run/run.h"
#include "run/state.h"

/* If a training is to resume and finds no checkpoint, it may have been stopped before the first
 * one. */
static bsm_status check_folder(const bsm_run *run, const bsm_checkpoint *checkpoint,
                               bsm_error *error)
{
    const bsm_training_settings *training = &run->settings->training;
    if (checkpoint) {
        return bsm_output_folder_check_later(training->output_dir, run->state.step, error);
    }
    const bool resumes = training->resume_from && *training->resume_from;
    return resumes ? BSM_OK : bsm_output_folder_check_unused(training->output_dir, error);
}

/* It is better to find out now than when hours of steps are to be saved. The space is for weights,
 * average, moments and gradients, and for best and last unless they exist. */
static bsm_status check_space(const bsm_run *run, const bsm_checkpoint *checkpoint,
                              bsm_error *error)
{
    const uint64_t vectors = checkpoint ? 5 : 7;
    const uint64_t needed = vectors * bsm_config_parameters(&run->config) * sizeof(float);
    return bsm_output_folder_check_space(run->settings->training.output_dir, needed, error);
}

static bsm_status prepare_output(bsm_run *run, const bsm_checkpoint *checkpoint, bsm_error *error)
{
    if (run->collective->rank > 0) {
        return BSM_OK;
    }
    run->doing = BSM_DOING_OUTPUT;
    bsm_status status =
        bsm_output_folder_open(run->settings->training.output_dir, &run->folder, error);
    if (!status) {
        status = check_folder(run, checkpoint, error);
    }
    if (!status) {
        status = check_space(run, checkpoint, error);
    }
    run->doing = status ? run->doing : BSM_DOING_ELSE;
    return status;
}

static bsm_status open_logs(bsm_run *run, bsm_error *error)
{
    if (run->collective->rank > 0) {
        return BSM_OK;
    }
    const char *folder = run->settings->training.output_dir;
    run->doing = BSM_DOING_OUTPUT;
    bsm_status status = bsm_log_open(folder, run->state.step, &run->log, error);
    if (!status) {
        status = bsm_tensorboard_open(folder, run->state.step + 1, &run->board, error);
    }
    run->doing = status ? run->doing : BSM_DOING_ELSE;
    return status;
}

/* ---- The network ---- */

static bsm_loader_options loader_options(const bsm_run *run)
{
    return (bsm_loader_options){
        .seed = run->settings->training.seed,
        .first = run->state.examples,
        .process = run->collective->rank,
        .processes = run->collective->size,
        .workers = run->settings->data.workers,
        .samples = bsm_settings_samples(run->settings),
        .model = &run->config,
    };
}

/* The memory beside the training: what is there already, the examples, the gradients between
 * processes, and at an epoch's end a copy of the weights, which the device packs once more. */
static bsm_status plan_program(const bsm_run *run, size_t *bytes, bsm_error *error)
{
    enum { VECTORS = 3 };
    size_t size;
    const bsm_loader_options options = loader_options(run);
    const bsm_status status = bsm_vector_size(&run->config, &size, error);
    if (!status) {
        *bytes = (size_t)bsm_memory_resident() + VECTORS * size * sizeof(float) +
                 bsm_loader_bytes(&run->data.options, &options);
    }
    return status;
}

static bsm_status check_memory(bsm_run *run, bsm_error *error)
{
    const bsm_training_options options = bsm_settings_training(run->settings);
    bsm_memory_need need;
    char text[192];
    bsm_status status = bsm_training_plan(&run->config, &options, &need.training, error);
    if (!status) {
        status = plan_program(run, &need.program, error);
    }
    if (status) {
        return status;
    }
    bsm_memory_format(&need, text, sizeof text);
    bsm_console_say(&run->console, "network: %.1f million parameters; %s",
                    (double)bsm_config_parameters(&run->config) / 1e6, text);
    return bsm_memory_check(&need, run->collective->here, bsm_memory_available(), error);
}

/* Weights that a checkpoint replaces need not be initialised. */
static bsm_status make_training(bsm_run *run, const bsm_training_options *options, bool resumes,
                                bsm_error *error)
{
    bsm_model *initial = NULL;
    run->doing = BSM_DOING_MODEL;
    bsm_status status = resumes ? bsm_model_new_initialised(&run->config, 0, &initial, error)
                                : bsm_initial_model(run->settings, &run->config, &initial, error);
    if (!status) {
        run->doing = BSM_DOING_ELSE;
        status = bsm_training_new(initial, options, &run->training, error);
    }
    bsm_model_free(initial);
    if (status) {
        return status;
    }
    bsm_console_say(&run->console, "device: %s", bsm_training_device_name(run->training));
    return bsm_run_join_peers(run, error);
}

static bsm_status restore(bsm_run *run, const bsm_checkpoint *checkpoint, bsm_error *error)
{
    run->doing = BSM_DOING_MODEL;
    bsm_status status = bsm_checkpoint_restore(checkpoint, run->training, run->shapes, error);
    run->doing = status ? run->doing : BSM_DOING_ELSE;
    if (status) {
        return status;
    }
    const bool other_steps = bsm_resume_changes_steps(checkpoint, run->text);
    if (run->state.step_items == 0 || (run->collective->rank == 0 && !other_steps)) {
        return BSM_OK;
    }
    /* The gradients of an unfinished step belong to the first process, or to none if a step now
     * has another number of items. */
    run->state.step_sum = (bsm_loss_sum){0};
    run->state.step_items = other_steps ? 0 : run->state.step_items;
    return bsm_run_clear_gradients(run, error);
}

static bsm_status make_network(bsm_run *run, const bsm_checkpoint *checkpoint, bsm_error *error)
{
    const bsm_training_options options = bsm_settings_training(run->settings);
    bsm_status status =
        bsm_model_allocate(&run->config, "training", "training", &run->shapes, error);
    if (!status) {
        status = make_training(run, &options, checkpoint != NULL, error);
    }
    return !status && checkpoint ? restore(run, checkpoint, error) : status;
}

/* ---- The data ---- */

static void log_line(void *user, const char *line)
{
    bsm_run *run = user;
    bsm_console_warn(&run->console, "%s", line);
}

/* A missing folder must not be reported as one without tracks for validation. */
static bsm_status check_roots(const bsm_run *run, bsm_error *error)
{
    const bsm_data_options *data = &run->data.options;
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < data->num_roots && !status; i++) {
        bsm_tracks *tracks = NULL;
        status = bsm_tracks_find(data->roots[i].path, data->roots[i].layout, BSM_SUBSET_TRAIN,
                                 data->sources, data->num_sources, &tracks, error);
        bsm_tracks_free(tracks);
    }
    return status;
}

/* It is better to find out now than at the first epoch's end. */
static bsm_status check_validation(const bsm_run *run, bsm_error *error)
{
    const bsm_validate_options options = bsm_settings_validation(run->settings);
    if (run->settings->validation.every_n_epochs == 0 || run->collective->rank > 0) {
        return BSM_OK;
    }
    bsm_tracks *tracks = NULL;
    bsm_error cause;
    const bsm_status status =
        bsm_tracks_find(options.root, options.layout, options.subset, options.sources,
                        options.num_sources, &tracks, &cause);
    bsm_tracks_free(tracks);
    return status ? bsm_fail(error, status,
                             "validation: %.400s (validation.every_n_epochs: 0 does without)",
                             cause.message)
                  : BSM_OK;
}

static bsm_status make_loader(bsm_run *run, bsm_error *error)
{
    const bsm_loader_options options = loader_options(run);
    bsm_status status =
        bsm_loader_new(&run->data.options, &options, log_line, run, &run->loader, error);
    if (!status) {
        const bsm_loader_stats stats = bsm_loader_get_stats(run->loader);
        bsm_console_say(&run->console, "data: %zu tracks, %zu segments", stats.tracks,
                        stats.segments);
    }
    return status;
}

static bsm_status find_data(bsm_run *run, bsm_error *error)
{
    run->doing = BSM_DOING_DATA;
    bsm_status status = check_roots(run, error);
    if (!status) {
        status = check_validation(run, error);
    }
    if (!status) {
        status = make_loader(run, error);
    }
    run->doing = status ? run->doing : BSM_DOING_ELSE;
    return status;
}

/* ---- The whole ---- */

/* The most likely errors come first, the allocation of memory last. */
static bsm_status begin(bsm_run *run, const bsm_checkpoint *checkpoint, bsm_error *error)
{
    run->state = checkpoint ? *bsm_checkpoint_state(checkpoint) : bsm_state_start();
    bsm_status status = bsm_run_take_gpu(run, error);
    if (!status) {
        status = check_memory(run, error);
    }
    if (!status) {
        status = prepare_output(run, checkpoint, error);
    }
    if (!status) {
        status = find_data(run, error);
    }
    if (!status) {
        status = make_network(run, checkpoint, error);
    }
    return status ? status : open_logs(run, error);
}

bsm_status bsm_run_begin(bsm_run *run, bsm_error *error)
{
    run->folder = -1;
    bsm_status status = bsm_settings_network(run->settings, &run->config, error);
    if (!status) {
        status = bsm_settings_data(run->settings, &run->data, error);
    }
    if (status) {
        return status;
    }
    bsm_checkpoint *checkpoint = NULL;
    run->doing = BSM_DOING_MODEL;
    status = bsm_resume_open(run, &checkpoint, error);
    if (!status) {
        run->doing = BSM_DOING_ELSE;
        status = begin(run, checkpoint, error);
    }
    bsm_checkpoint_close(checkpoint);
    return status;
}

bsm_status bsm_run_end(bsm_run *run, bsm_error *error)
{
    bsm_loader_free(run->loader);
    bsm_data_source_free(&run->data);
    bsm_training_free(run->training);
    bsm_model_free(run->shapes);
    free(run->gradients);
    if (run->folder >= 0) {
        close(run->folder);
    }
    const bsm_status status = bsm_log_close(run->log, error);
    const bsm_status closed = bsm_tensorboard_close(run->board, status ? NULL : error);
    return status ? status : closed;
}
