/* SPDX-License-Identifier: ISC */
/** What all devices on host memory share for training: vectors and optimiser (vectors.c), the
 *  item's signals (signals.c) and the loss (loss.c). Their spaces start with a bsm_host. */
#ifndef BSM_DEVICE_HOST_HOST_H
#define BSM_DEVICE_HOST_HOST_H

#include "device/dropout.h"
#include "device/training.h"
#include "device/weights.h"
#include "signal/transform.h"

typedef struct bsm_host_signals bsm_host_signals;

typedef struct bsm_host {
    bsm_config config;
    bsm_training_options options;
    size_t frames; /**< of an item */

    bsm_model *model;           /**< a view of the parameters */
    const bsm_weights *weights; /**< bound to the parameters */
    size_t size;                /**< floats of each vector */
    float *vectors[BSM_NUM_TRAINING_VECTORS];

    /** the current item, for its dropout key; valid until the next */
    const bsm_training_item *item;
    bsm_host_signals *signals;
    float *mixture;         /**< its spectrum [frame][bin][channel][re, im] */
    float *masked;          /**< the current stem's spectrum */
    float *masked_gradient; /**< gradient w.r.t. `masked` */
} bsm_host;

/** Where the gradient of a weight is; `weight` points into the parameters. */
static inline float *bsm_host_gradient(const bsm_host *host, const float *weight)
{
    return host->vectors[BSM_GRADIENTS] + (weight - host->vectors[BSM_PARAMETERS]);
}

/** Add the bytes of the shared part to `memory`. */
bsm_status bsm_host_plan(const bsm_config *config, const bsm_training_options *options,
                         bsm_training_memory *memory, bsm_error *error);

/** Make the shared part. After a failure nothing is left to clear. */
bsm_status bsm_host_init(bsm_host *host, const bsm_config *config,
                         const bsm_training_options *options, const float *parameters,
                         bsm_error *error);
void bsm_host_clear(bsm_host *host);

/* Functions of bsm_training_device; `space` starts with a bsm_host. */
bsm_status bsm_host_read(void *space, bsm_training_vector vector, float *values, bsm_error *error);
bsm_status bsm_host_write(void *space, bsm_training_vector vector, const float *values,
                          bsm_error *error);
bsm_status bsm_host_load(void *space, const bsm_training_item *item, bsm_error *error);
bsm_status bsm_host_loss(void *space, size_t stem, double scale, bsm_loss *loss, bsm_error *error);
bsm_status bsm_host_norm(void *space, double *norm, bsm_error *error);
bsm_status bsm_host_update(void *space, const bsm_adamw *step, bsm_error *error);

/* ---- The item's signals and the transforms of the loss ---- */

struct bsm_host_signals {
    bsm_transform *model;                         /**< the network's transform */
    bsm_transform *windows[BSM_MAX_LOSS_WINDOWS]; /**< the transforms of the loss */
    float *targets[BSM_MAX_STEMS][BSM_MAX_CHANNELS];
    float *difference[BSM_MAX_CHANNELS]; /**< the current stem's prediction minus its target */
    float *gradient[BSM_MAX_CHANNELS];   /**< gradient w.r.t. the current stem's waveform */
    void *memory;                        /**< of the signals and of the host's spectra */
};

/** Make host->signals and the spectra; the options are set already. After a failure
 *  bsm_host_signals_free clears what was made. */
bsm_status bsm_host_signals_new(bsm_host *host, bsm_error *error);
void bsm_host_signals_free(bsm_host_signals *signals);

/** The number of bytes of all that. */
size_t bsm_host_signals_bytes(const bsm_config *config, const bsm_training_options *options);

/* ---- The vectors that a training holds ---- */

/** Make the model, its weights and the vectors; config and options are set already. After a
 *  failure bsm_host_vectors_free clears what was made. */
bsm_status bsm_host_vectors_new(bsm_host *host, const float *parameters, bsm_error *error);
void bsm_host_vectors_free(bsm_host *host);

#endif
