/* SPDX-License-Identifier: ISC */
/** What a compute device does to train: the backward half of the modules of device.h, the loss and
 *  the optimiser. net/training.c says in which order they run.
 *
 *  A space holds one item: its signals, the features x[band][frame][dim] on their way forward, what
 *  is kept of each path, and the features' gradient on its way back. It also holds the vectors of
 *  bsm/training.h. Every function that is given one works on a space. */
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

    /** `parameters`: the first value of BSM_PARAMETERS and of BSM_AVERAGES. `options` are valid,
     *  its threads at least 1. */
    bsm_status (*space_new)(const bsm_config *config, const bsm_training_options *options,
                            const float *parameters, void **space, bsm_error *error);
    void (*space_free)(void *space);

    bsm_status (*read)(void *space, bsm_training_vector vector, float *values, bsm_error *error);
    bsm_status (*write)(void *space, bsm_training_vector vector, const float *values,
                        bsm_error *error);

    /** Take an item: transform the mixture; transform the stems and back. */
    bsm_status (*load)(void *space, const bsm_training_item *item, bsm_error *error);

    /** mixture -> x. The features' gradient becomes zero. */
    bsm_status (*band_split)(void *space, bsm_error *error);

    /** x = T(x) or B(x), keeping what path_backward needs. */
    bsm_status (*path)(void *space, size_t layer, bsm_axis axis, bsm_error *error);

    /** x and the mixture -> the stem's masked spectrum. */
    bsm_status (*mask)(void *space, size_t stem, bsm_error *error);

    /** The masked spectrum and the stem's target -> the loss, and the gradient by the masked
     *  spectrum times `scale` (the item's, divided by the number of stems). */
    bsm_status (*loss)(void *space, size_t stem, double scale, bsm_loss *loss, bsm_error *error);

    /** Gradient by the masked spectrum -> added to the features' gradient, and the weights'. */
    bsm_status (*mask_backward)(void *space, size_t stem, bsm_error *error);

    /** Gradient by what the path gave -> by what went into it, and the weights'. Paths come in the
     *  reverse order of `path`. */
    bsm_status (*path_backward)(void *space, size_t layer, bsm_axis axis, bsm_error *error);

    /** Features' gradient -> the weights'. */
    bsm_status (*band_split_backward)(void *space, bsm_error *error);

    /** NULL, or wait until what the other functions queued is done: where a part's or an update's
     *  time counts. */
    void (*wait)(void *space);

    /** All NULL, or sums over processes, as bsm/training.h has them. */
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
