/* SPDX-License-Identifier: ISC */
/* Loads models and changes the stream. */
#include "loading.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "news.h"
#include "ports.h"

static const double latencies[BSM_NUM_LOOKAHEADS] = {0.3, 0.8, 2.0}; /* requested, in seconds */
static const bsm_device_kind devices[BSM_NUM_CHOICES] = {BSM_DEVICE_AUTO, BSM_DEVICE_CPU,
                                                         BSM_DEVICE_CUDA};
static const bsm_precision precisions[BSM_NUM_PRECISIONS] = {
    [BSM_CHOICE_FLOAT32] = BSM_PRECISION_FLOAT32,   [BSM_CHOICE_TF32] = BSM_PRECISION_TF32,
    [BSM_CHOICE_BFLOAT16] = BSM_PRECISION_BFLOAT16, [BSM_CHOICE_INT8] = BSM_PRECISION_INT8,
    [BSM_CHOICE_LIVE] = BSM_PRECISION_LIVE,
};
static const bsm_memory memories[BSM_NUM_MEMORIES] = {BSM_MEMORY_MODEL, BSM_MEMORY_CARRY,
                                                      BSM_MEMORY_BOUNDED, BSM_MEMORY_ROLLING};
static const bsm_settings default_settings = {BSM_LOOKAHEAD_NORMAL, BSM_CHOICE_AUTO,
                                              BSM_CHOICE_LIVE, BSM_KEEP_AS_MODEL};

/* ---- News ---- */

static void announce(bsm_loader *loader, const char *format, ...) BSM_PRINTF(2, 3);
static void announce(bsm_loader *loader, const char *format, ...)
{
    const char *playing = loader->model ? bsm_model_path(loader->model) : "";
    bsm_news *news = &loader->news;
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&loader->facts);
    vsnprintf(news->status, sizeof news->status, format, arguments);
    snprintf(news->model, sizeof news->model, "%s", *loader->wanted ? loader->wanted : playing);
    pthread_mutex_unlock(&loader->facts);
    va_end(arguments);
    bsm_news_put(&loader->board, news);
}

/* Announce which model plays, and whether it is fast enough. */
static void announce_playing(bsm_loader *loader)
{
    char device[128];
    bsm_stream_device_name(loader->stream, device, sizeof device);
    const char *path = bsm_model_path(loader->model), *slash = strrchr(path, '/');
    const char *file = slash ? slash + 1 : path, *fit = loader->fit.sentence;
    if (loader->fit.fits) {
        announce(loader, "ready: %.200s on %s; %s", file, device, fit);
    } else {
        announce(loader, "%s; %.200s on %s", fit, file, device);
    }
}

static void announce_failure(bsm_loader *loader, const bsm_error *error)
{
    if (loader->log) {
        lv2_log_error(loader->log, "bsm: %s\n", error->message);
    }
    announce(loader, "failed: %.600s", error->message);
}

static void announce_none(bsm_loader *loader)
{
    announce(loader, "no model: none is installed: choose a model file (the README says where to "
                     "get them); until then the sound passes dry");
}

/* ---- Facts ---- */

void bsm_loader_get_wanted(bsm_loader *loader, char *path)
{
    pthread_mutex_lock(&loader->facts);
    memcpy(path, loader->wanted, sizeof loader->wanted);
    pthread_mutex_unlock(&loader->facts);
}

/* If another thread holds `jobs`, it is loading, and the news say so. */
void bsm_loader_get_status(bsm_loader *loader, char *status)
{
    char news[BSM_STATUS_SIZE];
    bool trouble = false;
    pthread_mutex_lock(&loader->facts);
    memcpy(news, loader->news.status, sizeof news);
    pthread_mutex_unlock(&loader->facts);
    if (!pthread_mutex_trylock(&loader->jobs)) {
        trouble = bsm_trouble_status(loader->stream, news, status);
        pthread_mutex_unlock(&loader->jobs);
    }
    if (!trouble) {
        memcpy(status, news, sizeof news);
    }
}

static void set_wanted(bsm_loader *loader, const char *path)
{
    pthread_mutex_lock(&loader->facts);
    snprintf(loader->wanted, sizeof loader->wanted, "%s", path);
    pthread_mutex_unlock(&loader->facts);
}

/* The path of the default model; NULL if there is none. */
static const char *default_path(const bsm_loader *loader)
{
    const char *path = getenv("BSM_MODEL");
    if (path && *path) {
        return path;
    }
    return access(loader->default_path, F_OK) == 0 ? loader->default_path : NULL;
}

/* ---- The stream ---- */

static bsm_stream_options options_of(bsm_settings settings)
{
    return (bsm_stream_options){.latency = latencies[settings.lookahead],
                                .device = devices[settings.device],
                                .precision = precisions[settings.precision],
                                .memory = memories[settings.memory]};
}

/* Chooses options without raising the latency, which belongs to the user: a project must get the
 * latency that it was saved with, also on another machine or while much else is loading. */
static bsm_status choose(bsm_model *model, bsm_fit *fit, bsm_error *error)
{
    const bsm_stream_options wish = fit->options;
    return bsm_fit_stream(model, &wish, wish.latency, fit, error);
}

