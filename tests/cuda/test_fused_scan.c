/* SPDX-License-Identifier: ISC */
/* Tests the scan as one kernel, including the convolution of the projected rows, against the scan
 * one step at a time: with and without a state and a tail before it, whole and cut at a step, along
 * either axis, in both directions. */
#include <math.h>
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
    /* the last two: what precedes the sequences */
    bool along_bands, reversed, from_state, only_tail;
    bsm_mixer_shape shape;
} scan_case;

typedef struct scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    size_t rows, chunks, inner, conv, N, heads, kept;
    const float *zxBC, *raw_dt, *dt_bias, *A, *D, *weight, *bias;
    const float *tail, *first; /* NULL: zeros */
    float *y;                  /* what is expected */
    double *states;
} scan;

/* ---- What is expected ---- */

/* Return input `step` of a channel of the convolution. */
static double input(const scan *s, size_t sequence, ptrdiff_t step, size_t channel)
{
    if (step >= 0) {
        const size_t row = row_of(&s->steps, sequence, (size_t)step);
        return (double)s->zxBC[row * (s->inner + s->conv) + s->inner + channel];
    }
    const size_t from = sequence * s->kept + (size_t)((ptrdiff_t)s->kept + step);
    return s->tail ? (double)s->tail[from * s->conv + channel] : 0;
}

/* Return channels [first, first + count) after the convolution and SiLU, in rows. */
static const float *convolved(const scan *s, size_t first, size_t count)
{
    float *out = zeros(s->rows * count);
    for (size_t i = 0; i < s->rows * count; i++) {
        const size_t sequence = i / count / s->steps.steps, step = i / count % s->steps.steps;
        const size_t channel = first + i % count;
        double sum = (double)s->bias[channel];
        for (size_t k = 0; k <= s->kept; k++) {
            const ptrdiff_t from = (ptrdiff_t)(step + k) - (ptrdiff_t)s->kept;
            sum +=
                (double)s->weight[channel * (s->kept + 1) + k] * input(s, sequence, from, channel);
        }
        out[row_of(&s->steps, sequence, step) * count + i % count] = (float)(sum / (1 + exp(-sum)));
    }
    return out;
}

static void expect_all(scan *s)
{
    float *dt = zeros(s->rows * s->heads);
    for (size_t i = 0; i < s->rows * s->heads; i++) {
        dt[i] = (float)log1p(exp((double)s->raw_dt[i] + (double)s->dt_bias[i % s->heads]));
    }
    const plain_scan plain = {.steps = s->steps,
                              .shape = s->shape,
                              .x = convolved(s, 0, s->inner),
                              .B = convolved(s, s->inner, s->N),
                              .C = convolved(s, s->inner + s->N, s->N),
                              .dt = dt,
                              .A = s->A,
                              .D = s->D,
                              .first = s->first};
    scan_steps(&plain, s->y, s->states);
}

static scan new_scan(const scan_case *c)
{
    scan s = {.steps =
                  steps_of(c->sequences, c->steps, c->split, c->chunk, c->along_bands, c->reversed),
              .shape = c->shape,
              .rows = c->sequences * c->steps,
              .inner = bsm_shape_inner(c->shape),
              .conv = bsm_shape_conv(c->shape),
              .N = c->shape.d_state,
              .heads = c->shape.heads,
              .kept = c->shape.taps - 1};
    const size_t state = s.N * s.inner;
    s.chunks = c->sequences * s.steps.chunks;
    s.zxBC = coarse_noise(s.rows * (s.inner + s.conv), -2, 2);
    s.raw_dt = noise(s.rows * s.heads, -3, 0);
    s.dt_bias = noise(s.heads, -1, 0);
    s.A = noise(s.heads, -1, -0.01F);
    s.D = noise(s.heads, -1, 1);
    s.weight = noise(s.conv * c->shape.taps, -1, 1);
    s.bias = noise(s.conv, -1, 1);
    s.tail =
        c->from_state || c->only_tail ? coarse_noise(c->sequences * s.kept * s.conv, -2, 2) : NULL;
    s.first = c->from_state ? noise(c->sequences * state, -1, 1) : NULL;
    s.y = zeros(s.rows * s.inner);
    s.states = double_zeros(c->sequences * (c->steps + 1) * state);
    expect_all(&s);
    return s;
}

