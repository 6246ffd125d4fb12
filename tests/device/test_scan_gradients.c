/* SPDX-License-Identifier: ISC */
/* Tests the scan's gradients against the golden cases, for each way to compute them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/training/space.h"
#include "device/reference/backward.h"
#include "device/scan_case.h"

/* The gradients of a case, each of the same shape as what it belongs to. They start as zero. */
typedef struct scan_results {
    double *x, *B, *C, *dt, *A, *D, *state_in;
} scan_results;

/* ---- One step at a time ---- */

/* Return the states before each step of sequence `b`, and after the last. */
static float *sequential_states(const scan_case *c, size_t b)
{
    size_t inner = c->config.dim, heads = bsm_config_heads(&c->config), N = c->config.d_state;
    size_t state = inner * N;
    float *states = malloc((c->steps + 1) * state * sizeof *states);
    float *y = malloc(inner * sizeof *y);
    assert_non_null(states);
    assert_non_null(y);
    memcpy(states, c->state_in.data + b * state, state * sizeof *states);
    for (size_t n = 0; n < c->steps; n++) {
        size_t t = b * c->steps + n;
        float *before = states + n * state, *after = before + state;
        memcpy(after, before, state * sizeof *after);
        bsm_reference_scan_step(&c->config, c->x.data + t * inner, c->dt.data + t * heads,
                                c->A.data, c->B.data + t * N, c->C.data + t * N, c->D.data, after,
                                y);
    }
    free(y);
    return states;
}

static void sequential_step(const scan_case *c, size_t t, const float *before, double *dS,
                            const scan_results *d)
{
    size_t inner = c->config.dim, heads = bsm_config_heads(&c->config), N = c->config.d_state;
    double *dy = malloc(inner * sizeof *dy);
    assert_non_null(dy);
    for (size_t i = 0; i < inner; i++) {
        dy[i] = (double)c->dy.data[t * inner + i];
    }
    bsm_reference_scan_values values = {.x = c->x.data + t * inner,
                                        .dt = c->dt.data + t * heads,
                                        .A = c->A.data,
                                        .D = c->D.data,
                                        .B = c->B.data + t * N,
                                        .C = c->C.data + t * N,
                                        .before = before,
                                        .after = before + inner * N};
    bsm_reference_scan_gradients gradients = {.x = d->x + t * inner,
                                              .dt = d->dt + t * heads,
                                              .A = d->A,
                                              .D = d->D,
                                              .B = d->B + t * N,
                                              .C = d->C + t * N,
                                              .S = dS};
    bsm_reference_scan_step_backward(&c->config, &values, dy, &gradients);
    free(dy);
}

static void run_sequential(const scan_case *c, const bsm_kernels *kernels, const scan_results *d)
{
    (void)kernels;
    size_t state = c->config.dim * c->config.d_state;
    for (size_t b = 0; b < c->batch; b++) {
        float *states = sequential_states(c, b);
        for (size_t n = c->steps; n-- > 0;) {
            sequential_step(c, b * c->steps + n, states + n * state, d->state_in + b * state, d);
        }
        free(states);
    }
}

/* ---- In chunks ---- */

/* The chunks of one sequence. */
typedef struct chunks {
    const scan_case *c;
    const bsm_kernels *kernels;
    size_t count, inner, heads, N;
    size_t ld, ld_xbc;  /* row lengths, for rows of inner and of inner + 2 N floats */
    float *raw;         /* [step][heads] dt before the softplus */
    float *xbc, *d_xbc; /* [step][inner + 2 N] */
    float *d_y;         /* [step][inner] */
    float *states;      /* [chunk + 1][N][inner] before each chunk, and at the end */
    bsm_decay *decays;  /* [chunk] */
    float *d_raw, *d_bias, *d_A, *d_D;
    bsm_scan_scratch scratch;
    void *memory;
} chunks;

static void divide_chunks(chunks *k, bsm_carver *carver)
{
    const scan_case *c = k->c;
    k->raw = bsm_carve_floats(carver, c->steps * k->heads);
    k->xbc = bsm_carve_floats(carver, c->steps * k->ld_xbc);
    k->d_xbc = bsm_carve_floats(carver, c->steps * k->ld_xbc);
    k->d_y = bsm_carve_floats(carver, c->steps * k->ld);
    k->states = bsm_carve_floats(carver, (k->count + 1) * k->N * k->ld);
    k->decays = bsm_carve(carver, k->count * sizeof *k->decays);
    for (size_t i = 0; i < k->count; i++) {
        void *tile = bsm_carve(carver, bsm_cpu_tile_size(&c->config));
        if (carver->block) {
            k->decays[i] = bsm_cpu_tile_at(&c->config, k->kernels, tile).decay;
        }
    }
    k->d_raw = bsm_carve_floats(carver, c->steps * k->heads);
    k->d_bias = bsm_carve_floats(carver, k->heads);
    k->d_A = bsm_carve_floats(carver, k->heads);
    k->d_D = bsm_carve_floats(carver, k->heads);
    k->scratch = bsm_scan_scratch_carve(carver, &c->config, k->kernels);
}

