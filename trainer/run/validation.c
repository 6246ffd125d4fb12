/* SPDX-License-Identifier: ISC */
/* Validates the averaged weights, and writes them as a model. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/run.h"

static const char *root_of(const bsm_trainer_settings *settings)
{
    const bsm_data_settings *data = &settings->data;
    if (settings->validation.root) {
        return settings->validation.root;
    }
    return data->root ? data->root : data->roots_count > 0 ? data->roots[0].path : NULL;
}

static bsm_data_layout layout_of(const bsm_trainer_settings *settings)
{
    const bsm_data_settings *data = &settings->data;
    if (settings->validation.root || settings->validation.layout != BSM_LAYOUT_AUTO) {
        return settings->validation.layout;
    }
    return data->root              ? data->layout
           : data->roots_count > 0 ? data->roots[0].layout
                                   : BSM_LAYOUT_AUTO;
}

bsm_validate_options bsm_settings_validation(const bsm_trainer_settings *settings)
{
    const bsm_validation_settings *validation = &settings->validation;
    return (bsm_validate_options){
        .root = root_of(settings),
        .layout = layout_of(settings),
        .subset = validation->subset,
        .sources = (const char *const *)settings->data.sources,
        .num_sources = settings->data.sources_count,
        .device = settings->training.device,
        .precision = validation->precision,
        .threads = settings->training.threads,
        .duration = validation->duration,
        .overlap = validation->overlap,
        .commit = validation->commit,
        .lookahead = validation->lookahead,
        .memory = validation->memory,
        .history = validation->history,
        .warmup = validation->warmup,
        .max_seconds = validation->max_seconds,
    };
}

static bool on_track(void *user, const char *track, size_t number, size_t of)
{
    bsm_run *run = user;
    bsm_console_show(&run->console, "validating %zu/%zu: %s", number + 1, of, track);
    return !bsm_stop_requested();
}

static bsm_status validate_averages(bsm_run *run, double *usdr, bsm_error *error)
{
    bsm_model *model = NULL;
    bsm_validation *validation = NULL;
    bsm_status status = bsm_training_model(run->training, BSM_AVERAGES, &model, error);
    if (status) {
        return status;
    }
    run->doing = BSM_DOING_DATA;
    const bsm_validate_options options = bsm_settings_validation(run->settings);
    status = bsm_validate(model, &options, on_track, run, &validation, error);
    bsm_model_free(model);
    if (status) {
        return status;
    }
    run->doing = BSM_DOING_ELSE;
    run->validated = validation->summaries[0];
    bsm_validation_free(validation);
    *usdr = run->validated.mean[BSM_FIGURE_USDR];
    if (isnan(*usdr)) {
        bsm_console_warn(&run->console,
                         "validation: no track in which \"%s\" sounds: there is no uSDR to "
                         "choose the best model by",
                         run->config.stems[0]);
    }
    return BSM_OK;
}

bsm_status bsm_run_validate(bsm_run *run, double *figure, bsm_error *error)
{
    const size_t every = run->settings->validation.every_n_epochs;
    *figure = NAN;
    if (every == 0 || (run->state.epoch + 1) % every != 0) {
        return BSM_OK;
    }
    double results[2] = {0, 0}; /* the figure, and whether the first process was asked to stop */
    if (run->collective->rank == 0) {
        const bsm_status status = validate_averages(run, &results[0], error);
        if (status && status != BSM_CANCELLED) {
            return status;
        }
        results[1] = status == BSM_CANCELLED ? 1 : 0;
    }
    const bsm_status status = bsm_collective_sum(run->collective, results, 2, error);
    if (status) {
        return status;
    }
    *figure = results[0];
    return results[1] > 0 ? bsm_fail(error, BSM_CANCELLED, "stopped by a signal") : BSM_OK;
}

/* ---- Models ---- */

/* The last parts of the folders' paths. */
static void describe_data(const bsm_trainer_settings *settings, char *text, size_t size)
{
    const bsm_data_settings *data = &settings->data;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < data->roots_count + 1 && used < size; i++) {
        const char *path = i == 0 ? data->root : data->roots[i - 1].path;
        if (path) {
            const size_t length = strlen(path);
            size_t end = length;
            while (end > 1 && path[end - 1] == '/') {
                end--;
            }
            size_t begin = end;
            while (begin > 0 && path[begin - 1] != '/') {
                begin--;
            }
            used += (size_t)snprintf(text + used, size - used, "%s%.*s", used ? ", " : "",
                                     (int)(end - begin), path + begin);
        }
    }
}

static bsm_status set_metadata(const bsm_run *run, bsm_model *model, double usdr, bsm_error *error)
{
    char summary[256], data[1024], figure[64] = "";
    if (!isnan(usdr)) {
        snprintf(figure, sizeof figure, ", validation uSDR %.2f dB", usdr);
    }
    snprintf(summary, sizeof summary,
             "bsm-trainer %s: epoch %" PRIu64 ", step %" PRIu64 ", average %g%s", BSM_VERSION,
             run->state.step / run->settings->training.steps_per_epoch, run->state.step,
             run->settings->training.ema, figure);
    describe_data(run->settings, data, sizeof data);
    bsm_status status = bsm_model_set_metadata(model, "training", summary, error);
    if (!status) {
        status = bsm_model_set_metadata(model, "data", data, error);
    }
    const char *licence = run->settings->training.licence;
    if (!status && licence) {
        status = bsm_model_set_metadata(model, "licence", licence, error);
    }
    return status;
}

static bsm_status save_model(bsm_run *run, const bsm_model *model, const char *name,
                             bsm_error *error)
{
    char *path;
    if (asprintf(&path, "%s/%s", run->settings->training.output_dir, name) < 0) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", name);
    }
    run->doing = BSM_DOING_OUTPUT;
    const bsm_status status = bsm_model_save(model, path, BSM_F32, true, error);
    run->doing = status ? run->doing : BSM_DOING_ELSE;
    free(path);
    return status;
}

bsm_status bsm_run_export(bsm_run *run, const char *name, double usdr, bsm_error *error)
{
    bsm_model *model = NULL;
    bsm_status status = bsm_training_model(run->training, BSM_AVERAGES, &model, error);
    if (!status) {
        status = set_metadata(run, model, usdr, error);
    }
    if (!status) {
        status = save_model(run, model, name, error);
    }
    bsm_model_free(model);
    return status;
}
