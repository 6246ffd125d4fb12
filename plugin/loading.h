/* SPDX-License-Identifier: ISC */
/** Loads models and changes the stream, away from the audio thread.
 *
 *  run() asks through the host's worker, and finds the news of what became of it at the beginning
 * of a later call. That does not depend on the host's answer to anything, so that nothing is lost
 *  where a host refuses work. */
#ifndef BSM_PLUGIN_LOADING_H
#define BSM_PLUGIN_LOADING_H

#include <pthread.h>

#include <lv2/log/logger.h>

#include "bsm/fit.h"
#include "news.h"

/** Values of the ports with the same names. */
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
    size_t rate;                      /**< of the stream */
    char default_path[BSM_PATH_SIZE]; /**< the bundle's model, which need not exist */

    /* ---- Under `jobs`, which is held while a model loads ---- */
    pthread_mutex_t jobs;
    bsm_settings settings; /**< of the stream */
    bsm_model *model;      /**< the one in the stream; NULL if there is none */
    bsm_fit fit;           /**< of the model */
    bool tried;            /**< whether the wanted model has been tried */
    bool as_wanted;        /**< whether the wanted model is heard */

    /* ---- Under `facts`, which is held for moments ---- */
    pthread_mutex_t facts;
    char wanted[BSM_PATH_SIZE]; /**< the path that the user chose, kept if it fails; "": the default
                                   model */
    bsm_news news;

    bsm_news_board board; /**< the news, for run() */
} bsm_loader;

/** Make a stream that has no model and the default settings. `bundle` ends in '/'. */
BSM_NODISCARD bsm_status bsm_loader_init(bsm_loader *loader, size_t sample_rate, size_t max_block,
                                         const char *bundle, LV2_Log_Logger *log, bsm_error *error);

void bsm_loader_free(bsm_loader *loader);

/* ---- From the worker ---- */

/** Apply the settings if they differ from those in force, and load a model the first time. */
void bsm_loader_apply(bsm_loader *loader, bsm_settings settings);

/** Load a model that the user has just chosen ("": the default). If that fails, the model that is
 *  heard stays. */
void bsm_loader_choose(bsm_loader *loader, const char *path);

/* ---- From any thread but the audio thread ---- */

/** Load a model that the user chose when the project was saved, with these settings (NULL: those in
 *  force). If that fails, the default model is loaded, and `path` is kept. */
void bsm_loader_restore(bsm_loader *loader, const bsm_settings *settings, const char *path);

/** Copy the path of the wanted model (BSM_PATH_SIZE bytes) and the status (BSM_STATUS_SIZE bytes).
 *  The status reports a network that has stopped or is late. */
void bsm_loader_get_wanted(bsm_loader *loader, char *path);
void bsm_loader_get_status(bsm_loader *loader, char *status);

#endif
