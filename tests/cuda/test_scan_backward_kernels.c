/* SPDX-License-Identifier: ISC */
/* Tests the scan's backward kernels, run on the host with plain products between them, as in
 * cuda/training/mixer_backward.c: compares every gradient with a finite difference of the
 * sequential scan in double. The sequences have odd lengths along either axis, in both directions,
 * with one chunk and with several. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "numbers.h"
#include "training/training_kernels.h"

typedef struct scan {
    bsm_steps steps;
    bsm_mixer_shape shape;
    size_t inner, conv, projected, taps, N, P, heads;
    size_t rows, chunk, chunks, in_chunks; /* in_chunks: rows if chunks are padded */
    bool states;                           /* true if sequences have more than one chunk */
    float *zxbcdt, *dt_bias, *A_log, *D, *weight, *bias; /* A_log and D follow dt_bias in memory */
    float *d_y; /* in rows; the loss is the sum of y times d_y */
} scan;

static size_t row_at(const scan *s, size_t sequence, size_t step)
{
    const size_t i = s->steps.reversed ? s->steps.steps - 1 - step : step;
    return sequence * s->steps.sequence_stride + i * s->steps.step_stride;
}

/* ---- What is expected ---- */

static double silu(double x)
{
    return x / (1 + exp(-x));
}

/* Compute x | B | C of a step. */
static void convolve(const scan *s, size_t sequence, size_t step, double *xbc)
{
    for (size_t c = 0; c < s->conv; c++) {
        double sum = (double)s->bias[c];
        for (size_t tap = 0; tap < s->taps && tap <= step; tap++) {
            const size_t row = row_at(s, sequence, step - tap);
            sum += (double)s->weight[(c + 1) * s->taps - 1 - tap] *
                   (double)s->zxbcdt[row * s->projected + s->inner + c];
        }
        xbc[c] = silu(sum);
    }
}

/* Advance the state S[i][n] by a step, and return the sum of y times d_y. */
static double scan_step(const scan *s, size_t row, const double *xbc, double *S)
{
    const double *B = xbc + s->inner, *C = B + s->N;
    double value = 0;
    for (size_t i = 0; i < s->inner; i++) {
        const size_t h = i / s->P;
        const double raw = (double)s->zxbcdt[(row + 1) * s->projected - s->heads + h];
        const double dt = log1p(exp(raw + (double)s->dt_bias[h]));
        const double kept = exp(-exp((double)s->A_log[h]) * dt);
        double y = (double)s->D[h] * xbc[i];
        for (size_t n = 0; n < s->N; n++) {
            S[i * s->N + n] = kept * S[i * s->N + n] + dt * xbc[i] * B[n];
            y += S[i * s->N + n] * C[n];
        }
        value += y * (double)s->d_y[row * s->inner + i];
    }
    return value;
}

/* Return the loss of a sequence; `work` has room for a step and a state. */
static double sequence_loss(const scan *s, size_t sequence, double *work)
{
    double *S = work + s->conv, sum = 0;
    memset(S, 0, s->inner * s->N * sizeof *S);
    for (size_t step = 0; step < s->steps.steps; step++) {
        convolve(s, sequence, step, work);
        sum += scan_step(s, row_at(s, sequence, step), work, S);
    }
    return sum;
}

/* Return the derivative by a fourth-order finite difference. The number that is varied is a
 * multiple of 2^-12, so that float32 represents it exactly. */
static double slope(const scan *s, float *by, double *work)
{
    const float at = *by, width = 0x1p-7F;
    double values[4];
    for (size_t i = 0; i < 4; i++) {
        *by = at + width * (float[]){-2, -1, 1, 2}[i];
        values[i] = 0;
        for (size_t q = 0; q < s->steps.sequences; q++) {
            values[i] += sequence_loss(s, q, work);
        }
    }
    *by = at;
    return (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * (double)width);
}

