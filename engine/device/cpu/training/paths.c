/* SPDX-License-Identifier: ISC */
/* The dual paths forward and backward, group by group. */
#include <math.h>
#include <string.h>

#include "device/cpu/matrix.h"
#include "device/cpu/training/mixer.h"
#include "device/cpu/training/products.h"
#include "device/cpu/workspace.h"

/* The path that is being computed. */
typedef struct path {
    bsm_cpu_training_space *space;
    size_t index; /* 2 layer + axis */
    bsm_axis axis;
    const bsm_path_weights *weights;
    const bsm_grouping *grouping;
    bsm_cpu_training_mixer mixers[2];
} path;

/* ---- Preparation ---- */

static bsm_cpu_training_mixer mixer_of(const path *p, size_t layer, bool reversed)
{
    const bsm_cpu_training_space *space = p->space;
    const bsm_mixer_weights *weights = reversed ? &p->weights->backward : &p->weights->forward;
    return (bsm_cpu_training_mixer){
        .config = &space->host.config,
        .kernels = space->kernels,
        .weights = weights,
        .conv_weight = space->conv_weight[reversed],
        .A = space->A[reversed],
        .reversed = reversed,
        .dropout = space->host.options.dropout,
        .dropout_key = bsm_dropout_key(space->host.item->dropout_key, layer, p->axis, reversed)};
}

/* Convert those weights that the mixer needs in another form than the checkpoint's. */
static void turn_weights(bsm_cpu_training_space *space, const bsm_mixer_weights *w, bool reversed)
{
    const bsm_config *config = &space->host.config;
    bsm_cpu_transpose(bsm_config_conv_dim(config), config->d_conv, w->conv_weight,
                      space->conv_weight[reversed]);
    for (size_t h = 0; h < bsm_config_heads(config); h++) {
        space->A[reversed][h] = (float)-exp((double)w->A_log[h]);
    }
}

static path prepare(bsm_cpu_training_space *space, size_t layer, bsm_axis axis)
{
    const bsm_weights *weights = space->host.weights;
    path p = {.space = space,
              .index = 2 * layer + (axis == BSM_ALONG_BANDS),
              .axis = axis,
              .weights = axis == BSM_ALONG_TIME ? &weights->time[layer] : &weights->band[layer],
              .grouping = &space->grouping[axis == BSM_ALONG_BANDS]};
    for (int d = 0; d < 2; d++) {
        p.mixers[d] = mixer_of(&p, layer, d == 1);
        turn_weights(space, p.mixers[d].weights, d == 1);
    }
    return p;
}

static bsm_group group_at(const bsm_grouping *grouping, size_t index)
{
    bsm_group group = {.first = index * grouping->sequences / grouping->groups,
                       .length = grouping->length};
    group.sequences = (index + 1) * grouping->sequences / grouping->groups - group.first;
    group.rows = group.sequences * group.length;
    return group;
}

/* The values that are kept of a group. */
static bsm_kept_path kept_of(const path *p, const bsm_group_scratch *scratch,
                             const bsm_group *group)
{
    const bsm_config *config = &p->space->host.config;
    if (!p->space->kept) {
        return scratch->kept;
    }
    size_t row = group->first * group->length;
    bsm_kept_path kept = p->space->kept[p->index];
    kept.pair += row * 2 * config->dim;
    for (size_t d = 0; d < 2; d++) {
        kept.directions[d].projected += row * bsm_cpu_training_projected(config);
        kept.directions[d].y += row * bsm_config_d_inner(config);
        kept.directions[d].states += group->first * bsm_cpu_training_states(config, group->length);
    }
    return kept;
}

/* Where in [band][frame][dim], in floats, row r of the group lies. */
static size_t place_of(const path *p, const bsm_group *group, size_t r)
{
    const bsm_host *host = &p->space->host;
    size_t sequence = group->first + r / group->length, step = r % group->length;
    size_t band = p->axis == BSM_ALONG_TIME ? sequence : step;
    size_t frame = p->axis == BSM_ALONG_TIME ? step : sequence;
    return (band * host->frames + frame) * host->config.dim;
}

static void gather(const path *p, const bsm_group *group, const float *x, float *rows)
{
    size_t dim = p->space->host.config.dim;
    for (size_t r = 0; r < group->rows; r++) {
        memcpy(rows + r * dim, x + place_of(p, group, r), dim * sizeof *rows);
    }
}

