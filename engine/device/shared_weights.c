/* SPDX-License-Identifier: ISC */
/* Keeps one packed copy of a model's weights per device and process, however many networks use
 * it. */
#include <pthread.h>
#include <stdlib.h>

#include "device/device.h"
#include "model/model.h"

struct bsm_shared_weights {
    const bsm_device *device;
    bsm_model *model;
    bsm_weights *host; /* only if the device keeps pointers into it */
    void *data;
    size_t references;
    bsm_shared_weights *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bsm_shared_weights *all;

static void destroy(bsm_shared_weights *shared)
{
    if (shared->data) {
        shared->device->weights_free(shared->data);
    }
    bsm_weights_free(shared->host);
    bsm_model_free(shared->model);
    free(shared);
}

static bsm_status create(const bsm_device *device, bsm_model *model, bsm_shared_weights **out,
                         bsm_error *error)
{
    bsm_shared_weights *shared = calloc(1, sizeof *shared);
    if (!shared) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for the weights");
    }
    shared->device = device;
    shared->model = bsm_model_ref(model);
    shared->references = 1;
    bsm_status status = bsm_weights_new(model, &shared->host, error);
    if (!status) {
        status = device->weights_new(shared->host, &shared->data, error);
    }
    if (status) {
        destroy(shared);
        return status;
    }
    if (!device->keeps_host_weights) {
        bsm_weights_free(shared->host);
        shared->host = NULL;
        bsm_mapped_file_forget(&model->file);
    }
    *out = shared;
    return BSM_OK;
}

static bsm_shared_weights *find(const bsm_device *device, const bsm_model *model)
{
    for (bsm_shared_weights *shared = all; shared; shared = shared->next) {
        if (shared->device == device && shared->model == model) {
            return shared;
        }
    }
    return NULL;
}

bsm_status bsm_shared_weights_get(const bsm_device *device, bsm_model *model,
                                  bsm_shared_weights **shared, bsm_error *error)
{
    bsm_status status = BSM_OK;
    /* Held while weights are packed, so that two threads that ask at once do not both pack them. */
    pthread_mutex_lock(&lock);
    *shared = find(device, model);
    if (*shared) {
        (*shared)->references++;
    } else {
        status = create(device, model, shared, error);
        if (!status) {
            (*shared)->next = all;
            all = *shared;
        }
    }
    pthread_mutex_unlock(&lock);
    return status;
}

static void unlink_locked(const bsm_shared_weights *shared)
{
    bsm_shared_weights **place = &all;
    while (*place != shared) {
        place = &(*place)->next;
    }
    *place = shared->next;
}

void bsm_shared_weights_release(bsm_shared_weights *shared)
{
    if (!shared) {
        return;
    }
    pthread_mutex_lock(&lock);
    bool last = --shared->references == 0;
    if (last) {
        unlink_locked(shared);
    }
    pthread_mutex_unlock(&lock);
    if (last) {
        destroy(shared);
    }
}

const void *bsm_shared_weights_data(const bsm_shared_weights *shared)
{
    return shared->data;
}