static bsm_status install(bsm_loader *loader, bsm_model *model, bsm_settings settings,
                          bsm_error *error)
{
    bsm_fit fit = {.options = options_of(settings)};
    fit.options.sample_rate = loader->rate;
    bsm_status status = model ? choose(model, &fit, error) : BSM_OK;
    if (!status) {
        status = bsm_stream_set(loader->stream, model, &fit.options, error);
    }
    if (!status) {
        bsm_model *old = loader->model;
        loader->model = model ? bsm_model_ref(model) : NULL;
        loader->settings = settings;
        loader->fit = fit;
        bsm_model_free(old);
    }
    return status;
}

static bsm_status open_and_install(bsm_loader *loader, const char *path, bsm_settings settings,
                                   bsm_error *error)
{
    bsm_model *model = NULL;
    announce(loader, "loading: %.600s", path);
    bsm_status status = bsm_model_open(path, NULL, &model, error);
    if (!status) {
        status = install(loader, model, settings, error);
    }
    bsm_model_free(model);
    return status;
}

/* ---- Jobs ---- */

/* Announce why the wanted model does not play, and what plays instead. */
static void announce_substitute(bsm_loader *loader, const bsm_error *error)
{
    bsm_error both = *error;
    const char *path = loader->model ? bsm_model_path(loader->model) : NULL;
    if (path) {
        bsm_fail(&both, error->status, "%.400s; instead plays %.100s", error->message, path);
    }
    announce_failure(loader, &both);
}

/* Play the default model instead of the wanted one. If that one could not be loaded, `error` says
 * why. */
static void play_default(bsm_loader *loader, bsm_settings settings, const bsm_error *error)
{
    bsm_error own = {0}, last = {0};
    const char *path = default_path(loader);
    bool plays = path && !open_and_install(loader, path, settings, &own);
    if (!plays && install(loader, NULL, settings, &last) && !own.status) {
        own = last;
    }
    if (error->status || own.status) {
        announce_substitute(loader, error->status ? error : &own);
    } else if (plays) {
        loader->as_wanted = true;
        announce_playing(loader);
    } else {
        announce_none(loader);
    }
}

static void play_wanted(bsm_loader *loader, bsm_settings settings)
{
    char path[BSM_PATH_SIZE];
    bsm_error error = {0};
    loader->tried = true;
    bsm_loader_get_wanted(loader, path);
    loader->as_wanted = *path && !open_and_install(loader, path, settings, &error);
    if (loader->as_wanted) {
        announce_playing(loader);
    } else {
        play_default(loader, settings, &error);
    }
}

/* Change the settings of the model that plays. If it cannot have these settings, no model plays, so
 * that the user notices. */
static void change_settings(bsm_loader *loader, bsm_settings settings)
{
    bsm_error error = {0}, last;
    announce(loader, "loading: %.600s", bsm_model_path(loader->model));
    if (!install(loader, loader->model, settings, &error)) {
        announce_playing(loader);
        return;
    }
    if (install(loader, NULL, settings, &last)) {
        error = last; /* the model goes on playing as before */
    }
    loader->as_wanted = false;
    announce_failure(loader, &error);
}

void bsm_loader_apply(bsm_loader *loader, bsm_settings settings)
{
    pthread_mutex_lock(&loader->jobs);
    bool same = bsm_settings_equal(settings, loader->settings);
    if (loader->model && !same) {
        change_settings(loader, settings);
    } else if (!same || !loader->tried) { /* with other settings, loading may succeed */
        play_wanted(loader, settings);
    }
    pthread_mutex_unlock(&loader->jobs);
}

void bsm_loader_choose(bsm_loader *loader, const char *path)
{
    pthread_mutex_lock(&loader->jobs);
    bsm_error error = {0};
    if (!*path) {
        set_wanted(loader, path);
        play_wanted(loader, loader->settings);
    } else if (open_and_install(loader, path, loader->settings, &error)) {
        announce_failure(loader, &error);
    } else {
        set_wanted(loader, path);
        loader->tried = loader->as_wanted = true;
        announce_playing(loader);
    }
    pthread_mutex_unlock(&loader->jobs);
}

void bsm_loader_restore(bsm_loader *loader, const bsm_settings *settings, const char *path)
{
    char before[BSM_PATH_SIZE];
    pthread_mutex_lock(&loader->jobs);
    bsm_loader_get_wanted(loader, before);
    set_wanted(loader, path);
    if (!loader->as_wanted || strcmp(path, before) != 0) {
        play_wanted(loader, settings ? *settings : loader->settings);
    }
    pthread_mutex_unlock(&loader->jobs);
}

/* ---- Construction ---- */

bsm_status bsm_loader_init(bsm_loader *loader, size_t sample_rate, size_t max_block,
                           const char *bundle, LV2_Log_Logger *log, bsm_error *error)
{
    bsm_stream_options options = options_of(default_settings);
    options.sample_rate = sample_rate;
    options.max_block = max_block;
    options.max_latency = latencies[BSM_LOOKAHEAD_HIGH];
    *loader = (bsm_loader){.settings = default_settings, .rate = sample_rate, .log = log};
    pthread_mutex_init(&loader->jobs, NULL);
    pthread_mutex_init(&loader->facts, NULL);
    snprintf(loader->default_path, sizeof loader->default_path, "%sdefault.safetensors", bundle);
    bsm_status status = bsm_stream_new(NULL, &options, &loader->stream, error);
    if (status) {
        bsm_loader_free(loader);
        return status;
    }
    announce_none(loader);
    return BSM_OK;
}

void bsm_loader_free(bsm_loader *loader)
{
    bsm_stream_free(loader->stream);
    bsm_model_free(loader->model);
    pthread_mutex_destroy(&loader->facts);
    pthread_mutex_destroy(&loader->jobs);
}
