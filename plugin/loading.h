/* SPDX-License-Identifier: ISC */
/** Loads models and changes the stream, in threads other than the audio thread.
 *
 *  run() sends requests through the host's worker, and finds the results as news in a later call.
 *  This does not depend on any answer of the host, so nothing is lost if a host refuses work. */
#ifndef BSM_PLUGIN_LOADING_H
#define BSM_PLUGIN_LOADING_H

#include <pthread.h>

#include <lv2/log/logger.h>

#include "bsm/fit.h"
#include "news.h"

/** Values of the ports with these names (ports.h). */
typedef struct bsm_settings {
    int lookahead, device, precision, memory;
} bsm_settings;

static inline bool bsm_settings_equal(bsm_settings a, bsm_settings b)
{
    return a.lookahead == b.lookahead && a.device == b.device && a.precision == b.precision &&
           a.memory == b.memory;
}

typedef struct bsm_loader {
    /* ---- Constant ---- */
    LV2_Log_Logger *log;
    bsm_stream *stream;
    size_t rate;                      /**< the stream's rate in Hz */
    char default_path[BSM_PATH_SIZE]; /**< the model in the bundle, which need not exist */

    /* ---- Guarded by `jobs`, which is held while a model is loaded ---- */
    pthread_mutex_t jobs;
    bsm_settings settings; /**< of the stream */
    bsm_model *model;      /**< the model in the stream; NULL: none */
    bsm_fit fit;           /**< how well that model fits this machine */
    bool tried;            /**< loading the wanted model has been tried */
    bool as_wanted;        /**< the wanted model plays */

    /* ---- Guarded by `facts`, which is held only for moments ---- */
    pthread_mutex_t facts;
    char wanted[BSM_PATH_SIZE]; /**< the user's choice, kept if it cannot be loaded; "": default */
    bsm_news news;

    bsm_news_board board; /**< passes the news to run() */
} bsm_loader;

/** Make a stream without a model and with the default settings. `bundle` is the path of the bundle,
 *  which ends in '/'. The errors are those of bsm_stream_new. */
BSM_NODISCARD bsm_status bsm_loader_init(bsm_loader *loader, size_t sample_rate, size_t max_block,
                                         const char *bundle, LV2_Log_Logger *log, bsm_error *error);

void bsm_loader_free(bsm_loader *loader);

/* ---- Called from the worker ---- */

/** Apply the settings if they differ from those of the stream. If no model plays, load the wanted
 *  one, in the first call and whenever the settings differ. */
void bsm_loader_apply(bsm_loader *loader, bsm_settings settings);

/** Load a model that the user has just chosen; "" means the default. If that fails, the current
 *  model goes on playing. */
void bsm_loader_choose(bsm_loader *loader, const char *path);

/* ---- Called from any thread but the audio thread ---- */

/** Load the model of a saved project, unless it plays already, with these settings, or with the
 *  current ones if `settings` is NULL. If that fails, the default model plays, and `path` is kept
 *  as the wanted one. */
void bsm_loader_restore(bsm_loader *loader, const bsm_settings *settings, const char *path);

/** Copy the path of the wanted model, which takes BSM_PATH_SIZE bytes. */
void bsm_loader_get_wanted(bsm_loader *loader, char *path);

/** Copy the status, which takes BSM_STATUS_SIZE bytes. If the network that plays has stopped or is
 *  late, the status says so. */
void bsm_loader_get_status(bsm_loader *loader, char *status);

#endif
