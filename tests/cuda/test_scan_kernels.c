/* SPDX-License-Identifier: ISC */
/* Tests the scan's kernels, run on the host with plain products between them, against the
 * sequential scan of `reference` and the equations of docs/model.md: sequences of odd lengths along
 * either axis, in both directions, with and without a state, cut at a step, in either precision. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/reference/modules.h"
#include "golden.h"
#include "kernels.h"
#include "numbers.h"

typedef struct scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    bsm_config config; /* the fields that the reference needs */
    size_t inner, conv, projected, kept, chunks, in_chunks, rows;
    float *zxbcdt, *dt_bias, *A, *D, *weight, *bias, *gate_weight;
    float *tail, *state;                    /* at first; [sequence][d_state][d_inner] */
    float *expected, *end_tail, *end_state; /* gated rows, and the tail and state at `split` */
} scan;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* ---- What is expected ---- */

static const float *row_at(const scan *s, size_t sequence, size_t step)
{
    size_t i = s->steps.reversed ? s->steps.steps - 1 - step : step;
    return s->zxbcdt +
           (sequence * s->steps.sequence_stride + i * s->steps.step_stride) * s->projected;
}

static float raw_input(const scan *s, size_t sequence, ptrdiff_t step, size_t channel)
{
    return step >= 0
               ? row_at(s, sequence, (size_t)step)[s->inner + channel]
               : s->tail[(sequence * s->kept + (size_t)((ptrdiff_t)s->kept + step)) * s->conv +
                         channel];
}

static void expect_step(const scan *s, size_t sequence, size_t step, float *S, float *out)
{
    float *xbc = zeros(s->conv), *dt = zeros(s->shape.heads), *y = zeros(s->inner);
    const float *row = row_at(s, sequence, step);
    for (size_t c = 0; c < s->conv; c++) {
        double sum = (double)s->bias[c];
        for (size_t k = 0; k <= s->kept; k++) {
            ptrdiff_t from = (ptrdiff_t)(step + k) - (ptrdiff_t)s->kept;
            sum +=
                (double)s->weight[c * (s->kept + 1) + k] * (double)raw_input(s, sequence, from, c);
        }
        xbc[c] = (float)(sum * sigmoid(sum));
    }
    for (size_t h = 0; h < s->shape.heads; h++) {
        dt[h] = (float)log1p(exp((double)row[s->inner + s->conv + h] + (double)s->dt_bias[h]));
    }
    bsm_reference_scan_step(&s->config, xbc, dt, s->A, xbc + s->inner,
                            xbc + s->inner + s->shape.d_state, s->D, S, y);
    for (size_t i = 0; i < s->inner; i++) {
        y[i] = (float)((double)y[i] * (double)row[i] * sigmoid((double)row[i]));
    }
    bsm_reference_rms_norm(s->inner, y, s->gate_weight, out);
}

/* The reference has [d_inner][d_state] instead. */
static void transpose(size_t rows, size_t columns, const float *in, float *out)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            out[c * rows + r] = in[r * columns + c];
        }
    }
}

static void expect_all(scan *s)
{
    size_t N = s->shape.d_state;
    float *S = zeros(s->inner * N);
    for (size_t q = 0; q < s->steps.sequences; q++) {
        transpose(N, s->inner, s->state + q * N * s->inner, S);
        for (size_t step = 0; step < s->steps.steps; step++) {
            size_t row = (size_t)(row_at(s, q, step) - s->zxbcdt) / s->projected;
            expect_step(s, q, step, S, s->expected + row * s->inner);
            if (step + 1 == s->steps.split) {
                transpose(s->inner, N, S, s->end_state + q * N * s->inner);
            }
        }
        for (size_t k = 0; k < s->kept; k++) {
            ptrdiff_t from = (ptrdiff_t)(s->steps.split + k) - (ptrdiff_t)s->kept;
            for (size_t c = 0; c < s->conv; c++) {
                s->end_tail[(q * s->kept + k) * s->conv + c] = raw_input(s, q, from, c);
            }
        }
    }
}

/* ---- What the kernels make of it ---- */

typedef struct buffers {
    bool bf16;
    void *zxBC, *x, *BC, *scaled, *M, *before, *y, *gated; /* values */
    float *raw_dt, *G, *added, *inside, *outside;
    bsm_decays decays;
} buffers;

