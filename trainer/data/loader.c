/* SPDX-License-Identifier: ISC */
/* Worker threads that make examples ahead of the step, and their queue. */
#include "data/loader.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/team.h"
#include "data/mix.h"

/** A slot of the queue: the k-th example that this process requests goes to slot k mod the number
 *  of slots. */
typedef struct place {
    bsm_example *example;
    bool ready;
    bsm_status status;
    bsm_error error;
} place;

typedef struct worker {
    bsm_data_loader *loader;
    bsm_mixer *mixer;
    pthread_t thread;
} worker;

struct bsm_data_loader {
    bsm_loader_options options;
    bsm_data_options data;
    bsm_config model;
    bsm_report report;
    bsm_library *library;
    uint64_t first; /* the next example of this process */
    size_t num_places, num_workers, num_started;
    place *places;
    worker *workers;

    pthread_mutex_t lock;       /* guards the following, and each slot's `ready` */
    pthread_cond_t made, taken; /* an example is ready; a slot is free again */
    uint64_t next_made;         /* the k that the next free worker makes */
    uint64_t next_taken;        /* the k that _next returns */
    uint64_t released;          /* the slots of all smaller k are free again */
    bool stopping;
    double seconds_waited;
};

/* One slot for the example in use and one for an example that is ready, beside those in
 * progress. */
static size_t places_for(size_t workers)
{
    return workers + 2;
}

size_t bsm_loader_bytes(const bsm_data_options *data, const bsm_loader_options *options)
{
    const size_t planes = options->model->channels * options->samples * sizeof(float);
    const size_t example = (1 + options->model->num_stems) * planes;
    /* For each source, the audio that was read, what it was resampled from, and the changed
     * audio. */
    const size_t per_worker = (2 * data->num_sources + 1) * planes;
    return places_for(options->workers) * example + options->workers * per_worker;
}

/* ---- Workers ---- */

/* Get the k to make next; false if the loader stops. */
static bool take_number(bsm_data_loader *loader, uint64_t *k)
{
    pthread_mutex_lock(&loader->lock);
    while (!loader->stopping && loader->next_made >= loader->released + loader->num_places) {
        pthread_cond_wait(&loader->taken, &loader->lock);
    }
    *k = loader->next_made;
    const bool go_on = !loader->stopping;
    loader->next_made += go_on;
    pthread_mutex_unlock(&loader->lock);
    return go_on;
}

static void *run_worker(void *user)
{
    worker *w = user;
    bsm_data_loader *loader = w->loader;
    for (uint64_t k; take_number(loader, &k);) {
        place *p = &loader->places[k % loader->num_places];
        p->status = bsm_mixer_make(w->mixer, loader->first + k * loader->options.processes,
                                   p->example, &p->error);
        pthread_mutex_lock(&loader->lock);
        p->ready = true;
        pthread_cond_broadcast(&loader->made);
        pthread_mutex_unlock(&loader->lock);
    }
    return NULL;
}

static bsm_status start_workers(bsm_data_loader *loader, bsm_error *error)
{
    int failed = 0;
    while (loader->num_started < loader->num_workers && !failed) {
        worker *w = &loader->workers[loader->num_started];
        failed = bsm_quiet_thread(&w->thread, run_worker, w);
        loader->num_started += !failed;
    }
    return failed ? bsm_fail(error, BSM_NO_MEMORY, "training data: cannot start a thread: %s",
                             strerror(failed))
                  : BSM_OK;
}

/* ---- The loader ---- */

static bsm_status allocate(bsm_data_loader *loader, bsm_error *error)
{
    loader->num_workers = loader->options.workers;
    loader->num_places = places_for(loader->num_workers);
    loader->places = calloc(loader->num_places, sizeof *loader->places);
    loader->workers = calloc(loader->num_workers, sizeof *loader->workers);
    bool complete = loader->places && loader->workers;
    for (size_t i = 0; complete && i < loader->num_places; i++) {
        loader->places[i].example = bsm_example_new(&loader->model, loader->options.samples);
        complete = loader->places[i].example;
    }
    return complete ? BSM_OK
                    : bsm_fail(error, BSM_NO_MEMORY,
                               "training data: out of memory for %zu examples of %zu samples",
                               loader->num_places, loader->options.samples);
}

