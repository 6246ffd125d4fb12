/* SPDX-License-Identifier: ISC */
/* The paths of a dual-path layer: bidirectional Mamba2 along one axis, and the merge of both
 * directions. Each thread works on one sequence at a time, chunk by chunk. */
#include <string.h>

#include "device/cpu/matrix.h"
#include "device/cpu/workspace.h"

/* A sequence inside x. */
typedef struct sequence {
    const bsm_cpu_path *weights;
    float *x;
    size_t length, step; /* rows, and floats from one to the next */
    size_t wanted;       /* the rows to compute, counted from the first */
} sequence;

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* thread->forward = x + M_fwd(n_fwd(x)) for rows `from` to `to`. */
static void run_forward(const bsm_cpu_thread *thread, const sequence *seq, size_t from, size_t to,
                        bsm_cpu_state *state, bool last)
{
    size_t dim = thread->tile.config->dim;
    for (size_t row = from; row < to; row += BSM_CHUNK) {
        size_t rows = min(BSM_CHUNK, to - row);
        const float *x = seq->x + row * seq->step;
        float *out = thread->forward + row * dim;
        for (size_t r = 0; r < rows; r++) {
            memcpy(out + r * dim, x + r * seq->step, dim * sizeof *out);
        }
        bsm_cpu_mixer_chunk(&thread->tile, &seq->weights->forward, rows, x, (ptrdiff_t)seq->step,
                            state, last && row + rows == to, out);
    }
}

/* Row r of the chunk is step `end - 1 - r`. */
static void load_reversed(const sequence *seq, size_t dim, size_t end, size_t rows, float *out)
{
    for (size_t r = 0; r < rows; r++) {
        memcpy(out + r * dim, seq->x + (end - 1 - r) * seq->step, dim * sizeof *out);
    }
}

/* x = Linear([forward, backward]) + x for the chunk's wanted rows, in place: later chunks of the
 * backward direction lie before this one and do not read it. */
static void merge_chunk(const bsm_cpu_thread *thread, const sequence *seq, size_t begin, size_t end)
{
    size_t dim = thread->tile.config->dim, rows = min(end, seq->wanted) - begin;
    for (size_t r = 0; r < rows; r++) {
        memcpy(thread->reversed + r * dim, thread->backward + (end - begin - 1 - r) * dim,
               dim * sizeof(float));
    }
    float *x = seq->x + begin * seq->step;
    const bsm_cpu_tile *tile = &thread->tile;
    tile->kernels->add_bias(rows, dim, x, seq->step, seq->weights->merge_bias);
    bsm_cpu_multiply(tile->kernels, &tile->rows, rows, thread->forward + begin * dim,
                     &seq->weights->merge_forward, 1, x, seq->step);
    bsm_cpu_multiply(tile->kernels, &tile->rows, rows, thread->reversed,
                     &seq->weights->merge_backward, 1, x, seq->step);
}

static void run_backward(const bsm_cpu_thread *thread, const sequence *seq, bsm_cpu_state *state)
{
    size_t dim = thread->tile.config->dim;
    for (size_t end = seq->length; end > 0;) {
        size_t rows = min(BSM_CHUNK, end), begin = end - rows;
        bool wanted = begin < seq->wanted;
        if (wanted) {
            load_reversed(seq, dim, end, rows, thread->backward);
        }
        bsm_cpu_mixer_chunk(&thread->tile, &seq->weights->backward, rows,
                            seq->x + (end - 1) * seq->step, -(ptrdiff_t)seq->step, state,
                            begin == 0, wanted ? thread->backward : NULL);
        if (wanted) {
            merge_chunk(thread, seq, begin, end);
        }
        end = begin;
    }
}

/* Both directions start from a zero state. */
static void run_whole(bsm_cpu_thread *thread, const sequence *seq)
{
    thread->state.zero = true;
    run_forward(thread, seq, 0, seq->wanted, &thread->state, true);
    thread->state.zero = true;
    run_backward(thread, seq, &thread->state);
}

/* The forward direction starts from the stream's state, which is left as it is after `commit`
 * rows. */
static void run_block(bsm_cpu_thread *thread, const sequence *seq, size_t commit,
                      bsm_cpu_state *stream)
{
    run_forward(thread, seq, 0, commit, stream, false);
    if (commit < seq->wanted) {
        const bsm_config *config = thread->tile.config;
        memcpy(thread->state.S, stream->S, bsm_cpu_state_size(config) * sizeof(float));
        thread->state.zero = stream->zero;
        run_forward(thread, seq, commit, seq->wanted, &thread->state, true);
    }
    thread->state.zero = true;
    run_backward(thread, seq, &thread->state);
}

/* The path of a layer that is being computed. */
typedef struct path {
    const bsm_cpu_workspace *space;
    size_t layer;
    const bsm_block *block;
} path;

static void time_path_of_band(void *job, size_t thread, size_t band)
{
    const path *p = job;
    const bsm_cpu_workspace *space = p->space;
    const bsm_block *block = p->block;
    const bsm_config *config = &space->weights->config;
    sequence seq = {.weights = &space->weights->time[p->layer],
                    .x = space->x + band * block->frames * config->dim,
                    .length = block->frames,
                    .step = config->dim,
                    .wanted = block->wanted};
    if (block->commit == 0) {
        run_whole(&space->threads[thread], &seq);
        return;
    }
    size_t index = p->layer * config->num_bands + band;
    bsm_cpu_state stream =
        bsm_cpu_state_at(config, space->streams[space->state] + index * bsm_cpu_state_size(config));
    stream.zero = !space->started[space->state];
    run_block(&space->threads[thread], &seq, block->commit, &stream);
}

bsm_status bsm_cpu_time_path(void *workspace, size_t layer, const bsm_block *block,
                             bsm_error *error)
{
    (void)error;
    bsm_cpu_workspace *space = workspace;
    const bsm_config *config = &space->weights->config;
    bsm_cpu_run(space->options.threads, config->num_bands, time_path_of_band,
                &(path){space, layer, block});
    if (block->commit && layer + 1 == config->depth) {
        space->started[space->state] = true;
    }
    return BSM_OK;
}

static void band_path_of_frame(void *job, size_t thread, size_t frame)
{
    const path *p = job;
    const bsm_cpu_workspace *space = p->space;
    const bsm_config *config = &space->weights->config;
    sequence seq = {.weights = &space->weights->band[p->layer],
                    .x = space->x + frame * config->dim,
                    .length = config->num_bands,
                    .step = p->block->frames * config->dim,
                    .wanted = config->num_bands};
    run_whole(&space->threads[thread], &seq);
}

bsm_status bsm_cpu_band_path(void *workspace, size_t layer, const bsm_block *block,
                             bsm_error *error)
{
    (void)error;
    const bsm_cpu_workspace *space = workspace;
    bsm_cpu_run(space->options.threads, block->wanted, band_path_of_frame,
                &(path){space, layer, block});
    return BSM_OK;
}