static void scatter(const path *p, const bsm_group *group, const float *rows, float *x)
{
    size_t dim = p->space->host.config.dim;
    for (size_t r = 0; r < group->rows; r++) {
        memcpy(x + place_of(p, group, r), rows + r * dim, dim * sizeof *rows);
    }
}

/* ---- Forward ---- */

/* Everything up to the merge; scratch->x holds the input. */
static void run_directions(const path *p, bsm_group_scratch *scratch, const bsm_group *group,
                           const bsm_kept_path *kept)
{
    gather(p, group, bsm_cpu_training_x(p->space, p->index), scratch->x);
    for (size_t d = 0; d < 2; d++) {
        bsm_mixer_forward(&p->mixers[d], scratch, group, &kept->directions[d],
                          kept->pair + d * p->space->host.config.dim);
    }
}

static void forward_group(const path *p, bsm_cpu_training_thread *thread, const bsm_group *group)
{
    bsm_group_scratch *scratch = &thread->group;
    const bsm_kernels *kernels = p->space->kernels;
    size_t dim = p->space->host.config.dim;
    bsm_kept_path kept = kept_of(p, scratch, group);
    run_directions(p, scratch, group, &kept);
    kernels->add_bias(group->rows, dim, scratch->x, dim, p->weights->merge_bias);
    bsm_multiply(&scratch->products, group->rows, dim, 2 * dim, bsm_in(kept.pair, 2 * dim),
                 bsm_in(p->weights->merge_weight, dim), 1, bsm_out(scratch->x, dim));
    scatter(p, group, scratch->x, bsm_cpu_training_x(p->space, p->index + 1));
}

/* ---- Backward ---- */

/* Where the thread sums the gradient of a weight of the path; the first thread sums it in place. */
static float *gradient_of(const path *p, const bsm_cpu_training_thread *thread, const float *weight)
{
    return thread->gradients ? thread->gradients + (weight - p->weights->forward.norm)
                             : bsm_host_gradient(&p->space->host, weight);
}

static void merge_backward(const path *p, bsm_cpu_training_thread *thread, const bsm_group *group,
                           const bsm_kept_path *kept)
{
    bsm_group_scratch *scratch = &thread->group;
    const bsm_kernels *kernels = p->space->kernels;
    size_t dim = p->space->host.config.dim;
    bsm_const_matrix d_next = bsm_in(scratch->d_next, dim);
    kernels->backward->add_bias(group->rows, dim, scratch->d_next, dim, scratch->merge_bias);
    bsm_add_outer(&scratch->products, 2 * dim, dim, group->rows, bsm_in(kept->pair, 2 * dim),
                  d_next, bsm_out(gradient_of(p, thread, p->weights->merge_weight), dim));
    bsm_multiply_by_rows(&scratch->products, group->rows, 2 * dim, dim, d_next,
                         bsm_in(p->weights->merge_weight, dim), 0,
                         bsm_out(scratch->d_pair, 2 * dim));
    memcpy(scratch->d_x, scratch->d_next, group->rows * dim * sizeof(float));
}

static void add_mixer_sums(const path *p, const bsm_cpu_training_thread *thread, size_t direction)
{
    const bsm_config *config = &p->space->host.config;
    const bsm_mixer_sums *sums = &thread->group.mixers[direction];
    const bsm_cpu_training_mixer *mixer = &p->mixers[direction];
    const bsm_mixer_weights *w = mixer->weights;
    size_t heads = bsm_config_heads(config), conv_dim = bsm_config_conv_dim(config);
    void (*add)(size_t, const float *, float *) = p->space->kernels->backward->add;
    add(config->dim, sums->norm, gradient_of(p, thread, w->norm));
    add(conv_dim, sums->conv_bias, gradient_of(p, thread, w->conv_bias));
    add(heads, sums->dt_bias, gradient_of(p, thread, w->dt_bias));
    add(heads, sums->D, gradient_of(p, thread, w->D));
    add(bsm_config_d_inner(config), sums->gate_norm, gradient_of(p, thread, w->gate_norm));
    float *conv_weight = gradient_of(p, thread, w->conv_weight);
    for (size_t c = 0; c < conv_dim; c++) {
        for (size_t k = 0; k < config->d_conv; k++) {
            conv_weight[c * config->d_conv + k] += sums->conv_weight[k * conv_dim + c];
        }
    }
    float *A_log = gradient_of(p, thread, w->A_log);
    for (size_t h = 0; h < heads; h++) {
        A_log[h] += mixer->A[h] * sums->A[h]; /* A = -exp(A_log) is its own derivative */
    }
}

