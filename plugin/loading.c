/* SPDX-License-Identifier: ISC */
#include "loading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ports.h"

static const double latencies[BSM_NUM_LOOKAHEADS] = {0.3, 0.8, 2.0}; /* seconds, wished */
static const bsm_device_kind devices[BSM_NUM_CHOICES] = {BSM_DEVICE_AUTO, BSM_DEVICE_CPU,
                                                         BSM_DEVICE_CUDA};
static const bsm_precision precisions[BSM_NUM_PRECISIONS] = {
    [BSM_CHOICE_FLOAT32] = BSM_PRECISION_FLOAT32,
    [BSM_CHOICE_TF32] = BSM_PRECISION_TF32,
    [BSM_CHOICE_BFLOAT16] = BSM_PRECISION_BFLOAT16,
    [BSM_CHOICE_INT8] = BSM_PRECISION_INT8,
};
static const bsm_settings default_settings = {BSM_LOOKAHEAD_NORMAL, BSM_CHOICE_AUTO,
                                              BSM_CHOICE_FLOAT32};

/* ---- Deliveries ---- */

void bsm_delivery_free(bsm_delivery *delivery)
{
    if (delivery) {
        bsm_stream_free(delivery->stream);
        bsm_stream_free(delivery->retired);
        free(delivery);
    }
}

bsm_delivery *bsm_loader_take(bsm_loader *loader)
{
    if (!atomic_load_explicit(&loader->incoming, memory_order_relaxed)) {
        return NULL;
    }
    return atomic_exchange(&loader->incoming, NULL);
}

void bsm_loader_discard(bsm_loader *loader, bsm_delivery *delivery)
{
    delivery->next = atomic_load(&loader->discarded);
    while (!atomic_compare_exchange_weak(&loader->discarded, &delivery->next, delivery)) {
    }
}

void bsm_loader_collect(bsm_loader *loader)
{
    bsm_delivery *delivery = atomic_exchange(&loader->discarded, NULL);
    while (delivery) {
        bsm_delivery *next = delivery->next;
        bsm_delivery_free(delivery);
        delivery = next;
    }
}

/* One that run() has not taken is superseded, but its stream is still to be delivered. */
static void deliver(bsm_loader *loader, bsm_delivery *delivery)
{
    bsm_delivery *missed = atomic_exchange(&loader->incoming, NULL);
    if (missed && !delivery->stream) {
        delivery->stream = missed->stream;
        missed->stream = NULL;
    }
    bsm_delivery_free(missed);
    pthread_mutex_lock(&loader->facts);
    const char *playing = loader->model ? bsm_model_path(loader->model) : "";
    snprintf(delivery->model, sizeof delivery->model, "%s",
             *loader->wanted ? loader->wanted : playing);
    memcpy(loader->status, delivery->status, sizeof loader->status);
    pthread_mutex_unlock(&loader->facts);
    atomic_store(&loader->incoming, delivery);
}

static void announce(bsm_loader *loader, bsm_delivery *delivery, const char *what, const char *text)
{
    snprintf(delivery->status, sizeof delivery->status, "%s: %.600s", what, text);
    deliver(loader, delivery);
}

static void announce_loading(bsm_loader *loader, const char *path)
{
    bsm_delivery *delivery = calloc(1, sizeof *delivery);
    if (delivery) { /* else the host just does not hear of it */
        announce(loader, delivery, "loading", path);
    }
}

/* ---- Facts ---- */

void bsm_loader_get_wanted(bsm_loader *loader, char *path)
{
    pthread_mutex_lock(&loader->facts);
    memcpy(path, loader->wanted, sizeof loader->wanted);
    pthread_mutex_unlock(&loader->facts);
}

bool bsm_stopped_status(const bsm_stream *stream, char *status)
{
    static const char before[] = "failed: ", after[] = "; the sound passes dry";
    char *line = status + sizeof before - 1;
    if (!bsm_stream_failure(stream, line, BSM_STATUS_SIZE - sizeof before - sizeof after)) {
        return false;
    }
    memcpy(status, before, sizeof before - 1);
    memcpy(line + strlen(line), after, sizeof after);
    return true;
}

/* Nobody frees `newest` while `jobs` is held. Who holds it else is loading. */
void bsm_loader_get_status(bsm_loader *loader, char *status)
{
    bool stopped = false;
    if (!pthread_mutex_trylock(&loader->jobs)) {
        stopped = bsm_stopped_status(loader->newest, status);
        pthread_mutex_unlock(&loader->jobs);
    }
    if (!stopped) {
        pthread_mutex_lock(&loader->facts);
        memcpy(status, loader->status, sizeof loader->status);
        pthread_mutex_unlock(&loader->facts);
    }
}