/* Return the state after `step` steps of each sequence or, if `of_chunks`, the state before each
 * chunk. */
static const float *states_of(const scan *s, size_t step, bool of_chunks)
{
    const size_t size = s->N * s->inner, count = of_chunks ? s->chunks : s->steps.sequences;
    float *states = zeros(count * size);
    for (size_t i = 0; i < count * size; i++) {
        const size_t which = i / size, sequence = of_chunks ? which / s->steps.chunks : which;
        const size_t at = of_chunks ? first_of(&s->steps, which) : step;
        states[i] = (float)s->states[(sequence * (s->steps.steps + 1) + at) * size + i % size];
    }
    return states;
}

/* ---- What the kernels make of it ---- */

static const void *make_BC(const scan *s, bsm_kernel_queue queue, const void *zxBC)
{
    void *BC = new_values(true, s->chunks * s->steps.chunk * 2 * s->N);
    const bsm_prepare prepare = {.steps = s->steps,
                                 .shape = s->shape,
                                 .zxBC = zxBC,
                                 .weight = s->weight,
                                 .bias = s->bias,
                                 .tail = s->tail,
                                 .only_BC = true,
                                 .BC = BC};
    bsm_kernel_convolution(queue, &prepare);
    return BC;
}

/* Request all outputs; `kept` is the same memory as the first state. */
static bsm_fused_scan run_kernels(const scan *s, bsm_kernel_queue queue)
{
    const size_t size = s->N * s->inner;
    const void *zxBC = to_values(true, s->zxBC, s->rows * (s->inner + s->conv));
    float *state = s->first ? copy(s->first, s->steps.sequences * size)
                            : new_values(false, s->steps.sequences * size);
    const bsm_fused_scan fused = {.steps = s->steps,
                                  .shape = s->shape,
                                  .zxBC = zxBC,
                                  .raw_dt = s->raw_dt,
                                  .dt_bias = s->dt_bias,
                                  .A = s->A,
                                  .D = s->D,
                                  .weight = s->weight,
                                  .bias = s->bias,
                                  .tail = s->tail,
                                  .BC = make_BC(s, queue, zxBC),
                                  .first = s->first ? state : NULL,
                                  .kept = state,
                                  .before = new_values(true, s->chunks * size),
                                  .y = new_values(true, s->rows * s->inner)};
    assert_true(bsm_fused_scan_can(queue, s->shape));
    bsm_kernel_fused_scan(queue, &fused);
    return fused;
}

static void check(const char *what, const float *actual, const float *expected, size_t count)
{
    const double off = golden_relative_error(actual, expected, count);
    if (!(off < 7e-3)) {
        fail_msg("%s is off by %g", what, off);
    }
}

/* Request the gate, too, and the sums that its norm needs. */
static void check_gated(const scan *s, bsm_kernel_queue queue, bsm_fused_scan fused)
{
    const size_t count = s->rows * s->inner, head = s->inner / s->heads;
    float *gated = zeros(count), *squares = zeros(s->rows * s->heads);
    for (size_t k = 0; k < count; k++) {
        const size_t row = k / s->inner, i = k % s->inner;
        const double z = (double)s->zxBC[row * (s->inner + s->conv) + i];
        gated[k] = (float)((double)s->y[k] * z / (1 + exp(-z)));
        squares[row * s->heads + i / head] += gated[k] * gated[k];
    }
    fused.kept = NULL;
    fused.before = NULL;
    fused.y = new_values(true, count);
    fused.squares = new_values(false, s->rows * s->heads);
    bsm_kernel_fused_scan(queue, &fused);
    check("gated y", columns_of(true, fused.y, s->rows, s->inner, 0, s->inner), gated, count);
    check("its squares", fused.squares, squares, s->rows * s->heads);
}

