/* SPDX-License-Identifier: ISC */
/** Loads models and makes streams, away from the audio thread.
 *
 *  run() asks through the host's worker, and takes what was made at the beginning of a later call.
 *  What passes between the threads are deliveries, through two lock-free places: `incoming`, the
 *  newest one for run(), and `discarded`, those that run() has done with. Neither depends on the
 *  host's answer to anything, so that nothing is lost where a host refuses work. */
#ifndef BSM_PLUGIN_LOADING_H
#define BSM_PLUGIN_LOADING_H

#include <pthread.h>
#include <stdatomic.h>

#include <lv2/log/logger.h>

#include "bsm/stream.h"

enum { BSM_PATH_SIZE = 4096, BSM_STATUS_SIZE = 640 };

/** What needs a stream of its own: values of the ports of the same names. */
typedef struct bsm_settings {
    int lookahead, device, precision;
} bsm_settings;

static inline bool bsm_settings_equal(bsm_settings a, bsm_settings b)
{
    return a.lookahead == b.lookahead && a.device == b.device && a.precision == b.precision;
}

/** What the loader has to say, and may have made. */
typedef struct bsm_delivery {
    struct bsm_delivery *next;
    bsm_stream *stream;        /**< to be heard from now on; NULL: the same as before */
    bsm_stream *retired;       /**< freed together with the delivery */
    char model[BSM_PATH_SIZE]; /**< the model parameter's value */
    char
        status[BSM_STATUS_SIZE]; /**< "loading ...", "ready: ...", "failed: ...", "no model: ..." */
} bsm_delivery;

typedef struct bsm_loader {
    /* ---- Constant ---- */
    size_t sample_rate, max_block;
    LV2_Log_Logger *log;
    char default_path[BSM_PATH_SIZE]; /**< the bundle's model, which need not exist */

    /* ---- Under `jobs`, which is held while a model loads ---- */
    pthread_mutex_t jobs;
    bsm_settings settings; /**< of `newest` */
    bsm_model *model;      /**< in `newest`; NULL: none */
    bsm_stream *newest;
    bool tried;     /**< to play what is wanted */
    bool as_wanted; /**< what is wanted plays */

    /* ---- Under `facts`, which is held for moments ---- */
    pthread_mutex_t facts;
    char wanted[BSM_PATH_SIZE];   /**< the user's choice, kept if it fails; "": the default */
    char status[BSM_STATUS_SIZE]; /**< of the newest delivery */

    /* ---- Between the threads ---- */
    _Atomic(bsm_delivery *) incoming;
    _Atomic(bsm_delivery *) discarded; /**< a stack */
} bsm_loader;

/** Make a stream without a model, with the default settings: the loader's first delivery, which
 *  waits to be taken. `bundle` ends in '/'. */
BSM_NODISCARD bsm_status bsm_loader_init(bsm_loader *loader, size_t sample_rate, size_t max_block,
                                         const char *bundle, LV2_Log_Logger *log, bsm_error *error);

/** Free all but deliveries that were taken and not discarded. */
void bsm_loader_free(bsm_loader *loader);
void bsm_delivery_free(bsm_delivery *delivery);

/* ---- From the worker ---- */

/** Make what the settings ask for, if it is not there, and load a model the first time. */
void bsm_loader_apply(bsm_loader *loader, bsm_settings settings);

/** Load a model that the user chose now ("": the default). If that fails, what plays plays on. */
void bsm_loader_choose(bsm_loader *loader, const char *path);

/** Free what run() has discarded. */
void bsm_loader_collect(bsm_loader *loader);

/* ---- From any thread but the audio thread ---- */

/** Load a model that the user chose once. If that fails, the default plays, and `path` is kept. */
void bsm_loader_restore(bsm_loader *loader, const char *path);

/** Copies of the facts, BSM_PATH_SIZE and BSM_STATUS_SIZE bytes. If the network of what plays has
 *  stopped, the status says why. */
void bsm_loader_get_wanted(bsm_loader *loader, char *path);
void bsm_loader_get_status(bsm_loader *loader, char *status);

/* ---- From the audio thread ---- */

/** The newest delivery, or NULL. */
BSM_REALTIME bsm_delivery *bsm_loader_take(bsm_loader *loader);

/** Why the stream's network has stopped, as a status of BSM_STATUS_SIZE bytes; false: it has not.
 */
BSM_REALTIME bool bsm_stopped_status(const bsm_stream *stream, char *status);

/** Leave a delivery for bsm_loader_collect. */
BSM_REALTIME void bsm_loader_discard(bsm_loader *loader, bsm_delivery *delivery);

#endif