static void backward_group(const path *p, bsm_cpu_training_thread *thread, const bsm_group *group)
{
    bsm_group_scratch *scratch = &thread->group;
    size_t dim = p->space->host.config.dim;
    bsm_kept_path kept = kept_of(p, scratch, group);
    if (p->space->kept) {
        gather(p, group, bsm_cpu_training_x(p->space, p->index), scratch->x);
    } else {
        run_directions(p, scratch, group, &kept);
    }
    gather(p, group, p->space->d_x, scratch->d_next);
    memset(scratch->sums, 0, scratch->num_sums * sizeof *scratch->sums);
    merge_backward(p, thread, group, &kept);
    for (size_t d = 0; d < 2; d++) {
        const bsm_mixer_weights *w = p->mixers[d].weights;
        bsm_mixer_gradients gradients = {.in_proj = gradient_of(p, thread, w->in_proj),
                                         .out_proj = gradient_of(p, thread, w->out_proj),
                                         .sums = &scratch->mixers[d]};
        bsm_mixer_backward(&p->mixers[d], scratch, group, &kept.directions[d],
                           scratch->d_pair + d * dim, &gradients);
        add_mixer_sums(p, thread, d);
    }
    p->space->kernels->backward->add(dim, scratch->merge_bias,
                                     gradient_of(p, thread, p->weights->merge_bias));
    scatter(p, group, scratch->d_x, p->space->d_x);
}

enum { PIECE = 4096 };

/* Add the other threads' gradients to those of the first, in the order of the threads. */
static void add_piece(void *job, size_t thread, size_t piece)
{
    (void)thread;
    const path *p = job;
    const bsm_cpu_training_space *space = p->space;
    float *gradients = bsm_host_gradient(&space->host, p->weights->forward.norm);
    size_t first = piece * PIECE, rest = space->path_size - first;
    for (size_t t = 1; t < space->host.options.threads; t++) {
        space->kernels->backward->add(rest < PIECE ? rest : PIECE,
                                      space->threads[t].gradients + first, gradients + first);
    }
}

static void add_gradients(path *p)
{
    const size_t threads = p->space->host.options.threads;
    if (threads > 1) {
        bsm_cpu_run(threads, (p->space->path_size + PIECE - 1) / PIECE, add_piece, p);
    }
}

/* ---- Both passes ---- */

/* A function that works on each of the groups. */
typedef struct group_work {
    const path *path;
    void (*run)(const path *, bsm_cpu_training_thread *, const bsm_group *);
    bool clear_gradients;
} group_work;

/* Process the groups of the thread with this number, whichever thread really runs it. */
static void run_share(void *job, size_t really, size_t number)
{
    (void)really;
    const group_work *w = job;
    const bsm_cpu_training_space *space = w->path->space;
    const bsm_grouping *grouping = w->path->grouping;
    size_t threads = space->host.options.threads, groups = grouping->groups;
    bsm_cpu_training_thread *thread = &space->threads[number];
    if (w->clear_gradients && thread->gradients) {
        memset(thread->gradients, 0, space->path_size * sizeof(float));
    }
    for (size_t g = number * groups / threads; g < (number + 1) * groups / threads; g++) {
        bsm_group group = group_at(grouping, g);
        w->run(w->path, thread, &group);
    }
}

static void run_groups(group_work work)
{
    const size_t threads = work.path->space->host.options.threads;
    bsm_cpu_run(threads, threads, run_share, &work);
}

bsm_status bsm_cpu_training_path(void *space, size_t layer, bsm_axis axis, bsm_error *error)
{
    (void)error;
    path p = prepare(space, layer, axis);
    run_groups((group_work){&p, forward_group, false});
    return BSM_OK;
}

bsm_status bsm_cpu_training_path_backward(void *space, size_t layer, bsm_axis axis,
                                          bsm_error *error)
{
    (void)error;
    path p = prepare(space, layer, axis);
    run_groups((group_work){&p, backward_group, true});
    add_gradients(&p);
    return BSM_OK;
}