static void assert_slopes(const scan *s, const char *what, float *by, size_t count,
                          const float *actual, double tolerance)
{
    float *expected = zeros(count);
    double *work = double_zeros(s->conv + s->inner * s->N);
    for (size_t i = 0; i < count; i++) {
        expected[i] = (float)slope(s, by + i, work);
    }
    const double off = golden_relative_error(actual, expected, count);
    if (!(off < tolerance)) {
        fail_msg("%s: off by %g", what, off);
    }
}

/* ---- What the kernels make of it ---- */

typedef struct buffers {
    bool bf16;
    bsm_kernel_queue queue;
    float *A;
    bsm_decays decays;
    bsm_decay_gradients gradients;
    void *zxBC, *d_y; /* the kernels' input, as values */
    float *raw_dt;
    void *x, *BC, *scaled, *M, *before, *y, *d_inside, *d_outside, *d_G, *d_behind,
        *d_zxbcdt; /* values */
    float *G, *added, *inside, *outside, *d_M, *d_x, *d_BC, *d_before, *V, *left;
    float *by_decays, *by_convolution; /* partial sums */
} buffers;

static bsm_decays new_decays(const scan *s)
{
    const size_t steps = s->in_chunks * s->heads;
    return (bsm_decays){.dt = new_values(false, steps),
                        .cum = double_zeros(steps),
                        .in = new_values(false, steps),
                        .out = new_values(false, steps),
                        .all = new_values(false, s->chunks * s->heads)};
}

static bsm_decay_gradients new_gradients(const scan *s)
{
    const size_t steps = s->in_chunks * s->heads;
    return (bsm_decay_gradients){.d_dt = new_values(false, steps),
                                 .d_cum = new_values(false, steps),
                                 .d_all = new_values(false, s->chunks * s->heads),
                                 .diagonal = new_values(false, steps)};
}

static void give(const scan *s, buffers *b)
{
    const size_t given = s->projected - s->heads;
    b->zxBC = to_values(b->bf16, columns_of(false, s->zxbcdt, s->rows, s->projected, 0, given),
                        s->rows * given);
    b->raw_dt = columns_of(false, s->zxbcdt, s->rows, s->projected, given, s->heads);
    b->d_y = to_values(b->bf16, s->d_y, s->rows * s->inner);
}

static buffers new_buffers(const scan *s, bool bf16)
{
    const size_t in = s->in_chunks, state = s->chunks * s->N * s->inner;
    const size_t scores = in * s->chunk * s->heads, wide = in * s->inner;
    buffers b = {.bf16 = bf16, .queue = {NULL, bf16}, .A = zeros(s->heads)};
    give(s, &b);
    b.decays = new_decays(s);
    b.gradients = new_gradients(s);
    void **values[] = {&b.x, &b.scaled, &b.d_inside, &b.d_outside};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        *values[i] = new_values(bf16, wide);
    }
    float **floats[] = {&b.inside, &b.outside, &b.d_x, &b.V};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        *floats[i] = new_values(false, wide);
    }
    b.BC = new_values(bf16, in * 2 * s->N), b.d_BC = new_values(false, in * 2 * s->N);
    b.G = new_values(false, in * s->chunk), b.d_G = new_values(bf16, in * s->chunk);
    b.M = new_values(bf16, scores), b.d_M = new_values(false, scores);
    b.added = new_values(false, state), b.before = new_values(bf16, state);
    b.d_before = new_values(false, state), b.d_behind = new_values(bf16, state);
    b.y = new_values(bf16, s->rows * s->inner), b.left = new_values(false, in * s->heads);
    b.d_zxbcdt = new_values(bf16, s->rows * s->projected);
    b.by_decays = new_values(false, s->chunks * 3 * s->heads);
    b.by_convolution = new_values(false, s->chunks * s->conv * (s->taps + 1));
    for (size_t h = 0; h < s->heads; h++) {
        b.A[h] = (float)-exp((double)s->A_log[h]);
    }
    return b;
}

/* Return B or C of a chunk: [step][N]. */
static matrix part_of(const scan *s, const buffers *b, size_t c, bool C)
{
    return (matrix){b->bf16, b->BC, c * s->chunk * 2 * s->N + (C ? s->N : 0), 2 * s->N, 1};
}

