/* SPDX-License-Identifier: ISC */
/* Tests the fused kernels of the scan's backward pass against the adjoint of the scan one step at a
 * time: sequences of one and of several chunks, complete and incomplete ones, along either axis, in
 * both directions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden.h"
#include "numbers.h"
#include "step_by_step.h"
#include "training/training_kernels.h"

typedef struct scan_case {
    size_t sequences, steps, split, chunk;
    bool along_bands, reversed;
    bsm_mixer_shape shape;
} scan_case;

typedef struct scan {
    plain_scan plain;
    bsm_steps steps;
    bsm_mixer_shape shape;
    size_t rows, chunks, inner, N, heads;
    const float *d_y;
    double *states;
    plain_gradients expected;
} scan;

/* ---- What is expected ---- */

/* Return random numbers that are rounded to bfloat16. */
static float *rounded_noise(size_t count)
{
    return columns_of(true, to_values(true, noise(count, -1, 1), count), count, 1, 0, 1);
}

static scan new_scan(const scan_case *c)
{
    scan s = {.steps =
                  steps_of(c->sequences, c->steps, c->split, c->chunk, c->along_bands, c->reversed),
              .shape = c->shape,
              .rows = c->sequences * c->steps,
              .inner = bsm_shape_inner(c->shape),
              .N = c->shape.d_state,
              .heads = c->shape.heads};
    s.chunks = c->sequences * s.steps.chunks;
    s.plain = (plain_scan){.steps = s.steps,
                           .shape = s.shape,
                           .x = rounded_noise(s.rows * s.inner),
                           .B = rounded_noise(s.rows * s.N),
                           .C = rounded_noise(s.rows * s.N),
                           .dt = noise(s.rows * s.heads, 0.01F, 0.5F),
                           .A = noise(s.heads, -0.1F, -0.003F),
                           .D = noise(s.heads, -1, 1)};
    s.d_y = rounded_noise(s.rows * s.inner);
    s.states = double_zeros(c->sequences * (c->steps + 1) * s.N * s.inner);
    s.expected = (plain_gradients){.x = zeros(s.rows * s.inner),
                                   .B = zeros(s.rows * s.N),
                                   .C = zeros(s.rows * s.N),
                                   .diagonal = zeros(s.rows * s.heads),
                                   .dt = zeros(s.rows * s.heads),
                                   .decay = zeros(s.rows * s.heads)};
    scan_steps(&s.plain, zeros(s.rows * s.inner), s.states);
    scan_steps_backward(&s.plain, s.d_y, s.states, &s.expected);
    return s;
}

/* ---- What the kernels make of it ---- */

static size_t row_in(const scan *s, size_t chunk, size_t step)
{
    return row_of(&s->steps, chunk / s->steps.chunks, first_of(&s->steps, chunk) + step);
}

static const void *x_in_chunks(const scan *s)
{
    const size_t Q = s->steps.chunk, P = s->shape.headdim;
    float *x = zeros(s->chunks * Q * s->inner);
    for (size_t c = 0; c < s->chunks; c++) {
        for (size_t i = 0; i < length_of(&s->steps, c); i++) {
            for (size_t k = 0; k < s->inner; k++) {
                x[((c * s->heads + k / P) * Q + i) * P + k % P] =
                    s->plain.x[row_in(s, c, i) * s->inner + k];
            }
        }
    }
    return to_values(true, x, s->chunks * Q * s->inner);
}

static const void *BC_in_chunks(const scan *s)
{
    const size_t Q = s->steps.chunk, N = s->N;
    float *BC = zeros(s->chunks * Q * 2 * N);
    for (size_t c = 0; c < s->chunks; c++) {
        for (size_t i = 0; i < length_of(&s->steps, c); i++) {
            for (size_t n = 0; n < N; n++) {
                float *to = BC + (c * Q + i) * 2 * N + n;
                to[0] = s->plain.B[row_in(s, c, i) * N + n];
                to[N] = s->plain.C[row_in(s, c, i) * N + n];
            }
        }
    }
    return to_values(true, BC, s->chunks * Q * 2 * N);
}

static const void *states_before(const scan *s)
{
    const size_t size = s->N * s->inner;
    float *before = zeros(s->chunks * size);
    for (size_t c = 0; c < s->chunks; c++) {
        const size_t sequence = c / s->steps.chunks;
        const double *from =
            s->states + (sequence * (s->steps.steps + 1) + first_of(&s->steps, c)) * size;
        for (size_t i = 0; i < size; i++) {
            before[c * size + i] = (float)from[i];
        }
    }
    return to_values(true, before, s->chunks * size);
}

static bsm_decays new_decays(const scan *s)
{
    const size_t Q = s->steps.chunk, count = s->chunks * s->heads;
    bsm_decays d = {zeros(count * Q), double_zeros(count * Q), zeros(count * Q), zeros(count * Q),
                    zeros(count)};
    for (size_t i = 0; i < count * Q; i++) {
        const size_t c = i / Q / s->heads, h = i / Q % s->heads, step = i % Q;
        if (step < length_of(&s->steps, c)) {
            d.dt[i] = s->plain.dt[row_in(s, c, step) * s->heads + h];
        }
        d.cum[i] = (step ? d.cum[i - 1] : 0) + (double)d.dt[i] * (double)s->plain.A[h];
        d.in[i] = (float)exp(d.cum[i]);
    }
    for (size_t i = 0; i < count * Q; i++) {
        const double last = d.cum[i / Q * Q + Q - 1];
        d.out[i] = d.dt[i] * (float)exp(last - d.cum[i]);
        d.all[i / Q] = (float)exp(last);
    }
    return d;
}

