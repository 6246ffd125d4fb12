/* SPDX-License-Identifier: ISC */
/* Training BSMamba2: which modules run in which order, forward and backward. */
#include "bsm/training.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "device/device.h"
#include "model/weight_vector.h"
#include "net/training.h"

struct bsm_training {
    bsm_config config;
    bsm_training_options options;
    const bsm_training_device *device;
    void *space;
    size_t size; /* floats of each vector */
    char device_name[128];

    bsm_training_observer *observer;
    void *observer_user;
};

/* ---- Making ---- */

/* `auto` means the CPU if the fastest device cannot train. */
static bsm_status find_device(bsm_device_kind kind, const bsm_device **device, bsm_error *error)
{
    bsm_status status = bsm_device_find(kind, device, error);
    if (!status && kind == BSM_DEVICE_AUTO && !(*device)->training) {
        *device = &bsm_cpu_device;
    }
    if (!status && !(*device)->training) {
        char name[128];
        (*device)->describe(name, sizeof name);
        return bsm_fail(error, BSM_UNSUPPORTED, "device %s: it cannot train", name);
    }
    return status;
}

bsm_status bsm_training_plan(const bsm_config *config, const bsm_training_options *options,
                             bsm_training_memory *memory, bsm_error *error)
{
    const bsm_device *device = NULL;
    bsm_training_options resolved;
    bsm_status status = bsm_training_options_resolve(config, options, &resolved, error);
    if (!status) {
        status = find_device(options->device, &device, error);
    }
    *memory = (bsm_training_memory){0};
    return status ? status : device->training->plan(config, &resolved, memory, error);
}

static bsm_status make_space(bsm_training *training, const bsm_model *initial, bsm_error *error)
{
    float *parameters = malloc(training->size * sizeof *parameters);
    if (!parameters) {
        return bsm_fail(error, BSM_NO_MEMORY, "training: no memory for %zu weights",
                        training->size);
    }
    bsm_vector_read(initial, parameters);
    bsm_status status = training->device->space_new(&training->config, &training->options,
                                                    parameters, &training->space, error);
    free(parameters);
    return status;
}

bsm_status bsm_training_new_on(const bsm_device *device, const bsm_model *initial,
                               const bsm_training_options *options, bsm_training **training,
                               bsm_error *error)
{
    bsm_training *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a training");
    }
    made->config = *bsm_model_config(initial);
    made->device = device->training;
    bsm_status status = bsm_training_options_resolve(&made->config, options, &made->options, error);
    if (!status) {
        bsm_device_for(device, made->options.precision)
            ->describe(made->device_name, sizeof made->device_name);
        status = bsm_vector_size(&made->config, &made->size, error);
    }
    if (!status) {
        status = make_space(made, initial, error);
    }
    if (status) {
        bsm_training_free(made);
        return status;
    }
    *training = made;
    return BSM_OK;
}

bsm_status bsm_training_new(const bsm_model *initial, const bsm_training_options *options,
                            bsm_training **training, bsm_error *error)
{
    const bsm_device *device = NULL;
    bsm_status status = find_device(options->device, &device, error);
    return status ? status : bsm_training_new_on(device, initial, options, training, error);
}

void bsm_training_free(bsm_training *training)
{
    if (training) {
        if (training->space) {
            training->device->space_free(training->space);
        }
        free(training);
    }
}

const char *bsm_training_device_name(const bsm_training *training)
{
    return training->device_name;
}

void bsm_training_observe(bsm_training *training, bsm_training_observer *observer, void *user)
{
    training->observer = observer;
    training->observer_user = user;
}

/* ---- One item ---- */

/* Wait for the device, so that the time so far is that of the module just called. */
static void wait_if_observed(const bsm_training *t)
{
    if (t->observer && t->device->wait) {
        t->device->wait(t->space);
    }
}

/* Ends a part that returned `status`. */
static bsm_status end_part(const bsm_training *t, bsm_training_part part, bsm_status status,
                           bsm_error *error)
{
    if (!status) {
        wait_if_observed(t);
    }
    if (!status && t->observer && !t->observer(t->observer_user, part)) {
        return bsm_fail(error, BSM_CANCELLED, "cancelled");
    }
    return status;
}

static bsm_status load(bsm_training *t, const bsm_training_item *item, bsm_error *error)
{
    if (!isfinite(item->scale)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training: an item's scale is %g",
                        item->scale);
    }
    bsm_status status = t->device->load(t->space, item, error);
    return end_part(t, BSM_PART_SIGNALS, status, error);
}

static bsm_status features_forward(bsm_training *t, bsm_error *error)
{
    bsm_status status = t->device->band_split(t->space, error);
    for (size_t layer = 0; !status && layer < t->config.depth; layer++) {
        status = t->device->path(t->space, layer, BSM_ALONG_TIME, error);
        if (!status) {
            status = t->device->path(t->space, layer, BSM_ALONG_BANDS, error);
        }
    }
    return end_part(t, BSM_PART_FORWARD, status, error);
}

static void add_share(bsm_loss *sum, const bsm_loss *part, size_t stems)
{
    sum->total += part->total / (double)stems;
    sum->time += part->time / (double)stems;
    sum->silence += part->silence / (double)stems;
    for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
        sum->spectral[i] += part->spectral[i] / (double)stems;
    }
}