static void forward_states(const scan *s, const buffers *b)
{
    const size_t Q = s->chunk, N = s->N, inner = s->inner;
    for (size_t c = 0; c < s->chunks; c++) {
        product(N, inner, Q, transposed(part_of(s, b, c, false)),
                matrix_of(b->bf16, b->scaled, c, Q, inner), b->added + c * N * inner, inner, false);
    }
    const bsm_pass_states pass = {s->steps, s->shape, b->added, b->decays.all,
                                  NULL,     NULL,     b->before};
    bsm_kernel_pass_states(b->queue, &pass);
    for (size_t c = 0; c < s->chunks; c++) {
        product(Q, inner, N, part_of(s, b, c, true), matrix_of(b->bf16, b->before, c, N, inner),
                b->outside + c * Q * inner, inner, false);
    }
}

/* Run the forward pass up to the states. The backward pass computes `inside` and y again. */
static void forward(const scan *s, const buffers *b)
{
    const bsm_prepare prepare = {.steps = s->steps,
                                 .shape = s->shape,
                                 .zxBC = b->zxBC,
                                 .raw_dt = b->raw_dt,
                                 .dt_bias = s->dt_bias,
                                 .A = b->A,
                                 .weight = s->weight,
                                 .bias = s->bias,
                                 .decays = b->decays,
                                 .x = b->x,
                                 .BC = b->BC,
                                 .scaled = s->states ? b->scaled : NULL};
    bsm_kernel_decays(b->queue, &prepare);
    bsm_kernel_convolution(b->queue, &prepare);
    for (size_t c = 0; c < s->chunks; c++) {
        product(s->chunk, s->chunk, s->N, part_of(s, b, c, true),
                transposed(part_of(s, b, c, false)), b->G + c * s->chunk * s->chunk, s->chunk,
                false);
    }
    if (s->states) {
        forward_states(s, b);
    }
}

/* For each head of a chunk compute d_M = d_y x^T; if `after`, d_x = M^T d_y, and inside = M x for
 * y. */
static void for_heads(const scan *s, const buffers *b, bool after)
{
    const size_t Q = s->chunk, P = s->P;
    for (size_t h = 0; h < s->chunks * s->heads; h++) {
        const matrix x = matrix_of(b->bf16, b->x, h, Q, P);
        const matrix d_inside = matrix_of(b->bf16, b->d_inside, h, Q, P);
        const matrix M = matrix_of(b->bf16, b->M, h, Q, Q);
        if (!after) {
            product(Q, Q, P, d_inside, transposed(x), b->d_M + h * Q * Q, Q, false);
        } else {
            product(Q, P, Q, transposed(M), d_inside, b->d_x + h * Q * P, P, false);
            product(Q, P, Q, M, x, b->inside + h * Q * P, P, false);
        }
    }
}

static void inside_backward(const scan *s, const buffers *b)
{
    const size_t Q = s->chunk, N = s->N;
    const float *outside = s->states ? b->outside : NULL;
    const bsm_lay_out lay_out = {s->steps,     s->shape,    b->d_y,       outside,
                                 b->decays.in, b->d_inside, b->d_outside, b->gradients.d_cum};
    bsm_kernel_lay_out(b->queue, &lay_out);
    for_heads(s, b, false);
    const bsm_scores_backward scores = {
        {(uint32_t)s->chunks, (uint32_t)Q, (uint32_t)s->heads, b->G, s->D, b->decays, b->M},
        b->d_M,
        b->d_G,
        b->gradients};
    bsm_kernel_scores_backward(b->queue, &scores);
    for_heads(s, b, true);
    for (size_t c = 0; c < s->chunks; c++) {
        const matrix d_G = matrix_of(b->bf16, b->d_G, c, Q, Q);
        float *d_B = b->d_BC + c * Q * 2 * N;
        product(Q, N, Q, transposed(d_G), part_of(s, b, c, true), d_B, 2 * N, false);
        product(Q, N, Q, d_G, part_of(s, b, c, false), d_B + N, 2 * N, false);
    }
}