/* Request y alone; short sequences use a different kernel then. */
static void check_only_y(const scan *s, bsm_kernel_queue queue, bsm_fused_scan fused)
{
    fused.kept = NULL;
    fused.before = NULL;
    fused.y = new_values(true, s->rows * s->inner);
    bsm_kernel_fused_scan(queue, &fused);
    check("y alone", columns_of(true, fused.y, s->rows, s->inner, 0, s->inner), s->y,
          s->rows * s->inner);
}

static void check_case(const scan_case *c)
{
    const bsm_kernel_queue queue = {NULL, true};
    const scan s = new_scan(c);
    const size_t size = s.N * s.inner;
    bsm_fused_scan fused = run_kernels(&s, queue);
    float *before = columns_of(true, fused.before, s.chunks, size, 0, size);
    const float *expected_before = states_of(&s, 0, true);
    check("y", columns_of(true, fused.y, s.rows, s.inner, 0, s.inner), s.y, s.rows * s.inner);
    check("the state", fused.kept, states_of(&s, c->split, false), c->sequences * size);
    if (s.first || s.steps.chunks > 1) {
        check("a state before", before, expected_before, s.chunks * size);
    } else {
        assert_memory_equal(before, expected_before, s.chunks * size * sizeof *before);
    }
    /* The states must be the same if they alone are requested. */
    const float *first = s.first ? copy(s.first, c->sequences * size) : NULL;
    fused.first = first;
    check_gated(&s, queue, fused);
    fused.y = fused.kept = NULL;
    fused.before = new_values(true, s.chunks * size);
    bsm_kernel_fused_scan(queue, &fused);
    assert_memory_equal(columns_of(true, fused.before, s.chunks, size, 0, size), before,
                        s.chunks * size * sizeof *before);
    check_only_y(&s, queue, fused);
}

static void test_scan(void **unused)
{
    (void)unused;
    const scan_case cases[] = {
        {2, 62, 62, 64, true, false, false, false, {2, 32, 32, 4}},
        {3, 50, 25, 32, false, false, true, false, {1, 64, 64, 3}}, /* like a live block */
        {1, 17, 17, 32, false, true, false, false, {2, 64, 32, 4}},
        {2, 150, 150, 64, true, true, true, false, {1, 64, 128, 4}},
        {1, 129, 64, 64, false, false, false, false, {2, 64, 128, 2}},
        {1, 66, 1, 64, false, true, true, false, {2, 32, 64, 4}},
        {2, 90, 90, 32, true, false, true, false, {1, 32, 128, 1}},
        {1, 2, 2, 32, false, false, true, false, {2, 32, 32, 4}},
        {1, 70, 2, 32, false, false, true, false, {1, 64, 128, 4}}, /* two chunks read the tail */
        {2, 200, 70, 64, true, true, false, true, {3, 64, 64, 4}},
        {2, 64, 64, 64, false, true, false, true, {3, 64, 128, 4}},
        {70, 2, 2, 32, true, false, false, false, {3, 32, 32, 4}}, /* two heads per block */
#ifndef __SANITIZE_THREAD__ /* too slow there, and nothing new is tested */
        {700, 2, 2, 32, true, false, false, false, {3, 32, 32, 4}},
        {1030, 3, 3, 64, true, true, false, true, {2, 32, 32, 3}},
#endif
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
        free_numbers(NULL);
    }
}

/* Test for which shapes and precisions the kernel exists. */
static void test_shapes(void **unused)
{
    (void)unused;
    const bsm_mixer_shape good = {3, 64, 128, 4}, odd_heads = {3, 16, 32, 4};
    const bsm_mixer_shape odd_states = {1, 64, 48, 4}, many_taps = {1, 32, 32, 5};
    const bsm_kernel_queue bf16 = {NULL, true}, exact = {NULL, false};
    assert_true(bsm_fused_scan_can(bf16, good));
    assert_false(bsm_fused_scan_can(exact, good));
    assert_false(bsm_fused_scan_can(bf16, odd_heads));
    assert_false(bsm_fused_scan_can(bf16, odd_states));
    assert_false(bsm_fused_scan_can(bf16, many_taps));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_scan, free_numbers),
        cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
