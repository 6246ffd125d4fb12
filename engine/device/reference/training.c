/* SPDX-License-Identifier: ISC */
/* Training on the reference device: the paths, and the function table. Each thread has a fixed
 * share of the sequences and its own sums, which are added in the threads' order, so that the same
 * number of threads gives the same bits. */
#include <string.h>

#include "base/team.h"
#include "device/reference/space.h"

/* The sequences that a path runs along. */
typedef struct sequences {
    bsm_reference_path path;
    size_t count;
    size_t next, step; /* floats from one sequence to the next, and from step to step */
    size_t kept;       /* where the path's input is in space->kept */
} sequences;

static sequences sequences_of(const bsm_reference_space *space, size_t layer, bsm_axis axis)
{
    const bsm_host *host = &space->host;
    size_t dim = host->config.dim, bands = host->config.num_bands, frames = host->frames;
    bool time = axis == BSM_ALONG_TIME;
    uint64_t key = host->item->dropout_key;
    return (sequences){
        .path = {.config = &host->config,
                 .weights = time ? &host->weights->time[layer] : &host->weights->band[layer],
                 .length = time ? frames : bands,
                 .dropout = {.p = host->options.dropout,
                             .forward_key = bsm_dropout_key(key, layer, axis, false),
                             .backward_key = bsm_dropout_key(key, layer, axis, true)}},
        .count = time ? bands : frames,
        .next = time ? frames * dim : dim,
        .step = time ? dim : frames * dim,
        .kept = (2 * layer + (time ? 0 : 1)) * bands * frames * dim};
}

/* The path for sequence `index`. */
static bsm_reference_path path_of(const sequences *s, size_t index)
{
    bsm_reference_path path = s->path;
    path.dropout.sequence = index;
    return path;
}

static void run_sequence(const bsm_reference_space *space, const bsm_reference_thread *thread,
                         const sequences *s, size_t index)
{
    size_t dim = space->host.config.dim;
    float *x = space->x + index * s->next;
    bsm_reference_path path = path_of(s, index);
    for (size_t t = 0; t < path.length; t++) {
        memcpy(thread->x + t * dim, x + t * s->step, dim * sizeof *x);
    }
    bsm_reference_path_forward(&path, thread->x, &thread->path, thread->y);
    for (size_t t = 0; t < path.length; t++) {
        memcpy(x + t * s->step, thread->y + t * dim, dim * sizeof *x);
    }
}

static void run_sequence_backward(const bsm_reference_space *space,
                                  const bsm_reference_thread *thread, const sequences *s,
                                  size_t index)
{
    size_t dim = space->host.config.dim;
    const float *x = space->kept + s->kept + index * s->next;
    double *dx = space->dx + index * s->next;
    bsm_reference_path path = path_of(s, index);
    bsm_reference_gradients gradients = {path.weights->forward.norm, thread->gradients};
    for (size_t t = 0; t < path.length; t++) {
        memcpy(thread->x + t * dim, x + t * s->step, dim * sizeof *x);
        memcpy(thread->dy + t * dim, dx + t * s->step, dim * sizeof *dx);
    }
    memset(thread->dx, 0, path.length * dim * sizeof *thread->dx);
    bsm_reference_path_backward(&path, thread->x, thread->dy, &thread->path, thread->dx,
                                &gradients);
    for (size_t t = 0; t < path.length; t++) {
        memcpy(dx + t * s->step, thread->dx + t * dim, dim * sizeof *dx);
    }
}

/* The sequences of the path that is being computed. */
typedef struct path_work {
    const bsm_reference_space *space;
    const sequences *sequences;
    size_t weights; /* of the path */
} path_work;

static void run_shares(void *job, size_t thread, bsm_region *region)
{
    (void)thread;
    const path_work *w = job;
    const bsm_reference_space *space = w->space;
    for (size_t i; bsm_region_next(region, &i);) {
        for (size_t index = i; index < w->sequences->count; index += space->host.options.threads) {
            run_sequence(space, &space->threads[i], w->sequences, index);
        }
    }
}

static void run_shares_backward(void *job, size_t thread, bsm_region *region)
{
    (void)thread;
    const path_work *w = job;
    const bsm_reference_space *space = w->space;
    for (size_t i; bsm_region_next(region, &i);) {
        bsm_reference_clear_gradients(&space->threads[i], w->weights);
        for (size_t index = i; index < w->sequences->count; index += space->host.options.threads) {
            run_sequence_backward(space, &space->threads[i], w->sequences, index);
        }
    }
}

static bsm_status train_path(void *opaque, size_t layer, bsm_axis axis, bsm_error *error)
{
    (void)error;
    const bsm_reference_space *space = opaque;
    size_t threads = space->host.options.threads;
    sequences s = sequences_of(space, layer, axis);
    memcpy(space->kept + s.kept, space->x,
           s.count * s.path.length * space->host.config.dim * sizeof *space->x);
    bsm_team_run(threads, threads, run_shares, &(path_work){.space = space, .sequences = &s});
    return BSM_OK;
}

static bsm_status train_path_backward(void *opaque, size_t layer, bsm_axis axis, bsm_error *error)
{
    (void)error;
    const bsm_reference_space *space = opaque;
    size_t threads = space->host.options.threads;
    sequences s = sequences_of(space, layer, axis);
    const float *first = s.path.weights->forward.norm;
    size_t weights = (size_t)(s.path.weights->merge_bias + space->host.config.dim - first);
    bsm_team_run(threads, threads, run_shares_backward, &(path_work){space, &s, weights});
    bsm_reference_add_gradients(space, space->threads, threads, first, weights);
    return BSM_OK;
}

const bsm_training_device bsm_reference_training = {
    .plan = bsm_reference_plan,
    .space_new = bsm_reference_space_new,
    .space_free = bsm_reference_space_free,
    .read = bsm_host_read,
    .write = bsm_host_write,
    .load = bsm_host_load,
    .band_split = bsm_reference_train_band_split,
    .path = train_path,
    .mask = bsm_reference_train_mask,
    .loss = bsm_host_loss,
    .mask_backward = bsm_reference_train_mask_backward,
    .path_backward = train_path_backward,
    .band_split_backward = bsm_reference_train_band_split_backward,
    .norm = bsm_host_norm,
    .update = bsm_host_update,
};
