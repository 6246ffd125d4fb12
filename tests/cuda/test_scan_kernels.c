/* SPDX-License-Identifier: ISC */
/* The scan's kernels, run on the host with plain products between them, against the sequential scan
 * of `reference` and the equations of docs/model.md: sequences of odd lengths along either axis,
 * both directions, with a state and without, cut at a step. */
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
#include "noise.h"

typedef struct scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    bsm_config config; /* what the reference needs of it */
    size_t inner, conv, projected, kept, chunks, in_chunks, rows;
    float *zxbcdt, *dt_bias, *A, *D, *weight, *bias, *gate_weight;
    float *tail, *state;                    /* before; [sequence][d_state][d_inner] */
    float *expected, *end_tail, *end_state; /* gated rows, and what is left at `split` */
} scan;

static float *noise(size_t count, float low, float high)
{
    static uint64_t seed = 1;
    float *values = calloc(count + !count, sizeof *values);
    assert_non_null(values);
    noise_fill(&seed, values, count);
    for (size_t i = 0; i < count; i++) {
        values[i] = low + (high - low) * (values[i] + 1) / 2;
    }
    return values;
}

static float *copy(const float *values, size_t count)
{
    float *result = noise(count, 0, 0);
    memcpy(result, values, count * sizeof *values);
    return result;
}

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
    float *xbc = noise(s->conv, 0, 0), *dt = noise(s->shape.heads, 0, 0);
    float *y = noise(s->inner, 0, 0);
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
    free(xbc);
    free(dt);
    free(y);
}

/* The reference has [d_inner][d_state]. */
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
    float *S = noise(s->inner * N, 0, 0);
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
    free(S);
}

/* ---- What the kernels make of it ---- */

static void product(size_t m, size_t n, size_t k, const float *a, size_t a_row, size_t a_column,
                    const float *b, size_t b_row, size_t b_column, float *c)
{
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t l = 0; l < k; l++) {
                sum += (double)a[i * a_row + l * a_column] * (double)b[l * b_row + j * b_column];
            }
            c[i * n + j] = (float)sum;
        }
    }
}

typedef struct buffers {
    float *x, *BC, *scaled, *G, *M, *added, *inside, *outside, *gated;
    bsm_decays decays;
} buffers;

static buffers new_buffers(const scan *s)
{
    size_t chunk = s->steps.chunk, heads = s->shape.heads;
    return (buffers){
        .x = noise(s->in_chunks * s->inner, 9, 9),
        .BC = noise(s->in_chunks * 2 * s->shape.d_state, 9, 9),
        .scaled = noise(s->in_chunks * s->inner, 9, 9),
        .G = noise(s->in_chunks * chunk, 9, 9),
        .M = noise(s->in_chunks * heads * chunk, 9, 9),
        .added = noise(s->chunks * s->shape.d_state * s->inner, 9, 9),
        .inside = noise(s->in_chunks * s->inner, 9, 9),
        .outside = noise(s->in_chunks * s->inner, 9, 9),
        .gated = noise(s->rows * s->inner, 9, 9),
        .decays = {.dt = noise(s->in_chunks * heads, 9, 9),
                   .cum = malloc(s->in_chunks * heads * sizeof(double)),
                   .in = noise(s->in_chunks * heads, 9, 9),
                   .out = noise(s->in_chunks * heads, 9, 9),
                   .all = noise(s->chunks * heads, 9, 9)},
    };
}

static void free_buffers(const buffers *b)
{
    void *all[] = {b->x,          b->BC,        b->scaled,     b->G,         b->M,
                   b->added,      b->inside,    b->outside,    b->gated,     b->decays.dt,
                   b->decays.cum, b->decays.in, b->decays.out, b->decays.all};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(all[i]);
    }
}

static void scan_chunk(const scan *s, const buffers *b, size_t c)
{
    size_t Q = s->steps.chunk, N = s->shape.d_state, P = s->shape.headdim, heads = s->shape.heads;
    for (size_t h = c * heads; h < (c + 1) * heads; h++) {
        product(Q, P, Q, b->M + h * Q * Q, Q, 1, b->x + h * Q * P, P, 1, b->inside + h * Q * P);
    }
    product(N, s->inner, Q, b->BC + c * Q * 2 * N, 1, 2 * N, b->scaled + c * Q * s->inner, s->inner,
            1, b->added + c * N * s->inner);
}

