/* SPDX-License-Identifier: ISC */
/* The scan one step at a time, exactly as in the equations of docs/model.md, and its adjoint. */
#include "step_by_step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"

static size_t chunks_of(size_t steps, size_t chunk)
{
    return (steps + chunk - 1) / chunk;
}

bsm_steps steps_of(size_t sequences, size_t length, size_t split, size_t chunk, bool along_bands,
                   bool reversed)
{
    const size_t before = chunks_of(split, chunk);
    return (bsm_steps){.sequences = (uint32_t)sequences,
                       .steps = (uint32_t)length,
                       .sequence_stride = along_bands ? 1 : (uint32_t)length,
                       .step_stride = along_bands ? (uint32_t)sequences : 1,
                       .reversed = reversed,
                       .chunk = (uint32_t)chunk,
                       .chunks = (uint32_t)(before + chunks_of(length - split, chunk)),
                       .split = (uint32_t)split,
                       .split_chunks = (uint32_t)before};
}

size_t row_of(const bsm_steps *steps, size_t sequence, size_t step)
{
    const size_t i = steps->reversed ? steps->steps - 1 - step : step;
    return sequence * steps->sequence_stride + i * steps->step_stride;
}

size_t first_of(const bsm_steps *steps, size_t chunk)
{
    const size_t c = chunk % steps->chunks;
    return c < steps->split_chunks ? c * steps->chunk
                                   : steps->split + (c - steps->split_chunks) * steps->chunk;
}

size_t length_of(const bsm_steps *steps, size_t chunk)
{
    const bool before = chunk % steps->chunks < steps->split_chunks;
    const size_t left = (before ? steps->split : steps->steps) - first_of(steps, chunk);
    return left < steps->chunk ? left : steps->chunk;
}

/* The numbers of one step of a sequence. */
typedef struct place {
    size_t row, N, P, inner, heads;
    const float *x, *B, *C, *dt;
} place;

static place place_of(const plain_scan *s, size_t sequence, size_t step)
{
    const size_t row = row_of(&s->steps, sequence, step), N = s->shape.d_state;
    const size_t inner = bsm_shape_inner(s->shape), heads = s->shape.heads;
    return (place){.row = row,
                   .N = N,
                   .P = s->shape.headdim,
                   .inner = inner,
                   .heads = heads,
                   .x = s->x + row * inner,
                   .B = s->B + row * N,
                   .C = s->C + row * N,
                   .dt = s->dt + row * heads};
}

static void scan_step(const plain_scan *s, const place *p, const double *before, double *after,
                      float *y)
{
    for (size_t c = 0; c < p->inner; c++) {
        const size_t h = c / p->P;
        const double dt = (double)p->dt[h], x = (double)p->x[c], decay = exp(dt * (double)s->A[h]);
        double sum = (double)s->D[h] * x;
        for (size_t n = 0; n < p->N; n++) {
            const size_t at = n * p->inner + c;
            after[at] = decay * before[at] + dt * (double)p->B[n] * x;
            sum += (double)p->C[n] * after[at];
        }
        y[p->row * p->inner + c] = (float)sum;
    }
}

static size_t state_size(const plain_scan *s)
{
    return (size_t)s->shape.d_state * bsm_shape_inner(s->shape);
}

void scan_steps(const plain_scan *scan, float *y, double *states)
{
    const size_t size = state_size(scan), steps = scan->steps.steps;
    for (size_t q = 0; q < scan->steps.sequences; q++) {
        double *S = states + q * (steps + 1) * size;
        for (size_t i = 0; i < size; i++) {
            S[i] = scan->first ? (double)scan->first[q * size + i] : 0;
        }
        for (size_t t = 0; t < steps; t++, S += size) {
            const place p = place_of(scan, q, t);
            scan_step(scan, &p, S, S + size, y);
        }
    }
}

/* `by_state` holds the gradient by the state after the step, without the part from this step's y.
 * It is replaced by the gradient by the state before the step. */
static void step_back(const plain_scan *s, const place *p, const float *d_y, const double *before,
                      const double *after, double *by_state, const plain_gradients *g)
{
    for (size_t c = 0; c < p->inner; c++) {
        const size_t h = c / p->P, head = p->row * p->heads + h;
        const double d = (double)d_y[p->row * p->inner + c], x = (double)p->x[c];
        const double dt = (double)p->dt[h], decay = exp(dt * (double)s->A[h]);
        double by_added = 0, by_decay = 0; /* "added" is dt x */
        for (size_t n = 0; n < p->N; n++) {
            const size_t at = n * p->inner + c, column = p->row * p->N + n;
            by_state[at] += d * (double)p->C[n];
            g->C[column] += (float)(d * after[at]);
            g->B[column] += (float)(by_state[at] * dt * x);
            by_added += by_state[at] * (double)p->B[n];
            by_decay += by_state[at] * decay * before[at];
            by_state[at] *= decay;
        }
        g->x[p->row * p->inner + c] = (float)((double)s->D[h] * d + dt * by_added);
        g->dt[head] += (float)(by_added * x);
        g->decay[head] += (float)by_decay;
        g->diagonal[head] += (float)(d * x);
    }
}

void scan_steps_backward(const plain_scan *scan, const float *d_y, const double *states,
                         const plain_gradients *gradients)
{
    const size_t size = state_size(scan), steps = scan->steps.steps;
    double *by_state = double_zeros(size);
    for (size_t q = 0; q < scan->steps.sequences; q++) {
        memset(by_state, 0, size * sizeof *by_state);
        for (size_t t = steps; t-- > 0;) {
            const place p = place_of(scan, q, t);
            const double *before = states + (q * (steps + 1) + t) * size;
            step_back(scan, &p, d_y, before, before + size, by_state, gradients);
        }
    }
}
