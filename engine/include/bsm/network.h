/* SPDX-License-Identifier: ISC */
/** A BSMamba2 network: a model on a device, which turns samples of a mixture into samples of its
 *  stems.
 *
 *  A network belongs to one thread at a time, which is never the audio thread. Its memory is
 *  allocated when it is made. Networks with the same model and device, and on the CPU the same
 *  precision, share their weights. */
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

/** How far back the memory of a stream reaches (docs/model.md, Streams). */
typedef enum bsm_memory {
    BSM_MEMORY_MODEL,   /**< the memory that the model's metadata name; rolling if they name none.
                             Rolling memory becomes bounded if the blocks are too long for it */
    BSM_MEMORY_CARRY,   /**< the state runs on for ever, for models that were trained for it */
    BSM_MEMORY_ROLLING, /**< a state lasts for the model's training segment; then another one, which
                             has warmed up beside it, takes over. With the default warm-up this
                             costs about a third more, and twice as much while both states run */
    BSM_MEMORY_BOUNDED, /**< each block is computed from a zero state `history` frames before it, so
                             each frame is computed (history + commit + lookahead) / commit times */
} bsm_memory;

/** Return "model", "carry", "rolling" or "bounded". Any thread. */
BSM_API const char *bsm_memory_name(bsm_memory memory);

/** Rolling memory: how long a state of a stream lasts. Before that time is over, a second state
 *  starts from zero beside it, which takes over at its end. As long as both run, a block costs
 *  twice as much. */
typedef struct bsm_rolling {
    size_t segment; /**< the most frames from where a block's state was zero to the end of the
                         block; at least max_frames. 0: the state is carried for ever */
    size_t warmup;  /**< frames that a state has seen before it takes over, at least 1; they are
                         rounded up to whole blocks. At most half of `segment` less the look-ahead */
} bsm_rolling;

typedef struct bsm_network_options {
    bsm_device_kind device;
    bsm_precision precision; /**< the least precision that is acceptable */
    size_t threads;          /**< 1 to 1024; 0: one per processor that this process may use */
    size_t max_frames;       /**< frames of the longest window or block; at least 1 */
    bool streaming;          /**< allocate the state that a stream keeps from block to block */
    bsm_rolling rolling;     /**< the memory of a stream; all 0 without `streaming` */
} bsm_network_options;

/** Make a network of `model`, to which it holds a reference.
 *  BSM_INVALID_ARGUMENT, BSM_NO_MEMORY, BSM_NO_DEVICE, BSM_DEVICE_FAILED, BSM_BAD_MODEL. */
BSM_API BSM_NODISCARD bsm_status bsm_network_new(bsm_model *model,
                                                 const bsm_network_options *options,
                                                 bsm_network **network, bsm_error *error);
BSM_API void bsm_network_free(bsm_network *network);

BSM_API const bsm_model *bsm_network_model(const bsm_network *network);

/** Return the device on which the network runs now, such as "cpu (AVX-512, oneDNN 2.6.3)". */
BSM_API const char *bsm_network_device_name(const bsm_network *network);

/** Return the bytes of GPU memory that the network and its weights take; 0 if it computes in the
 *  host's memory. The weights may be shared with other networks. What the GPU's driver and
 *  libraries take for themselves is not included. */
BSM_API size_t bsm_network_gpu_memory(const bsm_network *network);

/** Return a line that says why the network has moved to the CPU, or "" if it has not.
 *
 *  With BSM_DEVICE_AUTO, if the chosen device fails when the network is made or in any call, the
 *  network moves to the CPU and the call is carried out there. A stream goes on where it is; its
 *  state is computed again from its past, as far back as a training example is long. With any other
 *  kind of device, a failure is an error. */
BSM_API const char *bsm_network_note(const bsm_network *network);

/** Separate a block, which is a window or the next block of a stream.
 *
 *  In a stream, which needs a network made with `streaming`, the forward mixers along time start
 *  from the state that they had after the last committed frame; the backward mixers start from zero
 *  at the block's end. With rolling memory, it is the state whose turn it is. A window does not
 *  change the state of a stream.
 *  BSM_INVALID_ARGUMENT (the block's frames are out of range, or this network has no stream),
 *  BSM_CANCELLED, BSM_DEVICE_FAILED, BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_network_run(bsm_network *network, const bsm_block *block,
                                                 bsm_error *error);

/** Forget the stream, so that its next block starts from a zero state. */
BSM_API void bsm_network_reset(bsm_network *network);

/** The modules of a network in the order in which they run; the two paths alternate. */
typedef enum bsm_module {
    BSM_MODULE_STFT,
    BSM_MODULE_BAND_SPLIT,
    BSM_MODULE_TIME_PATH,
    BSM_MODULE_BAND_PATH,
    BSM_MODULE_MASK,
    BSM_MODULE_INVERSE_STFT,
    BSM_NUM_MODULES,
} bsm_module;

/** Called when a module has run. As long as there is an observer, every device completes a module
 *  before the next. `layer` is 0 to depth - 1 for both paths, the stem's number for the mask and
 *  the inverse STFT, and 0 otherwise. If it returns false, the network stops there with
 *  BSM_CANCELLED, and a stream has to be reset. */
typedef bool bsm_network_observer(void *user, bsm_module module, size_t layer);

/** Set the observer. NULL: there is none. */
BSM_API void bsm_network_observe(bsm_network *network, bsm_network_observer *observer, void *user);

/** Called to ask whether to go on: after each module, or before each block if the device computes
 *  whole blocks, because it would have to wait in between. If it returns false, the network stops
 *  there with BSM_CANCELLED, and a stream has to be reset. */
typedef bool bsm_network_go_on(void *user);

/** Set the function to ask. NULL: the network always goes on. */
BSM_API void bsm_network_ask(bsm_network *network, bsm_network_go_on *go_on, void *user);

/** Copy the features [band][frame][dim] of the last block as they are. For tests. */
BSM_API void bsm_network_read_features(const bsm_network *network, float *features);

BSM_END_DECLS

#endif