static bsm_status make_mixers(bsm_data_loader *loader, bsm_error *error)
{
    const bsm_mix_options mix = {&loader->data,   &loader->model,       loader->library,
                                 &loader->report, loader->options.seed, loader->options.samples};
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < loader->num_workers && !status; i++) {
        loader->workers[i].loader = loader;
        status = bsm_mixer_new(&mix, &loader->workers[i].mixer, error);
    }
    return status;
}

/* The first example from `first` on that belongs to this process. */
static uint64_t first_of_process(const bsm_loader_options *o)
{
    const uint64_t rest = o->first % o->processes;
    return o->first + (o->process + o->processes - rest) % o->processes;
}

static bsm_data_loader *new_empty(const bsm_data_options *data, const bsm_loader_options *options,
                                  bsm_loader_log *log, void *user)
{
    bsm_data_loader *loader = calloc(1, sizeof *loader);
    if (loader) {
        loader->options = *options;
        loader->data = *data;
        loader->model = *options->model;
        loader->first = first_of_process(options);
        loader->report.log = log;
        loader->report.user = user;
        pthread_mutex_init(&loader->report.lock, NULL);
        pthread_mutex_init(&loader->lock, NULL);
        pthread_cond_init(&loader->made, NULL);
        pthread_cond_init(&loader->taken, NULL);
    }
    return loader;
}

bsm_status bsm_loader_new(const bsm_data_options *data, const bsm_loader_options *options,
                          bsm_loader_log *log, void *user, bsm_data_loader **loader,
                          bsm_error *error)
{
    *loader = NULL;
    bsm_status status = bsm_loader_check(data, options, error);
    if (status) {
        return status;
    }
    bsm_data_loader *made = new_empty(data, options, log, user);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "training data: out of memory");
    }
    const double seconds = (double)options->samples / (double)options->model->sample_rate;
    status = allocate(made, error);
    if (!status) {
        status = bsm_library_new(&made->data, seconds, options->workers, &made->report,
                                 &made->library, error);
    }
    if (!status) {
        status = make_mixers(made, error);
    }
    if (!status) {
        status = start_workers(made, error);
    }
    if (status) {
        bsm_loader_free(made);
        return status;
    }
    *loader = made;
    return BSM_OK;
}

static void stop_workers(bsm_data_loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    loader->stopping = true;
    pthread_cond_broadcast(&loader->taken);
    pthread_mutex_unlock(&loader->lock);
    for (size_t i = 0; i < loader->num_started; i++) {
        pthread_join(loader->workers[i].thread, NULL);
    }
}

void bsm_loader_free(bsm_data_loader *loader)
{
    if (!loader) {
        return;
    }
    stop_workers(loader);
    for (size_t i = 0; loader->workers && i < loader->num_workers; i++) {
        bsm_mixer_free(loader->workers[i].mixer);
    }
    for (size_t i = 0; loader->places && i < loader->num_places; i++) {
        bsm_example_free(loader->places[i].example, &loader->model);
    }
    bsm_library_free(loader->library);
    free(loader->workers);
    free(loader->places);
    pthread_cond_destroy(&loader->taken);
    pthread_cond_destroy(&loader->made);
    pthread_mutex_destroy(&loader->lock);
    pthread_mutex_destroy(&loader->report.lock);
    free(loader);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bsm_status bsm_loader_next(bsm_data_loader *loader, const bsm_example **example, bsm_error *error)
{
    pthread_mutex_lock(&loader->lock);
    place *p = &loader->places[loader->next_taken % loader->num_places];
    loader->released = loader->next_taken;
    pthread_cond_broadcast(&loader->taken);
    if (!p->ready) {
        const double begun = now();
        while (!p->ready) {
            pthread_cond_wait(&loader->made, &loader->lock);
        }
        loader->seconds_waited += now() - begun;
    }
    p->ready = false;
    loader->next_taken++;
    pthread_mutex_unlock(&loader->lock);
    *example = p->example;
    return p->status ? bsm_fail(error, p->status, "%s", p->error.message) : BSM_OK;
}

bsm_loader_stats bsm_loader_get_stats(bsm_data_loader *loader)
{
    bsm_loader_stats stats = {.files_skipped = bsm_report_count(&loader->report),
                              .tracks = loader->library->num_tracks,
                              .segments = loader->library->num_segments};
    pthread_mutex_lock(&loader->lock);
    stats.seconds_waited = loader->seconds_waited;
    pthread_mutex_unlock(&loader->lock);
    return stats;
}