static void set_wanted(bsm_loader *loader, const char *path)
{
    pthread_mutex_lock(&loader->facts);
    snprintf(loader->wanted, sizeof loader->wanted, "%s", path);
    pthread_mutex_unlock(&loader->facts);
}

/* NULL: there is none. */
static const char *default_path(const bsm_loader *loader)
{
    const char *path = getenv("BSM_MODEL");
    if (path && *path) {
        return path;
    }
    return access(loader->default_path, F_OK) == 0 ? loader->default_path : NULL;
}

/* ---- Streams ---- */

static bsm_status open_stream(bsm_loader *loader, bsm_model *model, bsm_settings settings,
                              bsm_delivery *delivery, bsm_error *error)
{
    bsm_stream_options options = {.sample_rate = loader->sample_rate,
                                  .max_block = loader->max_block,
                                  .latency = latencies[settings.lookahead],
                                  .device = devices[settings.device],
                                  .precision = precisions[settings.precision]};
    bsm_status status = bsm_stream_new(model, &options, &delivery->stream, error);
    if (!status) {
        loader->newest = delivery->stream;
        loader->settings = settings;
    }
    return status;
}

/* In the stream that plays if it has these settings, else in a new one. */
static bsm_status install(bsm_loader *loader, bsm_model *model, bsm_settings settings,
                          bsm_delivery *delivery, bsm_error *error)
{
    bool same = bsm_settings_equal(settings, loader->settings);
    bsm_status status = same ? bsm_stream_set(loader->newest, model, NULL, error) : BSM_UNSUPPORTED;
    /* A stream has no room for a model of a much longer latency than its first one's. */
    if (status == BSM_UNSUPPORTED) {
        status = open_stream(loader, model, settings, delivery, error);
    }
    if (!status) {
        bsm_model *old = loader->model;
        loader->model = model ? bsm_model_ref(model) : NULL;
        bsm_model_free(old);
    }
    return status;
}

static void announce_ready(bsm_loader *loader, bsm_delivery *delivery)
{
    char device[128], text[BSM_STATUS_SIZE];
    bsm_stream_device_name(loader->newest, device, sizeof device);
    const char *path = bsm_model_path(loader->model), *slash = strrchr(path, '/');
    snprintf(text, sizeof text, "%.400s on %s", slash ? slash + 1 : path, device);
    announce(loader, delivery, "ready", text);
}

static void announce_failure(bsm_loader *loader, bsm_delivery *delivery, const bsm_error *error)
{
    if (loader->log) {
        lv2_log_error(loader->log, "bsm: %s\n", error->message);
    }
    announce(loader, delivery, "failed", error->message);
}

static void announce_none(bsm_loader *loader, bsm_delivery *delivery)
{
    announce(loader, delivery, "no model",
             "none is installed: choose a model file (the README says where to get them); until "
             "then the sound passes dry");
}

static bsm_status open_and_install(bsm_loader *loader, const char *path, bsm_settings settings,
                                   bsm_delivery *delivery, bsm_error *error)
{
    bsm_model *model = NULL;
    announce_loading(loader, path);
    bsm_status status = bsm_model_open(path, NULL, &model, error);
    if (!status) {
        status = install(loader, model, settings, delivery, error);
    }
    bsm_model_free(model);
    return status;
}

/* ---- Jobs ---- */

static bsm_delivery *new_delivery(bsm_loader *loader)
{
    bsm_delivery *delivery = calloc(1, sizeof *delivery);
    if (!delivery && loader->log) {
        lv2_log_error(loader->log, "bsm: no memory\n");
    }
    return delivery;
}

/* Why the wanted model does not play, and what does. */
static void announce_substitute(bsm_loader *loader, bsm_delivery *delivery, const bsm_error *error)
{
    bsm_error both = *error;
    const char *path = loader->model ? bsm_model_path(loader->model) : NULL;
    if (path) {
        bsm_fail(&both, error->status, "%.400s; instead plays %.100s", error->message, path);
    }
    announce_failure(loader, delivery, &both);
}