static void states_backward(const scan *s, const buffers *b)
{
    const size_t Q = s->chunk, N = s->N, inner = s->inner;
    for (size_t c = 0; c < s->chunks; c++) {
        product(N, inner, Q, transposed(part_of(s, b, c, true)),
                matrix_of(b->bf16, b->d_outside, c, Q, inner), b->d_before + c * N * inner, inner,
                false);
    }
    const bsm_pass_states_backward pass = {s->steps,      s->shape,    b->d_before,       b->before,
                                           b->decays.all, b->d_behind, b->gradients.d_all};
    bsm_kernel_pass_states_backward(b->queue, &pass);
    for (size_t c = 0; c < s->chunks; c++) {
        const matrix d_behind = matrix_of(b->bf16, b->d_behind, c, N, inner);
        const matrix before = matrix_of(b->bf16, b->before, c, N, inner);
        float *d_B = b->d_BC + c * Q * 2 * N;
        product(Q, inner, N, part_of(s, b, c, false), d_behind, b->V + c * Q * inner, inner, false);
        product(Q, N, inner, matrix_of(b->bf16, b->scaled, c, Q, inner), transposed(d_behind), d_B,
                2 * N, true);
        product(Q, N, inner, matrix_of(b->bf16, b->d_outside, c, Q, inner), transposed(before),
                d_B + N, 2 * N, true);
    }
    const bsm_leave_backward leave = {s->steps,  s->shape, b->x,         b->V,
                                      b->decays, b->d_x,   b->gradients, b->left};
    bsm_kernel_leave_backward(b->queue, &leave);
}

static void backward(const scan *s, const buffers *b)
{
    inside_backward(s, b);
    if (s->states) {
        states_backward(s, b);
    }
    const bsm_decays_backward decays = {s->steps,    s->shape,    b->raw_dt,    s->dt_bias,
                                        b->A,        b->decays,   b->gradients, s->states,
                                        b->d_zxbcdt, b->by_decays};
    bsm_kernel_decays_backward(b->queue, &decays);
    const bsm_convolution_backward convolution = {s->steps,    s->shape,         b->zxBC, s->weight,
                                                  s->bias,     b->d_x,           false,   b->d_BC,
                                                  b->d_zxbcdt, b->by_convolution};
    bsm_kernel_convolution_backward(b->queue, &convolution);
    const bsm_collect collect = {s->steps,     s->shape, b->inside, s->states ? b->outside : NULL,
                                 b->decays.in, b->y};
    bsm_kernel_collect(b->queue, &collect);
}

/* ---- Cases ---- */

typedef struct scan_case {
    size_t sequences, steps, chunk;
    bool along_bands, reversed;
    bsm_mixer_shape shape;
} scan_case;

static float *exact_noise(size_t count, float low, float high)
{
    float *numbers = noise(count, low, high);
    for (size_t i = 0; i < count; i++) {
        numbers[i] = roundf(numbers[i] * 0x1p12F) * 0x1p-12F;
    }
    return numbers;
}

static scan new_scan(const scan_case *c)
{
    const size_t of_each = (c->steps + c->chunk - 1) / c->chunk;
    scan s = {.shape = c->shape,
              .inner = bsm_shape_inner(c->shape),
              .conv = bsm_shape_conv(c->shape),
              .projected = bsm_shape_projected(c->shape),
              .taps = c->shape.taps,
              .N = c->shape.d_state,
              .P = c->shape.headdim,
              .heads = c->shape.heads,
              .rows = c->sequences * c->steps,
              .chunk = c->chunk,
              .chunks = c->sequences * of_each,
              .in_chunks = c->sequences * of_each * c->chunk,
              .states = of_each > 1};
    s.steps = (bsm_steps){.sequences = (uint32_t)c->sequences,
                          .steps = (uint32_t)c->steps,
                          .sequence_stride = c->along_bands ? 1 : (uint32_t)c->steps,
                          .step_stride = c->along_bands ? (uint32_t)c->sequences : 1,
                          .reversed = c->reversed,
                          .chunk = (uint32_t)c->chunk,
                          .chunks = (uint32_t)of_each,
                          .split = (uint32_t)c->steps,
                          .split_chunks = (uint32_t)of_each};
    s.zxbcdt = coarse_noise(s.rows * s.projected, -2, 2);
    s.dt_bias = exact_noise(3 * s.heads, -1, 1);
    s.A_log = s.dt_bias + s.heads, s.D = s.A_log + s.heads;
    for (size_t i = 0; i < 2 * s.heads; i++) {
        s.dt_bias[i] = 2 * s.dt_bias[i] - 1;
    }
    s.weight = exact_noise(s.conv * s.taps, -1, 1);
    s.bias = exact_noise(s.conv, -1, 1);
    s.d_y = coarse_noise(s.rows * s.inner, -1, 1);
    return s;
}

