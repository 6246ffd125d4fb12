/* SPDX-License-Identifier: ISC */
/* Tests the scan with one launch per operation against the scan in double: sequences of odd
 * lengths, along either axis, in both directions, with and without a first state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "numbers.h"
#include "step_by_step.h"

typedef struct scan_case {
    size_t sequences, steps, split, chunk;
    bool along_bands, reversed, from_state;
    bsm_mixer_shape shape;
} scan_case;

static plain_scan new_scan(const scan_case *c)
{
    const size_t rows = c->sequences * c->steps, inner = bsm_shape_inner(c->shape);
    const size_t N = c->shape.d_state, heads = c->shape.heads;
    return (plain_scan){
        .steps = steps_of(c->sequences, c->steps, c->split, c->chunk, c->along_bands, c->reversed),
        .shape = c->shape,
        .x = noise(rows * inner, -1, 1),
        .B = noise(rows * N, -1, 1),
        .C = noise(rows * N, -1, 1),
        .dt = noise(rows * heads, 0.01F, 1),
        .A = noise(heads, -2, -0.01F),
        .D = noise(heads, -1, 1),
        .first = c->from_state ? noise(c->sequences * N * inner, -1, 1) : NULL,
    };
}

/* Copy rows into chunks, as the preceding kernels leave them, with the heads of a chunk one after
 * the other. The rest of a shorter chunk stays zero. */
static void to_chunks(const plain_scan *s, const float *in, size_t width, size_t heads, size_t all,
                      size_t first, float *out)
{
    const size_t chunks = (size_t)s->steps.sequences * s->steps.chunks, part = width / heads;
    for (size_t c = 0; c < chunks; c++) {
        for (size_t i = 0; i < length_of(&s->steps, c) * width; i++) {
            const size_t step = i / width, h = i % width / part;
            const size_t row =
                row_of(&s->steps, c / s->steps.chunks, first_of(&s->steps, c) + step);
            const size_t place = (c * heads + h) * s->steps.chunk + step;
            out[place * all + first + i % part] = in[row * width + i % width];
        }
    }
}

static bsm_naive_scan run_kernels(const plain_scan *s)
{
    const size_t sequences = s->steps.sequences, inner = bsm_shape_inner(s->shape);
    const size_t N = s->shape.d_state, heads = s->shape.heads, P = s->shape.headdim;
    const size_t padded = sequences * s->steps.chunks * s->steps.chunk,
                 state = sequences * N * inner;
    float *x = zeros(padded * inner), *BC = zeros(padded * 2 * N), *dt = zeros(padded * heads);
    to_chunks(s, s->x, inner, heads, P, 0, x);
    to_chunks(s, s->B, N, 1, 2 * N, 0, BC);
    to_chunks(s, s->C, N, 1, 2 * N, N, BC);
    to_chunks(s, s->dt, heads, heads, 1, 0, dt);
    const bsm_naive_scan naive = {.steps = s->steps,
                                  .shape = s->shape,
                                  .dt = dt,
                                  .x = x,
                                  .BC = BC,
                                  .A = s->A,
                                  .D = s->D,
                                  .state = s->first ? copy(s->first, state) : zeros(state),
                                  .added = new_values(false, state),
                                  .scaled = new_values(false, sequences * inner),
                                  .y = new_values(false, sequences * s->steps.steps * inner)};
    bsm_kernel_naive_scan((bsm_kernel_queue){0}, &naive);
    return naive;
}

static void check_case(const scan_case *c)
{
    const plain_scan s = new_scan(c);
    const size_t size = (size_t)s.shape.d_state * bsm_shape_inner(s.shape);
    const size_t count = c->sequences * c->steps * bsm_shape_inner(s.shape);
    float *y = zeros(count), *last = zeros(c->sequences * size);
    double *states = double_zeros(c->sequences * (c->steps + 1) * size);
    scan_steps(&s, y, states);
    for (size_t i = 0; i < c->sequences * size; i++) {
        last[i] = (float)states[(i / size * (c->steps + 1) + c->steps) * size + i % size];
    }
    const bsm_naive_scan naive = run_kernels(&s);
    const double output = golden_relative_error(naive.y, y, count);
    const double state = golden_relative_error(naive.state, last, c->sequences * size);
    if (!(output < 1e-6) || !(state < 1e-6)) {
        fail_msg("%zu sequences of %zu steps: y is off by %g, the state by %g", c->sequences,
                 c->steps, output, state);
    }
}

static void test_naive_scan(void **unused)
{
    (void)unused;
    const bsm_mixer_shape odd = {.heads = 3, .headdim = 5, .d_state = 7, .taps = 4};
    const bsm_mixer_shape wide = {.heads = 9, .headdim = 29, .d_state = 17, .taps = 4};
    const scan_case cases[] = {
        {1, 1, 1, 64, false, false, false, {.heads = 1, .headdim = 1, .d_state = 1, .taps = 1}},
        {3, 70, 70, 64, false, false, false, odd},
        {2, 50, 25, 32, false, true, true, odd},
        {5, 33, 33, 64, true, true, false, wide},
        {2, 65, 1, 64, true, false, true, wide},
        {2, 9, 9, 32, false, false, true, {.heads = 4, .headdim = 32, .d_state = 8, .taps = 4}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
        free_numbers(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_naive_scan, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