static void run_kernels(scan *s, const buffers *b)
{
    const bsm_kernel_queue queue = {NULL, false};
    size_t Q = s->steps.chunk, N = s->shape.d_state;
    bsm_prepare prepare = {s->steps, s->shape, s->zxbcdt, s->dt_bias, s->A,  s->weight,
                           s->bias,  s->tail,  b->decays, b->x,       b->BC, b->scaled};
    bsm_kernel_decays(queue, &prepare);
    bsm_kernel_convolution(queue, &prepare);
    bsm_kernel_save_tail(queue, &prepare, s->tail);
    for (size_t c = 0; c < s->chunks; c++) {
        const float *B = b->BC + c * Q * 2 * N;
        product(Q, Q, N, B + N, 2 * N, 1, B, 1, 2 * N, b->G + c * Q * Q);
    }
    bsm_scores scores = {(uint32_t)s->chunks, (uint32_t)Q, s->shape.heads, b->G, s->D,
                         b->decays,           b->M};
    bsm_kernel_scores(queue, &scores);
    for (size_t c = 0; c < s->chunks; c++) {
        scan_chunk(s, b, c);
    }
    bsm_pass_states pass = {s->steps, s->shape, b->added, b->decays.all,
                            s->state, s->state, b->added};
    bsm_kernel_pass_states(queue, &pass);
    for (size_t c = 0; c < s->chunks; c++) {
        product(Q, s->inner, N, b->BC + c * Q * 2 * N + N, 2 * N, 1, b->added + c * N * s->inner,
                s->inner, 1, b->outside + c * Q * s->inner);
    }
    bsm_gate gate = {s->steps,     s->shape,  b->inside,      b->outside,
                     b->decays.in, s->zxbcdt, s->gate_weight, b->gated};
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
    s.zxbcdt = noise(s.rows * s.projected, -2, 2);
    s.dt_bias = noise(s.shape.heads, -1, 1);
    s.A = noise(s.shape.heads, -3, -0.01f);
    s.D = noise(s.shape.heads, -1, 1);
    s.weight = noise(s.conv * s.shape.taps, -1, 1);
    s.bias = noise(s.conv, -1, 1);
    s.gate_weight = noise(s.inner, 0.5f, 1.5f);
    s.tail = noise(c->sequences * s.kept * s.conv, -2, 2);
    s.state = noise(c->sequences * s.shape.d_state * s.inner, -1, 1);
    s.expected = noise(s.rows * s.inner, 0, 0);
    s.end_tail = copy(s.tail, c->sequences * s.kept * s.conv);
    s.end_state = copy(s.state, c->sequences * s.shape.d_state * s.inner);
    return s;
}

static void free_scan(const scan *s)
{
    float *all[] = {s->zxbcdt,      s->dt_bias, s->A,     s->D,        s->weight,   s->bias,
                    s->gate_weight, s->tail,    s->state, s->expected, s->end_tail, s->end_state};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(all[i]);
    }
}

static void check_case(const scan_case *c)
{
    scan s = new_scan(c);
    expect_all(&s);
    buffers b = new_buffers(&s);
    assert_non_null(b.decays.cum);
    run_kernels(&s, &b);
    double output = golden_relative_error(b.gated, s.expected, s.rows * s.inner);
    double state =
        golden_relative_error(s.state, s.end_state, c->sequences * s.shape.d_state * s.inner);
    if (!(output < 2e-6) || !(state < 2e-6)) {
        fail_msg("%zu sequences of %zu steps, split at %zu: output off by %g, state by %g",
                 c->sequences, c->steps, c->split, output, state);
    }
    assert_memory_equal(s.tail, s.end_tail, c->sequences * s.kept * s.conv * sizeof(float));
    free_buffers(&b);
    free_scan(&s);
}

static void test_scan(void **unused)
{
    (void)unused;
    const bsm_mixer_shape odd = {.heads = 3, .headdim = 5, .d_state = 7, .taps = 4};
    const scan_case cases[] = {
        {2, 1, 1, 64, false, false, odd},
        {3, 62, 62, 64, true, true, odd},
        {3, 70, 70, 64, false, true, {.heads = 1, .headdim = 33, .d_state = 1, .taps = 1}},
        {2, 50, 25, 32, false, false, odd}, /* as a live block */
        {2, 40, 1, 32, true, false, {.heads = 9, .headdim = 1, .d_state = 3, .taps = 6}},
        {1, 200, 130, 64, false, false, odd},
        {2, 129, 64, 64, true, true, {.heads = 2, .headdim = 4, .d_state = 40, .taps = 2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i]);
    }
}

/* A step may forget everything: nothing overflows, and what is left of before is zero. */
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
    buffers b = new_buffers(&s);
    run_kernels(&s, &b);
    assert_true(golden_relative_error(b.gated, s.expected, s.rows * s.inner) < 2e-6);
    for (size_t i = 0; i < 2 * c.steps; i++) {
        assert_true(isfinite(b.decays.cum[i]) && b.decays.in[i] >= 0 && b.decays.out[i] >= 0);
    }
    assert_true(b.decays.all[1] == 0);
    free_buffers(&b);
    free_scan(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_fast_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