static buffers new_buffers(const scan *s, bool bf16)
{
    const size_t chunk = s->steps.chunk, heads = s->shape.heads, N = s->shape.d_state;
    const size_t wide = s->in_chunks * s->inner, given = s->projected - heads;
    const float *zxBC = columns_of(false, s->zxbcdt, s->rows, s->projected, 0, given);
    buffers b = {
        .bf16 = bf16,
        .zxBC = to_values(bf16, zxBC, s->rows * given),
        .raw_dt = columns_of(false, s->zxbcdt, s->rows, s->projected, given, heads),
        .x = new_values(bf16, wide),
        .BC = new_values(bf16, s->in_chunks * 2 * N),
        .scaled = new_values(bf16, wide),
        .G = new_values(false, s->in_chunks * chunk),
        .M = new_values(bf16, s->in_chunks * heads * chunk),
        .added = new_values(false, s->chunks * N * s->inner),
        .inside = new_values(false, wide),
        .outside = new_values(false, wide),
        .y = new_values(bf16, s->rows * s->inner),
        .gated = new_values(bf16, s->rows * s->inner),
        .decays = {.dt = new_values(false, s->in_chunks * heads),
                   .cum = double_zeros(s->in_chunks * heads),
                   .in = new_values(false, s->in_chunks * heads),
                   .out = new_values(false, s->in_chunks * heads),
                   .all = new_values(false, s->chunks * heads)},
    };
    b.before = bf16 ? new_values(true, s->chunks * N * s->inner) : b.added; /* like the device */
    return b;
}

/* Return B or C of a chunk: [step][d_state]. */
static matrix part_of(const scan *s, const buffers *b, size_t c, bool C)
{
    const size_t N = s->shape.d_state;
    return (matrix){b->bf16, b->BC, c * s->steps.chunk * 2 * N + (C ? N : 0), 2 * N, 1};
}

static void prepare_scan(const scan *s, const buffers *b)
{
    const bsm_kernel_queue queue = {NULL, b->bf16};
    const bsm_prepare prepare = {.steps = s->steps,
                                 .shape = s->shape,
                                 .zxBC = b->zxBC,
                                 .raw_dt = b->raw_dt,
                                 .dt_bias = s->dt_bias,
                                 .A = s->A,
                                 .weight = s->weight,
                                 .bias = s->bias,
                                 .tail = s->tail,
                                 .decays = b->decays,
                                 .x = b->x,
                                 .BC = b->BC,
                                 .scaled = b->scaled};
    bsm_kernel_decays(queue, &prepare);
    bsm_kernel_convolution(queue, &prepare);
    bsm_kernel_save_tail(queue, &prepare, s->tail);
}

static void scan_chunk(const scan *s, const buffers *b, size_t c)
{
    size_t Q = s->steps.chunk, N = s->shape.d_state, P = s->shape.headdim, heads = s->shape.heads;
    for (size_t h = c * heads; h < (c + 1) * heads; h++) {
        product(Q, P, Q, matrix_of(b->bf16, b->M, h, Q, Q), matrix_of(b->bf16, b->x, h, Q, P),
                b->inside + h * Q * P, P, false);
    }
    product(N, s->inner, Q, transposed(part_of(s, b, c, false)),
            matrix_of(b->bf16, b->scaled, c, Q, s->inner), b->added + c * N * s->inner, s->inner,
            false);
}

static void run_kernels(const scan *s, const buffers *b)
{
    const bsm_kernel_queue queue = {NULL, b->bf16};
    size_t Q = s->steps.chunk, N = s->shape.d_state;
    prepare_scan(s, b);
    for (size_t c = 0; c < s->chunks; c++) {
        product(Q, Q, N, part_of(s, b, c, true), transposed(part_of(s, b, c, false)),
                b->G + c * Q * Q, Q, false);
    }
    bsm_scores scores = {(uint32_t)s->chunks, (uint32_t)Q, s->shape.heads, b->G, s->D,
                         b->decays,           b->M};
    bsm_kernel_scores(queue, &scores);
    for (size_t c = 0; c < s->chunks; c++) {
        scan_chunk(s, b, c);
    }
    bsm_pass_states pass = {s->steps, s->shape, b->added, b->decays.all,
                            s->state, s->state, b->before};
    bsm_kernel_pass_states(queue, &pass);
    for (size_t c = 0; c < s->chunks; c++) {
        product(Q, s->inner, N, part_of(s, b, c, true),
                matrix_of(b->bf16, b->before, c, N, s->inner), b->outside + c * Q * s->inner,
                s->inner, false);
    }
    bsm_collect collect = {s->steps, s->shape, b->inside, b->outside, b->decays.in, b->y};
    bsm_kernel_collect(queue, &collect);
    bsm_gate gate = {s->shape, (uint32_t)s->rows, b->y, b->zxBC, s->gate_weight, b->gated};
    bsm_kernel_gate(queue, &gate);
}

/* ---- Cases ---- */

typedef struct scan_case {
    size_t sequences, steps, split, chunk;
    bool along_bands, reversed;
    bsm_mixer_shape shape;
} scan_case;

