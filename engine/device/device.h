/* SPDX-License-Identifier: ISC */
/** What a compute device does: the modules of BSMamba2, each on the device's own memory.
 *
 *  Modules, not elementary tensor operations, are the grain, because speed comes from fusing inside
 *  a module. The equations are in docs/model.md; `reference` follows them word by word.
 *
 *  Spectra on the host are [frame][bin][channel][re, im]. A workspace holds the band features
 *  x[band][frame][dim] of the window in work, and the state of a stream. */
#ifndef BSM_DEVICE_H
#define BSM_DEVICE_H

#include <stdbool.h>

#include "bsm/device.h"
#include "device/training.h"
#include "device/weights.h"

typedef struct bsm_workspace_options {
    size_t threads;
    size_t max_frames;
    bool streaming;
    bsm_precision precision; /**< the least that is asked for */
} bsm_workspace_options;

/** Which frames of a block a time path computes. */
typedef struct bsm_block {
    size_t frames; /**< in the block */
    size_t wanted; /**< the first frames, those whose output is used */
    size_t
        commit; /**< frames after which the forward state is kept; 0: start from zero, keep none */
} bsm_block;

/** Sound in place of spectra, for a device that transforms by itself. What is reflected at a
 *  signal's ends, normalised, and carried from one block of a stream to the next stays with the
 *  host, so that the next block may as well be computed elsewhere. */
typedef struct bsm_sound {
    const float *const *audio;  /**< per channel (frames - 1) * hop + n_fft samples, which the
                                     block's frames cover */
    size_t first;               /**< the frames before it are not summed */
    float *const *const *stems; /**< NULL entries are not wanted; per channel the sum of the
                                   windowed inverse transforms of frames `first` to `wanted`
                                     (bsm_overlap_add_sum) */
} bsm_sound;

/** One call of the network, as a device sees it that queues its modules' work. */
typedef struct bsm_device_call {
    bsm_block block;
    const bsm_sound *sound; /**< NULL: the call is of spectra, which follow */
    const float *spectrum;
    float *const *stems; /**< NULL entries are not wanted */
    bool observed;       /**< each module's work must be done when it returns */
} bsm_device_call;

static inline bool bsm_call_wants(const bsm_device_call *call, size_t stem)
{
    return call->sound ? call->sound->stems[stem] != NULL : call->stems[stem] != NULL;
}

/** How long the scan of one mixer takes over some sequences at once, from the same numbers. */
typedef struct bsm_scan_times {
    size_t sequences, steps; /**< steps: of each */
    double sequential;       /**< seconds: step by step, each operation on whole arrays */
    double fast;             /**< seconds: as the device does it */
    double difference;       /**< of the two results, relative to the first */
} bsm_scan_times;

/** One device. `weights` and `workspace` are the device's own types. */
typedef struct bsm_device {
    /** One line for the user: the device and what it runs on. */
    void (*describe)(char *text, size_t size);

    /** Copy or pack the host's weights. They may be freed afterwards unless `keeps_host_weights`.
     */
    bsm_status (*weights_new)(const bsm_weights *host, void **weights, bsm_error *error);
    void (*weights_free)(void *weights);
    bool keeps_host_weights;

    bsm_status (*workspace_new)(const void *weights, const bsm_workspace_options *options,
                                void **workspace, bsm_error *error);
    void (*workspace_free)(void *workspace);

    /** NULL where all is in the host's memory, or the bytes of the device's own memory that a
     *  workspace and its weights hold. */
    size_t (*memory)(const void *workspace);

    /** Set the stream's state to zero. */
    void (*reset)(void *workspace);

    /** Both NULL, or called before and after the modules of a call. `skip`: the device knows the
     *  call and does without its modules. After `end`, whose `status` is what the modules came to,
     *  the stems are there; `again`: the call has to be done once more, from begin to end. `end`
     *  follows every `begin` that went well. */
    bsm_status (*begin)(void *workspace, const bsm_device_call *call, bool *skip, bsm_error *error);
    bsm_status (*end)(void *workspace, const bsm_device_call *call, bsm_status status, bool *again,
                      bsm_error *error);

    /** spectrum -> x */
    bsm_status (*band_split)(void *workspace, const float *spectrum, size_t frames,
                             bsm_error *error);

    /** x = T(x): bidirectional Mamba2 along time, for each band. */
    bsm_status (*time_path)(void *workspace, size_t layer, const bsm_block *block,
                            bsm_error *error);

    /** x = B(x): bidirectional Mamba2 along bands, for each of the first `wanted` frames. */
    bsm_status (*band_path)(void *workspace, size_t layer, const bsm_block *block,
                            bsm_error *error);

    /** The first `wanted` frames of x and of the mixture -> one stem's spectrum. */
    bsm_status (*mask)(void *workspace, size_t stem, const bsm_block *block, const float *spectrum,
                       float *masked, bsm_error *error);

    /** Both NULL, or the transforms of a call of sound: `analyse` goes before band_split,
     *  `synthesise` behind each stem's mask. The modules between take and give no spectra then. */
    bsm_status (*analyse)(void *workspace, const bsm_device_call *call, bsm_error *error);
    bsm_status (*synthesise)(void *workspace, size_t stem, const bsm_device_call *call,
                             bsm_error *error);

    /** Copy x to the host, [band][frame][dim]. */
    void (*read_features)(const void *workspace, size_t frames, float *features);

    /** NULL, or time the first layer's forward scan along time, both ways, over noise of `frames`
     *  frames and as many bands as the device takes at once. Medians of `repeats` times, after one
     *  that does not count. x is noise afterwards; a stream's state is not touched. Not for the
     *  audio thread: it allocates, waits, and takes its time.
     *  BSM_INVALID_ARGUMENT: not 1 <= frames <= max_frames, or no repeats.
     *  BSM_NO_MEMORY, BSM_DEVICE_FAILED. */
    bsm_status (*scan_times)(void *workspace, size_t frames, size_t repeats, bsm_scan_times *times,
                             bsm_error *error);

    /** NULL: the device cannot train. */
    const bsm_training_device *training;
} bsm_device;

extern const bsm_device bsm_reference_device;
extern const bsm_device bsm_cpu_device;
extern const bsm_device
    bsm_cpu_bf16_device; /**< the same, whose networks compute in bfloat16, ... */
extern const bsm_device bsm_cpu_int8_device; /**< ... and in int8, where this processor can */

/** The fastest of these three on this processor that is as exact as `precision`. */
const bsm_device *bsm_cpu_device_for(bsm_precision precision);

/** What this processor does where bfloat16 or int8 is asked for, to go behind a description. */
void bsm_cpu_describe_precisions(char *text, size_t size);

/** The device of a kind; `auto` is the fastest that works here. BSM_NO_DEVICE. */
bsm_status bsm_device_find(bsm_device_kind kind, const bsm_device **device, bsm_error *error);

/** The device that computes in `precision` where `device` is asked for. */
const bsm_device *bsm_device_for(const bsm_device *device, bsm_precision precision);

/** A model's weights on a device: one copy per process, counted by references. */
typedef struct bsm_shared_weights bsm_shared_weights;

/** Any thread. References `model`. */
bsm_status bsm_shared_weights_get(const bsm_device *device, bsm_model *model,
                                  bsm_shared_weights **shared, bsm_error *error);
void bsm_shared_weights_release(bsm_shared_weights *shared);
const void *bsm_shared_weights_data(const bsm_shared_weights *shared);

#endif