/* The default model in place of the wanted one, which may have failed with `error`. */
static void play_default(bsm_loader *loader, bsm_settings settings, bsm_delivery *delivery,
                         const bsm_error *error)
{
    bsm_error own = {0}, last = {0};
    const char *path = default_path(loader);
    bool plays = path && !open_and_install(loader, path, settings, delivery, &own);
    if (!plays && install(loader, NULL, settings, delivery, &last) && !own.status) {
        own = last;
    }
    if (error->status || own.status) {
        announce_substitute(loader, delivery, error->status ? error : &own);
    } else if (plays) {
        loader->as_wanted = true;
        announce_ready(loader, delivery);
    } else {
        announce_none(loader, delivery);
    }
}

static void play_wanted(bsm_loader *loader, bsm_settings settings, bsm_delivery *delivery)
{
    char path[BSM_PATH_SIZE];
    bsm_error error = {0};
    loader->tried = true;
    bsm_loader_get_wanted(loader, path);
    loader->as_wanted = *path && !open_and_install(loader, path, settings, delivery, &error);
    if (loader->as_wanted) {
        announce_ready(loader, delivery);
    } else {
        play_default(loader, settings, delivery, &error);
    }
}

/* With the model that plays. Where the settings cannot be had, nothing plays, so that it shows. */
static void change_settings(bsm_loader *loader, bsm_settings settings, bsm_delivery *delivery)
{
    bsm_error error = {0}, last;
    announce_loading(loader, bsm_model_path(loader->model));
    if (!install(loader, loader->model, settings, delivery, &error)) {
        announce_ready(loader, delivery);
        return;
    }
    if (install(loader, NULL, settings, delivery, &last)) {
        error = last; /* and what played plays on */
    }
    loader->as_wanted = false;
    announce_failure(loader, delivery, &error);
}

void bsm_loader_apply(bsm_loader *loader, bsm_settings settings)
{
    pthread_mutex_lock(&loader->jobs);
    bool same = bsm_settings_equal(settings, loader->settings);
    bsm_delivery *delivery = NULL;
    if ((!same || !loader->tried) && (delivery = new_delivery(loader))) {
        if (loader->model) {
            change_settings(loader, settings, delivery);
        } else { /* another device may be able to play it */
            play_wanted(loader, settings, delivery);
        }
    }
    pthread_mutex_unlock(&loader->jobs);
}

void bsm_loader_choose(bsm_loader *loader, const char *path)
{
    pthread_mutex_lock(&loader->jobs);
    bsm_error error = {0};
    bsm_delivery *delivery = new_delivery(loader);
    if (delivery && !*path) {
        set_wanted(loader, path);
        play_wanted(loader, loader->settings, delivery);
    } else if (delivery) {
        if (open_and_install(loader, path, loader->settings, delivery, &error)) {
            announce_failure(loader, delivery, &error);
        } else {
            set_wanted(loader, path);
            loader->tried = loader->as_wanted = true;
            announce_ready(loader, delivery);
        }
    }
    pthread_mutex_unlock(&loader->jobs);
}

void bsm_loader_restore(bsm_loader *loader, const char *path)
{
    char before[BSM_PATH_SIZE];
    pthread_mutex_lock(&loader->jobs);
    bsm_loader_get_wanted(loader, before);
    set_wanted(loader, path);
    bool plays = loader->as_wanted && !strcmp(path, before);
    bsm_delivery *delivery = plays ? NULL : new_delivery(loader);
    if (delivery) {
        play_wanted(loader, loader->settings, delivery);
    }
    pthread_mutex_unlock(&loader->jobs);
}

/* ---- Life ---- */

bsm_status bsm_loader_init(bsm_loader *loader, size_t sample_rate, size_t max_block,
                           const char *bundle, LV2_Log_Logger *log, bsm_error *error)
{
    *loader = (bsm_loader){.sample_rate = sample_rate, .max_block = max_block, .log = log};
    pthread_mutex_init(&loader->jobs, NULL);
    pthread_mutex_init(&loader->facts, NULL);
    snprintf(loader->default_path, sizeof loader->default_path, "%sdefault.safetensors", bundle);
    bsm_delivery *delivery = new_delivery(loader);
    bsm_status status =
        delivery ? open_stream(loader, NULL, default_settings, delivery, error)
                 : bsm_fail(error, BSM_NO_MEMORY, "no memory for an instance of the plugin");
    if (status) {
        bsm_delivery_free(delivery);
        bsm_loader_free(loader);
        return status;
    }
    announce_none(loader, delivery);
    return BSM_OK;
}

void bsm_loader_free(bsm_loader *loader)
{
    bsm_loader_collect(loader);
    bsm_delivery_free(atomic_exchange(&loader->incoming, NULL));
    bsm_model_free(loader->model);
    pthread_mutex_destroy(&loader->facts);
    pthread_mutex_destroy(&loader->jobs);
}