/* A stem's mask and loss, and the way back to the features. */
static bsm_status run_stem(bsm_training *t, size_t stem, double scale, bsm_loss *sum,
                           bsm_error *error)
{
    bsm_loss loss = {0};
    bsm_status status = t->device->mask(t->space, stem, error);
    status = end_part(t, BSM_PART_FORWARD, status, error);
    if (!status) {
        status = t->device->loss(t->space, stem, scale, &loss, error);
        status = end_part(t, BSM_PART_LOSS, status, error);
    }
    if (!status) {
        add_share(sum, &loss, t->config.num_stems);
        status = t->device->mask_backward(t->space, stem, error);
        status = end_part(t, BSM_PART_BACKWARD, status, error);
    }
    return status;
}

static bsm_status features_backward(bsm_training *t, bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t layer = t->config.depth; !status && layer-- > 0;) {
        status = t->device->path_backward(t->space, layer, BSM_ALONG_BANDS, error);
        if (!status) {
            status = t->device->path_backward(t->space, layer, BSM_ALONG_TIME, error);
        }
    }
    if (!status) {
        status = t->device->band_split_backward(t->space, error);
    }
    return end_part(t, BSM_PART_BACKWARD, status, error);
}

bsm_status bsm_training_add(bsm_training *training, const bsm_training_item *item, bsm_loss *loss,
                            bsm_error *error)
{
    const size_t stems = training->config.num_stems;
    bsm_loss sum = {0};
    bsm_status status = load(training, item, error);
    if (!status) {
        status = features_forward(training, error);
    }
    for (size_t stem = 0; !status && stem < stems; stem++) {
        status = run_stem(training, stem, item->scale / (double)stems, &sum, error);
    }
    if (!status) {
        status = features_backward(training, error);
    }
    if (!status) {
        *loss = sum;
    }
    return status;
}

/* ---- Several processes ---- */

static bsm_status check_peers(const bsm_training *t, bsm_error *error)
{
    return t->device->peers_describe
               ? BSM_OK
               : bsm_fail(error, BSM_UNSUPPORTED, "device %s: it does not sum over processes",
                          t->device_name);
}

bsm_status bsm_training_peers_describe(bsm_training *training, char *text, size_t size,
                                       bsm_error *error)
{
    bsm_status status = check_peers(training, error);
    return status ? status : training->device->peers_describe(text, size, error);
}

bsm_status bsm_training_peers_id(bsm_training *training, bsm_peers_id *id, bsm_error *error)
{
    bsm_status status = check_peers(training, error);
    return status ? status : training->device->peers_id(id, error);
}

bsm_status bsm_training_peers_join(bsm_training *training, const bsm_peers_id *id, size_t rank,
                                   size_t size, bsm_error *error)
{
    bsm_status status = check_peers(training, error);
    if (!status && (rank >= size || size > INT_MAX)) {
        status = bsm_fail(error, BSM_INVALID_ARGUMENT, "training: process %zu (from 0) of %zu",
                          rank, size);
    }
    return status ? status : training->device->peers_join(training->space, id, rank, size, error);
}

bsm_status bsm_training_sum_gradients(bsm_training *training, bsm_error *error)
{
    bsm_status status = check_peers(training, error);
    return status ? status : training->device->sum_gradients(training->space, error);
}

/* ---- Steps ---- */

bsm_status bsm_training_norm(bsm_training *training, double *norm, bsm_error *error)
{
    return training->device->norm(training->space, norm, error);
}

bsm_status bsm_training_update(bsm_training *training, const bsm_adamw *step, bsm_error *error)
{
    bsm_status status = bsm_adamw_check(step, error);
    if (!status) {
        status = training->device->update(training->space, step, error);
    }
    if (!status) {
        wait_if_observed(training);
    }
    return status;
}

/* ---- The vectors ---- */

size_t bsm_training_vector_size(const bsm_training *training)
{
    return training->size;
}

static bsm_status check_vector(bsm_training_vector vector, bsm_error *error)
{
    if ((unsigned)vector >= BSM_NUM_TRAINING_VECTORS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training: no vector %d", (int)vector);
    }
    return BSM_OK;
}

bsm_status bsm_training_read(bsm_training *training, bsm_training_vector vector, float *values,
                             bsm_error *error)
{
    bsm_status status = check_vector(vector, error);
    return status ? status : training->device->read(training->space, vector, values, error);
}

bsm_status bsm_training_write(bsm_training *training, bsm_training_vector vector,
                              const float *values, bsm_error *error)
{
    bsm_status status = check_vector(vector, error);
    return status ? status : training->device->write(training->space, vector, values, error);
}

bsm_status bsm_training_model(bsm_training *training, bsm_training_vector vector, bsm_model **model,
                              bsm_error *error)
{
    if (vector != BSM_PARAMETERS && vector != BSM_AVERAGES) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training: vector %d is not a model's weights",
                        (int)vector);
    }
    bsm_model *made = NULL;
    float *values = NULL;
    bsm_status status =
        bsm_vector_model_new(&training->config, "training", "training", &made, &values, error);
    if (!status) {
        status = training->device->read(training->space, vector, values, error);
    }
    if (status) {
        bsm_model_free(made);
        return status;
    }
    *model = made;
    return BSM_OK;
}
