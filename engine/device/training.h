/* SPDX-License-Identifier: ISC */
/** The training interface of a compute device: the backward half of the modules of device.h, the
 *  loss and the optimiser. net/training.c says in which order they run.
 *
 *  A space holds one item: its signals, the features x[band][frame][dim] in the forward pass, what
 *  is kept of each path, and the gradient w.r.t. the features in the backward pass. It also holds
 *  the vectors of bsm/training.h. Every function that takes a space works on it. */
#ifndef BSM_DEVICE_TRAINING_H
#define BSM_DEVICE_TRAINING_H

#include "bsm/training.h"

/** The two paths of a dual-path layer. */
typedef enum bsm_axis {
    BSM_ALONG_TIME,
    BSM_ALONG_BANDS,
} bsm_axis;

typedef struct bsm_training_device {
    bsm_status (*plan)(const bsm_config *config, const bsm_training_options *options,
                       bsm_training_memory *memory, bsm_error *error);

    /** `parameters` are the initial values of BSM_PARAMETERS and of BSM_AVERAGES. `options` are
     *  valid, and their number of threads is at least 1. */
    bsm_status (*space_new)(const bsm_config *config, const bsm_training_options *options,
                            const float *parameters, void **space, bsm_error *error);
    void (*space_free)(void *space);

    bsm_status (*read)(void *space, bsm_training_vector vector, float *values, bsm_error *error);
    bsm_status (*write)(void *space, bsm_training_vector vector, const float *values,
                        bsm_error *error);

    /** Take an item: transform the mixture; transform the stems forward and back. */
    bsm_status (*load)(void *space, const bsm_training_item *item, bsm_error *error);

    /** mixture -> x. The gradient w.r.t. the features becomes zero. */
    bsm_status (*band_split)(void *space, bsm_error *error);

    /** x = T(x) or B(x), keeping what path_backward needs. */
    bsm_status (*path)(void *space, size_t layer, bsm_axis axis, bsm_error *error);

    /** x and the mixture -> the stem's masked spectrum. */
    bsm_status (*mask)(void *space, size_t stem, bsm_error *error);

    /** The masked spectrum and the stem's target -> the loss, and its gradient w.r.t. the masked
     *  spectrum, times `scale` (the item's, divided by the number of stems). */
    bsm_status (*loss)(void *space, size_t stem, double scale, bsm_loss *loss, bsm_error *error);

    /** Gradient w.r.t. the masked spectrum -> added to the gradients of the features and of the
     *  weights. */
    bsm_status (*mask_backward)(void *space, size_t stem, bsm_error *error);

    /** Gradient w.r.t. the path's output -> gradients of its input and of the weights. Paths are
     *  called in the reverse order of `path`. */
    bsm_status (*path_backward)(void *space, size_t layer, bsm_axis axis, bsm_error *error);

    /** Gradient w.r.t. the features -> gradients of the weights. */
    bsm_status (*band_split_backward)(void *space, bsm_error *error);

    /** NULL, or wait until everything that the other functions queued is done, so that the time of
     *  a part or an update can be measured. */
    void (*wait)(void *space);

    /** All NULL, or sums over processes, as in bsm/training.h. */
    bsm_status (*peers_describe)(char *text, size_t size, bsm_error *error);
    bsm_status (*peers_id)(bsm_peers_id *id, bsm_error *error);
    bsm_status (*peers_join)(void *space, const bsm_peers_id *id, size_t rank, size_t size,
                             bsm_error *error);
    bsm_status (*sum_gradients)(void *space, bsm_error *error);

    bsm_status (*norm)(void *space, double *norm, bsm_error *error);
    bsm_status (*update)(void *space, const bsm_adamw *step, bsm_error *error);
} bsm_training_device;

extern const bsm_training_device bsm_reference_training;
extern const bsm_training_device bsm_cpu_training;

#endif