static float *summed(const float *partial, size_t pieces, size_t all, size_t first, size_t columns)
{
    float *sums = zeros(columns);
    for (size_t i = 0; i < pieces * columns; i++) {
        sums[i % columns] += partial[i / columns * all + first + i % columns];
    }
    return sums;
}

/* Check the gradients by all inputs but z, which the scan does not use. */
static void check_inputs(scan *s, const buffers *b, double tolerance)
{
    const size_t seen = s->projected - s->inner;
    const float *actual = columns_of(b->bf16, b->d_zxbcdt, s->rows, s->projected, s->inner, seen);
    float *expected = zeros(s->rows * seen);
    double *work = double_zeros(s->conv + s->inner * s->N);
    for (size_t i = 0; i < s->rows * seen; i++) {
        float *by = s->zxbcdt + i / seen * s->projected + s->inner + i % seen;
        expected[i] = (float)slope(s, by, work);
    }
    const double off = golden_relative_error(actual, expected, s->rows * seen);
    if (!(off < tolerance)) {
        fail_msg("inputs: off by %g", off);
    }
}

static void check_case(const scan_case *c, bool bf16)
{
    const double tolerance = bf16 ? 3e-2 : 1e-5;
    scan s = new_scan(c);
    const buffers b = new_buffers(&s, bf16);
    forward(&s, &b);
    backward(&s, &b);
    const size_t heads = s.heads, wide = s.conv * s.taps, all = wide + s.conv;
    assert_slopes(&s, "y", s.d_y, s.rows * s.inner,
                  columns_of(bf16, b.y, s.rows, s.inner, 0, s.inner), tolerance);
    /* These are checked together, because one alone may be close to zero: the sum of many numbers
     * that bfloat16 has rounded. */
    assert_slopes(&s, "dt_bias, A_log and D", s.dt_bias, 3 * heads,
                  summed(b.by_decays, s.chunks, 3 * heads, 0, 3 * heads), tolerance);
    assert_slopes(&s, "weight", s.weight, wide, summed(b.by_convolution, s.chunks, all, 0, wide),
                  tolerance);
    assert_slopes(&s, "bias", s.bias, s.conv, summed(b.by_convolution, s.chunks, all, wide, s.conv),
                  tolerance);
    check_inputs(&s, &b, tolerance);
}

static const scan_case cases[] = {
    {2, 2, 32, false, false, {.heads = 3, .headdim = 2, .d_state = 3, .taps = 4}},
    {3, 21, 32, true, true, {.heads = 1, .headdim = 5, .d_state = 2, .taps = 1}},
    {2, 40, 32, false, false, {.heads = 3, .headdim = 2, .d_state = 3, .taps = 4}},
    {1, 70, 32, false, true, {.heads = 2, .headdim = 1, .d_state = 1, .taps = 3}},
    {2, 65, 64, true, false, {.heads = 1, .headdim = 3, .d_state = 2, .taps = 2}},
    {1, 37, 32, false, true, {.heads = 1, .headdim = 2, .d_state = 1, .taps = 6}},
};

static void test_float32(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], false);
        free_numbers(NULL);
    }
}

static void test_bfloat16(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case(&cases[i], true);
        free_numbers(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_float32, free_numbers),
        cmocka_unit_test_teardown(test_bfloat16, free_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