static bsm_fused_scan_backward run_kernels(const scan *s)
{
    const size_t rows = s->chunks * s->steps.chunk, heads = s->heads;
    const bsm_fused_scan_backward b = {.steps = s->steps,
                                       .shape = s->shape,
                                       .d_y = to_values(true, s->d_y, s->rows * s->inner),
                                       .x = x_in_chunks(s),
                                       .BC = BC_in_chunks(s),
                                       .D = s->plain.D,
                                       .decays = new_decays(s),
                                       .before = s->steps.chunks > 1 ? states_before(s) : NULL,
                                       .d_behind = new_values(true, s->chunks * s->N * s->inner),
                                       .d_x = new_values(true, rows * s->inner),
                                       .d_BC = new_values(false, rows * 2 * s->N),
                                       .gradients = {.d_dt = new_values(false, rows * heads),
                                                     .d_cum = new_values(false, rows * heads),
                                                     .d_all = new_values(false, s->chunks * heads),
                                                     .diagonal = new_values(false, rows * heads)}};
    const bsm_kernel_queue queue = {NULL, true};
    assert_true(bsm_fused_scan_can(queue, s->shape));
    bsm_kernel_fused_scan_backward(queue, &b);
    return b;
}

/* ---- Comparing ---- */

/* Copy a chunk's gradients by x, B and C to rows. */
static void rows_of_chunk(const scan *s, const bsm_fused_scan_backward *b, size_t c,
                          const plain_gradients *g)
{
    const size_t Q = s->steps.chunk, P = s->shape.headdim, N = s->N;
    for (size_t i = 0; i < length_of(&s->steps, c); i++) {
        const size_t row = row_in(s, c, i);
        for (size_t k = 0; k < s->inner; k++) {
            const size_t at = ((c * s->heads + k / P) * Q + i) * P + k % P;
            g->x[row * s->inner + k] = value_at(true, b->d_x, at);
        }
        for (size_t n = 0; n < N; n++) {
            g->B[row * N + n] = b->d_BC[(c * Q + i) * 2 * N + n];
            g->C[row * N + n] = b->d_BC[(c * Q + i) * 2 * N + N + n];
        }
    }
}

/* Copy the remaining gradients. A step's decay is part of the sums of all steps from it on. */
static void decays_of_chunk(const scan *s, const bsm_fused_scan_backward *b, size_t c,
                            const plain_gradients *g)
{
    const size_t Q = s->steps.chunk;
    for (size_t h = 0; h < s->heads; h++) {
        const size_t first = c * s->heads + h;
        double sum = b->before ? (double)b->gradients.d_all[first] : 0;
        for (size_t i = length_of(&s->steps, c); i-- > 0;) {
            const size_t at = first * Q + i, to = row_in(s, c, i) * s->heads + h;
            sum += (double)b->gradients.d_cum[at];
            g->decay[to] = (float)sum;
            g->dt[to] = b->gradients.d_dt[at];
            g->diagonal[to] = b->gradients.diagonal[at];
        }
    }
}

static void check(const char *what, const float *actual, const float *expected, size_t count)
{
    const double off = golden_relative_error(actual, expected, count);
    if (!(off < 6e-3)) {
        fail_msg("%s is off by %g", what, off);
    }
}

static void check_case(const scan_case *c)
{
    const scan s = new_scan(c);
    const bsm_fused_scan_backward b = run_kernels(&s);
    const plain_gradients g = {zeros(s.rows * s.inner), zeros(s.rows * s.N),
                               zeros(s.rows * s.N),     zeros(s.rows * s.heads),
                               zeros(s.rows * s.heads), zeros(s.rows * s.heads)};
    for (size_t chunk = 0; chunk < s.chunks; chunk++) {
        rows_of_chunk(&s, &b, chunk, &g);
        decays_of_chunk(&s, &b, chunk, &g);
    }
    check("x", g.x, s.expected.x, s.rows * s.inner);
    check("B", g.B, s.expected.B, s.rows * s.N);
    check("C", g.C, s.expected.C, s.rows * s.N);
    check("diagonal", g.diagonal, s.expected.diagonal, s.rows * s.heads);
    check("dt", g.dt, s.expected.dt, s.rows * s.heads);
    check("decay", g.decay, s.expected.decay, s.rows * s.heads);
}

static void test_backward(void **unused)
{
    (void)unused;
    const scan_case cases[] = {
        {2, 62, 62, 64, true, false, {2, 32, 32, 4}},
        {1, 17, 17, 32, false, true, {1, 64, 64, 3}},
        {1, 64, 64, 64, false, true, {2, 64, 128, 4}},
        {2, 70, 70, 64, false, false, {2, 32, 32, 4}},
        {1, 129, 129, 64, false, true, {1, 64, 64, 3}},
        {1, 80, 50, 32, false, false, {2, 32, 64, 4}},
        {2, 150, 150, 64, true, true, {2, 64, 128, 4}},
        {1, 65, 1, 64, true, false, {3, 64, 32, 2}},
        {1, 66, 66, 64, false, false, {1, 32, 128, 1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
        free_numbers(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_backward, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
