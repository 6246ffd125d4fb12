/* SPDX-License-Identifier: ISC */
/* Checks the options of a loader. */
#include "data/loader.h"

#include <math.h>
#include <string.h>

enum {
    MAX_WORKERS = 64, /* each keeps eight files open, and a process may often open 1024 */
    MAX_SOURCES = 64,
    MAX_CHUNKS = 1000,
    MAX_SEMITONES = 12,
};

static bsm_status check_number(const char *what, double value, double low, double high,
                               bsm_error *error)
{
    if (!(value >= low && value <= high)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training data: %s is %g, not %g to %g", what,
                        value, low, high);
    }
    return BSM_OK;
}

static bsm_status check_range(const char *what, bsm_range range, double low, double high,
                              bsm_error *error)
{
    bsm_status status = check_number(what, range.low, low, high, error);
    return status ? status : check_number(what, range.high, range.low, high, error);
}

static bsm_status check_roots(const bsm_data_options *data, bsm_error *error)
{
    double sum = 0;
    for (size_t r = 0; r < data->num_roots; r++) {
        bsm_status status =
            check_number("the weight of a root", data->roots[r].weight, 0, 1e9, error);
        if (status) {
            return status;
        }
        sum += data->roots[r].weight;
    }
    return sum > 0 ? BSM_OK
                   : bsm_fail(error, BSM_INVALID_ARGUMENT,
                              "training data: no root, or none with a weight above 0");
}

static bool has_source(const bsm_data_options *data, size_t count, const char *name)
{
    for (size_t s = 0; s < count; s++) {
        if (strcmp(data->sources[s], name) == 0) {
            return true;
        }
    }
    return false;
}

static bsm_status check_sources(const bsm_data_options *data, const bsm_config *model,
                                bsm_error *error)
{
    if (data->num_sources < 1 || data->num_sources > MAX_SOURCES) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training data: %zu sources, not 1 to %d",
                        data->num_sources, MAX_SOURCES);
    }
    for (size_t s = 0; s < data->num_sources; s++) {
        if (!*data->sources[s] || has_source(data, s, data->sources[s])) {
            return bsm_fail(error, BSM_INVALID_ARGUMENT,
                            "training data: source \"%s\" has no name or is named twice",
                            data->sources[s]);
        }
    }
    for (size_t s = 0; s < model->num_stems; s++) {
        if (!has_source(data, data->num_sources, model->stems[s])) {
            return bsm_fail(error, BSM_INVALID_ARGUMENT,
                            "training data: the model's stem \"%s\" is not among the sources",
                            model->stems[s]);
        }
    }
    return BSM_OK;
}

static bsm_status check_augmentation(const bsm_augmentation *a, bsm_error *error)
{
    const double probabilities[] = {a->channel_swap, a->polarity, a->eq,       a->pitch, a->layers,
                                    a->compression,  a->reverb,   a->doubling, a->width, a->pan};
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < sizeof probabilities / sizeof *probabilities && !status; i++) {
        status = check_number("the probability of an augmentation", probabilities[i], 0, 1, error);
    }
    if (!status && a->pitch > 0) {
        status =
            check_range("a shift in semitones", a->semitones, -MAX_SEMITONES, MAX_SEMITONES, error);
    }
    return status;
}

static bsm_status check_draws(const bsm_data_options *data, bsm_error *error)
{
    double all_silent = 1;
    bsm_status status = check_number("random_mix", data->random_mix, 0, 1, error);
    for (size_t s = 0; s < data->num_sources && !status; s++) {
        const double silent = data->silent_prob ? data->silent_prob[s] : 0;
        all_silent *= silent;
        status = check_number("silent_prob", silent, 0, 1, error);
        if (!status && data->augmentations) {
            status = check_augmentation(&data->augmentations[s], error);
        }
    }
    if (!status && all_silent >= 1) {
        status = bsm_fail(error, BSM_INVALID_ARGUMENT,
                          "training data: silent_prob leaves out all sources always");
    }
    if (!status) {
        status = check_range("loudness", data->loudness, 0, 100, error);
    }
    if (!status && data->level.low <= data->level.high) {
        status = check_range("level", data->level, -100, 100, error);
    }
    return status;
}

static bsm_status check_sad(const bsm_sad_options *sad, bsm_error *error)
{
    if (!sad->enabled) {
        return BSM_OK;
    }
    bsm_status status = check_number("sad.window", sad->window, 0.01, 3600, error);
    if (!status) {
        status = check_number("sad.chunks", (double)sad->chunks, 1, MAX_CHUNKS, error);
    }
    if (!status) {
        status = check_number("sad.quantile", sad->quantile, 0, 1, error);
    }
    if (!status) {
        status = check_number("sad.floor", sad->floor, 0, 1, error);
    }
    return status ? status : check_number("sad.active", sad->active, 0, 1, error);
}

static bsm_status check_loader(const bsm_loader_options *options, bsm_error *error)
{
    if (options->process >= options->processes) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training data: process %zu of %zu",
                        options->process, options->processes);
    }
    bsm_status status = check_number("workers", (double)options->workers, 1, MAX_WORKERS, error);
    const double most = 3600.0 * (double)options->model->sample_rate;
    return status ? status
                  : check_number("samples of an example", (double)options->samples, 1, most, error);
}

bsm_status bsm_loader_check(const bsm_data_options *data, const bsm_loader_options *options,
                            bsm_error *error)
{
    bsm_status status = check_loader(options, error);
    if (!status) {
        status = check_roots(data, error);
    }
    if (!status) {
        status = check_sources(data, options->model, error);
    }
    if (!status) {
        status = check_draws(data, error);
    }
    return status ? status : check_sad(&data->sad, error);
}