static chunks new_chunks(const scan_case *c, const bsm_kernels *kernels)
{
    chunks k = {.c = c,
                .kernels = kernels,
                .count = (c->steps + BSM_CHUNK - 1) / BSM_CHUNK,
                .inner = c->config.dim,
                .heads = bsm_config_heads(&c->config),
                .N = c->config.d_state,
                .ld = bsm_cpu_ld(c->config.dim),
                .ld_xbc = bsm_cpu_ld(bsm_config_conv_dim(&c->config))};
    bsm_carver sizing = {0};
    divide_chunks(&k, &sizing);
    k.memory = aligned_alloc(BSM_CARVE_ALIGNMENT, sizing.used);
    assert_non_null(k.memory);
    memset(k.memory, 0xff, sizing.used); /* NaN, because nothing may be read before it is written */
    bsm_carver real = {.block = k.memory};
    divide_chunks(&k, &real);
    memset(k.d_bias, 0, k.heads * sizeof *k.d_bias);
    memset(k.d_A, 0, k.heads * sizeof *k.d_A);
    memset(k.d_D, 0, k.heads * sizeof *k.d_D);
    return k;
}

static void load_sequence(const chunks *k, size_t b)
{
    const scan_case *c = k->c;
    for (size_t t = 0; t < c->steps; t++) {
        size_t from = b * c->steps + t;
        float *row = k->xbc + t * k->ld_xbc;
        memcpy(k->d_y + t * k->ld, c->dy.data + from * k->inner, k->inner * sizeof *row);
        memcpy(row, c->x.data + from * k->inner, k->inner * sizeof *row);
        memcpy(row + k->inner, c->B.data + from * k->N, k->N * sizeof *row);
        memcpy(row + k->inner + k->N, c->C.data + from * k->N, k->N * sizeof *row);
        for (size_t h = 0; h < k->heads; h++) {
            k->raw[t * k->heads + h] = (float)log(expm1((double)c->dt.data[from * k->heads + h]));
        }
    }
}

static size_t rows_of(const chunks *k, size_t chunk)
{
    size_t rest = k->c->steps - chunk * BSM_CHUNK;
    return rest < BSM_CHUNK ? rest : BSM_CHUNK;
}

/* Compute decays and states; a state is [N][inner], but [inner][N] in the golden file. */
static void run_forward(const chunks *k, size_t b, const float *no_bias)
{
    const scan_case *c = k->c;
    size_t state_size = k->N * k->ld;
    void *memory = aligned_alloc(64, bsm_cpu_tile_size(&c->config));
    assert_non_null(memory);
    bsm_cpu_tile tile = bsm_cpu_tile_at(&c->config, k->kernels, memory);
    for (size_t i = 0; i < k->N * k->inner; i++) {
        k->states[i % k->N * k->ld + i / k->N] = c->state_in.data[b * k->N * k->inner + i];
    }
    for (size_t i = 0; i < k->count; i++) {
        size_t rows = rows_of(k, i), first = i * BSM_CHUNK;
        bsm_cpu_state state = {.S = k->states + (i + 1) * state_size};
        memcpy(state.S, state.S - state_size, state_size * sizeof *state.S);
        tile.decay = k->decays[i];
        k->kernels->decays(rows, k->heads, k->raw + first * k->heads, k->heads, no_bias, c->A.data,
                           &tile.decay);
        memcpy(tile.xbc, k->xbc + first * k->ld_xbc, rows * k->ld_xbc * sizeof(float));
        bsm_cpu_scan_chunk(&tile, rows, c->D.data, &state, false, NULL);
    }
    free(memory);
}

static void run_backward(const chunks *k, const float *no_bias, float *d_S)
{
    const scan_case *c = k->c;
    bool zero = true;
    for (size_t i = k->count; i-- > 0;) {
        size_t rows = rows_of(k, i), first = i * BSM_CHUNK;
        bsm_scan_chunk chunk = {.rows = rows,
                                .xbc = k->xbc + first * k->ld_xbc,
                                .D = c->D.data,
                                .S = k->states + i * k->N * k->ld,
                                .decay = k->decays[i],
                                .d_y = k->d_y + first * k->ld,
                                .d_xbc = k->d_xbc + first * k->ld_xbc,
                                .d_D = k->d_D};
        bsm_scan_chunk_backward(&k->scratch, &chunk, d_S, &zero, false);
        k->kernels->backward->decays(rows, k->heads, k->raw + first * k->heads, k->heads, no_bias,
                                     c->A.data, &chunk.decay, &k->scratch.decay,
                                     k->d_raw + first * k->heads, k->d_bias, k->d_A);
    }
}

