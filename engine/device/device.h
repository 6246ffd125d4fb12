/* SPDX-License-Identifier: ISC */
/** The interface of a compute device: the modules of BSMamba2, each on the device's own memory.
 *
 *  The interface consists of modules, not of elementary tensor operations, because speed comes
 *  from fusing operations inside a module. The equations are in docs/model.md; `reference` follows
 *  them literally.
 *
 *  A device takes samples and transforms them itself, or it takes the host's spectra, which are
 *  [frame][bin][channel][re, im]. A workspace holds the band features x[band][frame][dim] of the
 *  current window, and the states of a stream. */
#ifndef BSM_DEVICE_H
#define BSM_DEVICE_H

#include <stdbool.h>

#include "bsm/block.h"
#include "bsm/device.h"
#include "device/training.h"
#include "device/weights.h"

/** The most states that a stream has: two, while one takes over from the other. */
enum { BSM_MAX_STATES = 2 };

typedef struct bsm_workspace_options {
    size_t threads;
    size_t max_frames;
    size_t states;           /**< states of a stream, at most BSM_MAX_STATES; 0: windows only */
    bsm_precision precision; /**< the least precision that is acceptable */
} bsm_workspace_options;

/** A network's modules in their order, for a device that does whole blocks. */
typedef struct bsm_device_modules {
    bsm_status (*run)(void *network, const bsm_block *block, bsm_error *error);
    void *network;
    bool observed; /**< each module's work must be complete when it returns */
} bsm_device_modules;

/** The time of one mixer's scan over several sequences at once, computed in two ways from the same
 *  numbers. */
typedef struct bsm_scan_times {
    size_t sequences, steps; /**< steps of each sequence */
    double sequential;       /**< seconds: step by step, each operation on whole arrays */
    double fast;             /**< seconds: the device's own way */
    double difference;       /**< difference of the two results, relative to the first */
} bsm_scan_times;

/** One device. `weights` and `workspace` are the device's own types. */
typedef struct bsm_device {
    /** Describe in one line for the user the device and what it runs on. */
    void (*describe)(char *text, size_t size);

    /** Copy or pack the host's weights. They may be freed afterwards unless
     *  `keeps_host_weights`. */
    bsm_status (*weights_new)(const bsm_weights *host, void **weights, bsm_error *error);
    void (*weights_free)(void *weights);
    bool keeps_host_weights;

    bsm_status (*workspace_new)(const void *weights, const bsm_workspace_options *options,
                                void **workspace, bsm_error *error);
    void (*workspace_free)(void *workspace);

    /** The bytes of the device's own memory that a workspace and its weights take. NULL if
     *  everything is in the host's memory. */
    size_t (*memory)(const void *workspace);

    /** The following blocks of the stream go on from state number `state`; it is 0 until one is
     *  selected. */
    void (*select)(void *workspace, size_t state);

    /** Set the selected state to zero. Its initial contents are undefined. */
    void (*reset)(void *workspace);

    /** All three are NULL if the device takes spectra. Otherwise `run` computes a whole block:
     *  while it does not know the block's kind yet, it lets `modules` call the modules, among them
     *  `analyse` (samples to spectra, before band_split) and `synthesise` (a stem's spectra to
     *  samples, after its mask). When it returns, the stems are there. */
    bsm_status (*run)(void *workspace, const bsm_block *block, const bsm_device_modules *modules,
                      bsm_error *error);
    bsm_status (*analyse)(void *workspace, const bsm_block *block, bsm_error *error);
    bsm_status (*synthesise)(void *workspace, size_t stem, const bsm_block *block,
                             bsm_error *error);

    /** spectrum -> x; `spectrum` is NULL if the device has made it itself. */
    bsm_status (*band_split)(void *workspace, const float *spectrum, size_t frames,
                             bsm_error *error);

    /** x = T(x): bidirectional Mamba2 along time, for each band. */
    bsm_status (*time_path)(void *workspace, size_t layer, const bsm_block *block,
                            bsm_error *error);

    /** x = B(x): bidirectional Mamba2 along bands, for each of the first `wanted` frames. */
    bsm_status (*band_path)(void *workspace, size_t layer, const bsm_block *block,
                            bsm_error *error);

    /** The first `wanted` frames of x and of the mixture -> one stem's spectrum. Both pointers are
     *  NULL if the device has its own spectra. */
    bsm_status (*mask)(void *workspace, size_t stem, const bsm_block *block, const float *spectrum,
                       float *masked, bsm_error *error);

    /** Copy x to the host, [band][frame][dim]. */
    void (*read_features)(const void *workspace, size_t frames, float *features);

    /** NULL, or time the first layer's forward scan along time in both ways, over noise of
     *  `frames` frames and as many bands as the device processes at once. The times are medians of
     *  `repeats` runs, after one that does not count. x is noise afterwards; a stream's state is
     *  not touched. Not for the audio thread: it allocates, waits, and takes long.
     *  BSM_INVALID_ARGUMENT unless 1 <= frames <= max_frames and repeats > 0. BSM_NO_MEMORY,
     *  BSM_DEVICE_FAILED. */
    bsm_status (*scan_times)(void *workspace, size_t frames, size_t repeats, bsm_scan_times *times,
                             bsm_error *error);

    /** NULL: the device cannot train. */
    const bsm_training_device *training;
} bsm_device;

extern const bsm_device bsm_reference_device;
extern const bsm_device bsm_cpu_device;
extern const bsm_device
    bsm_cpu_bf16_device; /**< the same device with networks that compute in bfloat16 ... */
extern const bsm_device bsm_cpu_int8_device; /**< ... and in int8, if this processor can */

/** The fastest of these three on this processor that is at least as exact as `precision`. */
const bsm_device *bsm_cpu_device_for(bsm_precision precision);

/** Describe what this processor does when bfloat16 or int8 is asked for; the text follows a
 *  description of the device. */
void bsm_cpu_describe_precisions(char *text, size_t size);

/** Find the device of a kind; `auto` means the fastest that works here. BSM_NO_DEVICE. */
bsm_status bsm_device_find(bsm_device_kind kind, const bsm_device **device, bsm_error *error);

/** The device that computes in `precision` when `device` is asked for. */
const bsm_device *bsm_device_for(const bsm_device *device, bsm_precision precision);

/** A model's weights on a device: one reference-counted copy per process. */
typedef struct bsm_shared_weights bsm_shared_weights;

/** Any thread. Takes a reference to `model`. */
bsm_status bsm_shared_weights_get(const bsm_device *device, bsm_model *model,
                                  bsm_shared_weights **shared, bsm_error *error);
void bsm_shared_weights_release(bsm_shared_weights *shared);
const void *bsm_shared_weights_data(const bsm_shared_weights *shared);

#endif
