/* SPDX-License-Identifier: ISC */
/** The network: BSMamba2 from samples of a mixture to samples of its stems.
 *
 *  A network belongs to one thread at a time and is never for the audio thread. All that it needs
 *  is allocated when it is made. Weights are shared between networks of one model and device, and
 *  on the CPU of one precision. */
#ifndef BSM_NETWORK_H
#define BSM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/block.h"
#include "bsm/device.h"
#include "bsm/model.h"
#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_network bsm_network;

/** How far back a stream remembers (docs/model.md, Streams). */
typedef enum bsm_memory {
    BSM_MEMORY_MODEL, /**< as the model's metadata say; without such metadata rolling, or bounded if
                         blocks are too long for that */
    BSM_MEMORY_CARRY, /**< the state is carried on for ever; for models trained for it */
    BSM_MEMORY_ROLLING, /**< a state lasts for the model's training segment, and another one, warmed
                             up beside it, takes over: a third more, and twice as much at times */
    BSM_MEMORY_BOUNDED, /**< each block from a zero state `history` frames before it, which costs
                             (history + commit + lookahead) / commit times as much */
} bsm_memory;

/** Return "model", "carry", "rolling" or "bounded". */
BSM_API const char *bsm_memory_name(bsm_memory memory);

/** Rolling memory: how long a stream's state lasts. Before its time is up, a second one starts from
 *  zero beside it, and takes over when it is: a block costs twice as much meanwhile. */
typedef struct bsm_rolling {
    size_t segment; /**< frames that are seen at most, from where a block's state was zero to the
                         block's last one; 0: any number, the state is carried on for ever */
    size_t warmup;  /**< frames that a state has seen before it takes over, rounded up to whole
                         blocks; at most half of what `segment` leaves beside the look-ahead */
} bsm_rolling;

typedef struct bsm_network_options {
    bsm_device_kind device;
    bsm_precision precision; /**< the lowest precision that is acceptable */
    size_t threads;          /**< 0: one per core */
    size_t max_frames;       /**< the longest window or block that will be passed; at least 1 */
    bool streaming;          /**< allocate the state that a stream carries from block to block */
    bsm_rolling rolling;     /**< memory of a stream */
} bsm_network_options;

/** Make a network over `model`, which it references.
 *  BSM_INVALID_ARGUMENT, BSM_NO_MEMORY, BSM_NO_DEVICE, BSM_DEVICE_FAILED, BSM_BAD_MODEL. */
BSM_API BSM_NODISCARD bsm_status bsm_network_new(bsm_model *model,
                                                 const bsm_network_options *options,
                                                 bsm_network **network, bsm_error *error);
BSM_API void bsm_network_free(bsm_network *network);

BSM_API const bsm_model *bsm_network_model(const bsm_network *network);

/** Describe the device that the network runs on now, such as "cpu (oneDNN 2.6.3, AVX-512)". */
BSM_API const char *bsm_network_device_name(const bsm_network *network);

/** Return the bytes of GPU memory of the network and its weights, which it may share with other
 *  networks; 0 if it computes in the host's memory. Memory of the GPU's driver and libraries is not
 *  included. */
BSM_API size_t bsm_network_gpu_memory(const bsm_network *network);

/** One line on why the network does not run on the device where it could have, or "". With
 *  BSM_DEVICE_AUTO, a device that fails, at the start or in any call, is given up for the CPU; the
 *  call is done there, and a stream goes on from where it is, its state computed again from as
 *  much of its past as a training example is long. With any other kind a failure is an error. */
BSM_API const char *bsm_network_note(const bsm_network *network);

/** Separate a block: a window, or the next one of a stream.
 *
 *  In a stream (of a network made with `streaming`) the forward time mixers start from the state
 *  that they had after the last committed frame; the backward ones from zero at the block's right
 *  edge. A window does not disturb it. With rolling memory that state is the one whose turn it is.
 *  BSM_INVALID_ARGUMENT: frames out of range. BSM_CANCELLED, BSM_DEVICE_FAILED, BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_network_run(bsm_network *network, const bsm_block *block,
                                                 bsm_error *error);

/** Forget the stream. The next block starts from a zero state. */
BSM_API void bsm_network_reset(bsm_network *network);

/** The modules, in the order in which they run. */
typedef enum bsm_module {
    BSM_MODULE_STFT,
    BSM_MODULE_BAND_SPLIT,
    BSM_MODULE_TIME_PATH,
    BSM_MODULE_BAND_PATH,
    BSM_MODULE_MASK,
    BSM_MODULE_INVERSE_STFT,
    BSM_NUM_MODULES,
} bsm_module;

/** Called after each module has run, for which any device then waits; `layer` is 0 to depth - 1 on
 *  both paths, the stem's number on the mask and the inverse STFT, else 0. If it returns false, the
 * network stops there with BSM_CANCELLED; a stream has to be reset then. */
typedef bool bsm_network_observer(void *user, bsm_module module, size_t layer);
BSM_API void bsm_network_observe(bsm_network *network, bsm_network_observer *observer, void *user);

/** Asked whether to go on: after each module or, where a device is given a whole block to do,
 * before each block, since it would have to wait in between. If it returns false, the network stops
 * there with BSM_CANCELLED; a stream has to be reset then. NULL: nobody is asked. */
typedef bool bsm_network_go_on(void *user);
BSM_API void bsm_network_ask(bsm_network *network, bsm_network_go_on *go_on, void *user);

/** Copy the present band features of the last block, [band][frame][dim]. For tests. */
BSM_API void bsm_network_read_features(const bsm_network *network, float *features);

BSM_END_DECLS

#endif