/* Store the gradients of one sequence; the derivative of softplus(raw) is 1 - exp(-dt). */
static void store(const chunks *k, size_t b, const float *d_S, const scan_results *d)
{
    size_t N = k->N, inner = k->inner;
    for (size_t t = 0; t < k->c->steps; t++) {
        size_t to = b * k->c->steps + t;
        const float *row = k->d_xbc + t * k->ld_xbc;
        for (size_t i = 0; i < inner; i++) {
            d->x[to * inner + i] = (double)row[i];
        }
        for (size_t n = 0; n < N; n++) {
            d->B[to * N + n] = (double)row[inner + n];
            d->C[to * N + n] = (double)row[inner + N + n];
        }
        for (size_t h = 0; h < k->heads; h++) {
            size_t at = to * k->heads + h;
            d->dt[at] = (double)k->d_raw[t * k->heads + h] / -expm1(-(double)k->c->dt.data[at]);
        }
    }
    for (size_t i = 0; i < N * inner; i++) {
        d->state_in[b * N * inner + i] = (double)d_S[i % N * k->ld + i / N];
    }
    for (size_t h = 0; h < k->heads; h++) {
        d->A[h] += (double)k->d_A[h];
        d->D[h] += (double)k->d_D[h];
    }
}

static void run_chunked(const scan_case *c, const bsm_kernels *kernels, const scan_results *d)
{
    for (size_t b = 0; b < c->batch; b++) {
        chunks k = new_chunks(c, kernels);
        float *d_S = malloc(k.N * k.ld * sizeof *d_S);
        float *no_bias = calloc(k.heads, sizeof *no_bias);
        assert_non_null(d_S);
        assert_non_null(no_bias);
        load_sequence(&k, b);
        run_forward(&k, b, no_bias);
        run_backward(&k, no_bias, d_S);
        store(&k, b, d_S, d);
        free(no_bias);
        free(d_S);
        free(k.memory);
    }
}

/* ---- Checks ---- */

typedef struct method {
    const char *name;
    void (*run)(const scan_case *c, const bsm_kernels *kernels, const scan_results *d);
    const bsm_kernels *kernels;
    double tolerance;
} method;

static double *zeros(size_t count)
{
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

/* Compare with the golden numbers, and free `actual`. */
static void check(const char *way, char letter, const char *name, double *actual,
                  const golden_tensor *expected, double tolerance)
{
    float *rounded = malloc(expected->count * sizeof *rounded);
    assert_non_null(rounded);
    for (size_t i = 0; i < expected->count; i++) {
        rounded[i] = (float)actual[i];
    }
    double error = golden_relative_error(rounded, expected->data, expected->count);
    if (!(error <= tolerance)) {
        fail_msg("%s scan, case %c: gradient by %s is off by %.3g", way, letter, name, error);
    }
    free(rounded);
    free(actual);
}

static void check_case(const method *m, const scan_case *c, char letter)
{
    scan_results d = {.x = zeros(c->dx.count),
                      .B = zeros(c->dB.count),
                      .C = zeros(c->dC.count),
                      .dt = zeros(c->ddt.count),
                      .A = zeros(c->dA.count),
                      .D = zeros(c->dD.count),
                      .state_in = zeros(c->dstate_in.count)};
    m->run(c, m->kernels, &d);
    check(m->name, letter, "x", d.x, &c->dx, m->tolerance);
    check(m->name, letter, "B", d.B, &c->dB, m->tolerance);
    check(m->name, letter, "C", d.C, &c->dC, m->tolerance);
    check(m->name, letter, "dt", d.dt, &c->ddt, m->tolerance);
    check(m->name, letter, "A", d.A, &c->dA, m->tolerance);
    check(m->name, letter, "D", d.D, &c->dD, m->tolerance);
    check(m->name, letter, "the first state", d.state_in, &c->dstate_in, m->tolerance);
}

static void check_cases(const method *m)
{
    golden *file = golden_open("ssd.safetensors");
    for (char letter = 'a'; letter <= 'd'; letter++) {
        scan_case c = scan_case_load(file, letter);
        check_case(m, &c, letter);
    }
    golden_close(file);
}

static void test_sequential(void **unused)
{
    (void)unused;
    check_cases(&(method){"sequential", run_sequential, NULL, 2e-6});
}

static void test_chunked(void **unused)
{
    (void)unused;
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        check_cases(&(method){bsm_kernels_at(i)->name, run_chunked, bsm_kernels_at(i), 5e-6});
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sequential),
                                       cmocka_unit_test(test_chunked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