static scan new_scan(const scan_case *c)
{
    scan s = {.shape = c->shape};
    size_t before = (c->split + c->chunk - 1) / c->chunk;
    size_t behind = (c->steps - c->split + c->chunk - 1) / c->chunk;
    s.steps = (bsm_steps){.sequences = (uint32_t)c->sequences,
                          .steps = (uint32_t)c->steps,
                          .sequence_stride = c->along_bands ? 1 : (uint32_t)c->steps,
                          .step_stride = c->along_bands ? (uint32_t)c->sequences : 1,
                          .reversed = c->reversed,
                          .chunk = (uint32_t)c->chunk,
                          .chunks = (uint32_t)(before + behind),
                          .split = (uint32_t)c->split,
                          .split_chunks = (uint32_t)before};
    s.inner = bsm_shape_inner(s.shape);
    s.conv = bsm_shape_conv(s.shape);
    s.projected = bsm_shape_projected(s.shape);
    s.kept = s.shape.taps - 1;
    s.config = (bsm_config){.dim = s.inner,
                            .expand = 1,
                            .headdim = s.shape.headdim,
                            .d_state = s.shape.d_state,
                            .d_conv = s.shape.taps};
    s.chunks = c->sequences * (before + behind);
    s.in_chunks = s.chunks * c->chunk;
    s.rows = c->sequences * c->steps;
    s.zxbcdt = coarse_noise(s.rows * s.projected, -2, 2); /* coarse, so that tails are exact */
    s.dt_bias = noise(s.shape.heads, -1, 1);
    s.A = noise(s.shape.heads, -3, -0.01f);
    s.D = noise(s.shape.heads, -1, 1);
    s.weight = noise(s.conv * s.shape.taps, -1, 1);
    s.bias = noise(s.conv, -1, 1);
    s.gate_weight = noise(s.inner, 0.5f, 1.5f);
    s.tail = noise(c->sequences * s.kept * s.conv, -2, 2);
    s.state = noise(c->sequences * s.shape.d_state * s.inner, -1, 1);
    s.expected = zeros(s.rows * s.inner);
    s.end_tail = copy(s.tail, c->sequences * s.kept * s.conv);
    s.end_state = copy(s.state, c->sequences * s.shape.d_state * s.inner);
    return s;
}

static void check_case(const scan_case *c, bool bf16)
{
    const double tolerance = bf16 ? 2e-2 : 2e-6;
    scan s = new_scan(c);
    expect_all(&s);
    const buffers b = new_buffers(&s, bf16);
    run_kernels(&s, &b);
    const float *gated = columns_of(bf16, b.gated, s.rows, s.inner, 0, s.inner);
    double output = golden_relative_error(gated, s.expected, s.rows * s.inner);
    double state =
        golden_relative_error(s.state, s.end_state, c->sequences * s.shape.d_state * s.inner);
    if (!(output < tolerance) || !(state < tolerance)) {
        fail_msg("%zu sequences of %zu steps, split at %zu, bf16 %d: output off by %g, state by %g",
                 c->sequences, c->steps, c->split, bf16, output, state);
    }
    assert_memory_equal(s.tail, s.end_tail, c->sequences * s.kept * s.conv * sizeof(float));
}

static void test_scan(void **unused)
{
    (void)unused;
    const bsm_mixer_shape odd = {.heads = 3, .headdim = 5, .d_state = 7, .taps = 4};
    const bsm_mixer_shape wide = {.heads = 9, .headdim = 129, .d_state = 2, .taps = 4};
    const scan_case cases[] = {
        {2, 1, 1, 64, false, false, odd},
        {3, 62, 62, 64, true, true, odd},
        {3, 70, 70, 64, false, true, {.heads = 1, .headdim = 33, .d_state = 1, .taps = 1}},
        {2, 50, 25, 32, false, false, odd}, /* like a live block */
        {2, 40, 1, 32, true, false, {.heads = 9, .headdim = 1, .d_state = 3, .taps = 6}},
        {1, 200, 130, 64, false, false, odd},
        {2, 129, 64, 64, true, true, {.heads = 2, .headdim = 4, .d_state = 40, .taps = 2}},
        {1, 3, 2, 32, false, false, wide},
    };
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        check_case(&cases[i / 2], i % 2);
        free_numbers(NULL);
    }
}

/* A step may forget everything: nothing overflows, and the earlier state becomes zero. */
static void test_fast_heads(void **unused)
{
    (void)unused;
    scan_case c = {
        1, 64, 64, 64, false, false, {.heads = 2, .headdim = 3, .d_state = 2, .taps = 2}};
    scan s = new_scan(&c);
    for (size_t t = 0; t < c.steps; t++) {
        s.zxbcdt[(t + 1) * s.projected - 1] = t % 2 ? 60.0f : -60.0f;
    }
    s.A[0] = s.A[1] = -16;
    expect_all(&s);
    const buffers b = new_buffers(&s, false);
    run_kernels(&s, &b);
    assert_true(golden_relative_error(b.gated, s.expected, s.rows * s.inner) < 2e-6);
    for (size_t i = 0; i < 2 * c.steps; i++) {
        assert_true(isfinite(b.decays.cum[i]) && b.decays.in[i] >= 0 && b.decays.out[i] >= 0);
    }
    assert_true(b.decays.all[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_scan, free_numbers),
        cmocka_unit_test_teardown(test_fast_heads, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
