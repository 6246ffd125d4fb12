/* SPDX-License-Identifier: ISC */
/* The path of one sequence: both mixers and their merge. */
#include "device/reference/space.h"

#include <string.h>

#include "device/host/host.h"

bsm_reference_path_memory bsm_reference_path_carve(const bsm_config *config, size_t length,
                                                   bsm_carver *carver)
{
    size_t state = bsm_reference_state_size(config);
    size_t scratch = bsm_reference_step_backward_size(config);
    bsm_reference_path_memory m;
    m.forward = bsm_carve_floats(carver, length * config->dim);
    m.backward = bsm_carve_floats(carver, length * config->dim);
    m.values = bsm_carve_floats(carver, length * bsm_reference_step_size(config));
    m.states = bsm_carve_floats(carver, (length + 1) * state);
    m.dout = bsm_carve(carver, length * config->dim * sizeof *m.dout);
    m.dstate = bsm_carve(carver, state * sizeof *m.dstate);
    m.scratch = bsm_carve(carver, scratch * sizeof *m.scratch);
    return m;
}

/* One of the two mixers: its weights, its half of the merge, and its direction. */
typedef struct direction {
    const bsm_mixer_weights *weights;
    const float *merge;
    bool backward;
    uint64_t dropout_key;
} direction;

static direction forward_direction(const bsm_reference_path *path)
{
    return (direction){.weights = &path->weights->forward,
                       .merge = path->weights->merge_weight,
                       .dropout_key = path->dropout.forward_key};
}

static direction backward_direction(const bsm_reference_path *path)
{
    size_t dim = path->config->dim;
    return (direction){.weights = &path->weights->backward,
                       .merge = path->weights->merge_weight + dim * dim,
                       .backward = true,
                       .dropout_key = path->dropout.backward_key};
}

/* Where in the sequence a mixer's n-th step is. */
static size_t position(const bsm_reference_path *path, const direction *d, size_t n)
{
    return d->backward ? path->length - 1 - n : n;
}

static float dropout_factor(const bsm_reference_path *path, const direction *d, size_t index)
{
    uint64_t first = path->dropout.sequence * path->length * path->config->dim;
    return path->dropout.p > 0 ? bsm_dropout_factor(d->dropout_key, first + index, path->dropout.p)
                               : 1.0f;
}

/* out = dropout(M(n(x))); keeps the values and states of all steps in memory. */
static void run_mixer(const bsm_reference_path *path, const direction *d, const float *x,
                      const bsm_reference_path_memory *memory, float *out)
{
    const bsm_config *config = path->config;
    size_t dim = config->dim, size = bsm_reference_step_size(config);
    size_t state = bsm_reference_state_size(config);
    memset(memory->states, 0, state * sizeof *memory->states);
    for (size_t n = 0; n < path->length; n++) {
        size_t t = position(path, d, n);
        float *before = memory->states + n * state, *after = before + state;
        memcpy(after, before, state * sizeof *after);
        bsm_reference_mixer_step(config, d->weights, x + t * dim, after, memory->values + n * size,
                                 out + t * dim);
    }
    for (size_t i = 0; i < path->length * dim; i++) {
        out[i] *= dropout_factor(path, d, i);
    }
}

void bsm_reference_path_forward(const bsm_reference_path *path, const float *x,
                                const bsm_reference_path_memory *memory, float *y)
{
    direction forward = forward_direction(path), backward = backward_direction(path);
    size_t dim = path->config->dim;
    run_mixer(path, &forward, x, memory, memory->forward);
    run_mixer(path, &backward, x, memory, memory->backward);
    for (size_t i = 0; i < path->length * dim; i += dim) {
        bsm_reference_merge(dim, path->weights, memory->forward + i, memory->backward + i, x + i,
                            y + i);
    }
}

/* From memory->dout, which is w.r.t. the mixer's output before dropout, through the steps that
 * run_mixer kept. */
static void mixer_backward(const bsm_reference_path *path, const direction *d, const float *x,
                           const bsm_reference_path_memory *memory, double *dx,
                           const bsm_reference_gradients *gradients)
{
    const bsm_config *config = path->config;
    size_t dim = config->dim, size = bsm_reference_step_size(config);
    size_t state = bsm_reference_state_size(config);
    memset(memory->dstate, 0, state * sizeof *memory->dstate);
    for (size_t n = path->length; n-- > 0;) {
        size_t t = position(path, d, n);
        bsm_reference_kept_step kept = {
            .values = bsm_reference_step_at(config, memory->values + n * size),
            .x = x + t * dim,
            .before = memory->states + n * state,
            .after = memory->states + (n + 1) * state};
        bsm_reference_mixer_step_backward(config, d->weights, &kept, memory->dout + t * dim,
                                          memory->scratch, memory->dstate, dx + t * dim, gradients);
    }
}

static void direction_backward(const bsm_reference_path *path, const direction *d, const float *x,
                               const double *dy, const bsm_reference_path_memory *memory,
                               double *dx, const bsm_reference_gradients *gradients)
{
    size_t dim = path->config->dim, size = path->length * dim;
    float *out = memory->forward;
    run_mixer(path, d, x, memory, out);
    memset(memory->dout, 0, size * sizeof *memory->dout);
    for (size_t i = 0; i < size; i += dim) {
        bsm_reference_merge_half_backward(dim, d->merge, out + i, x + i, dy + i, memory->dout + i,
                                          dx + i, bsm_reference_gradient(gradients, d->merge));
    }
    for (size_t i = 0; i < size; i++) {
        memory->dout[i] *= (double)dropout_factor(path, d, i);
    }
    mixer_backward(path, d, x, memory, dx, gradients);
}

void bsm_reference_path_backward(const bsm_reference_path *path, const float *x, const double *dy,
                                 const bsm_reference_path_memory *memory, double *dx,
                                 const bsm_reference_gradients *gradients)
{
    direction forward = forward_direction(path), backward = backward_direction(path);
    size_t dim = path->config->dim;
    double *dbias = bsm_reference_gradient(gradients, path->weights->merge_bias);
    for (size_t i = 0; i < path->length * dim; i++) {
        dx[i] += dy[i]; /* the residual connection */
        dbias[i % dim] += dy[i];
    }
    direction_backward(path, &forward, x, dy, memory, dx, gradients);
    direction_backward(path, &backward, x, dy, memory, dx, gradients);
}
