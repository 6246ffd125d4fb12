/* SPDX-License-Identifier: ISC */
/* The scan's gradients against the golden cases, by each way there is to compute them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/reference/backward.h"
#include "device/scan_case.h"

/* The gradients of a case, each shaped as what it belongs to. Zero at the start. */
typedef struct scan_results {
    double *x, *B, *C, *dt, *A, *D, *state_in;
} scan_results;

/* ---- One step at a time ---- */

/* The states before each step of sequence `b`, and after the last. */
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

static void run_sequential(const scan_case *c, const scan_results *d)
{
    size_t state = c->config.dim * c->config.d_state;
    for (size_t b = 0; b < c->batch; b++) {
        float *states = sequential_states(c, b);
        for (size_t n = c->steps; n-- > 0;) {
            sequential_step(c, b * c->steps + n, states + n * state, d->state_in + b * state, d);
        }
        free(states);
    }
}

/* ---- Checks ---- */

static const struct {
    const char *name;
    void (*run)(const scan_case *c, const scan_results *d);
    double tolerance;
} methods[] = {{"sequential", run_sequential, 2e-6}};

static double *zeros(size_t count)
{
    double *values = calloc(count, sizeof *values);
    assert_non_null(values);
    return values;
}

/* Also frees `actual`. */
static void check(const char *method, char letter, const char *name, double *actual,
                  const golden_tensor *expected, double tolerance)
{
    float *rounded = malloc(expected->count * sizeof *rounded);
    assert_non_null(rounded);
    for (size_t i = 0; i < expected->count; i++) {
        rounded[i] = (float)actual[i];
    }
    double error = golden_relative_error(rounded, expected->data, expected->count);
    if (!(error <= tolerance)) {
        fail_msg("%s scan, case %c: gradient by %s is off by %.3g", method, letter, name, error);
    }
    free(rounded);
    free(actual);
}

static void check_case(size_t method, const scan_case *c, char letter)
{
    scan_results d = {.x = zeros(c->dx.count),
                      .B = zeros(c->dB.count),
                      .C = zeros(c->dC.count),
                      .dt = zeros(c->ddt.count),
                      .A = zeros(c->dA.count),
                      .D = zeros(c->dD.count),
                      .state_in = zeros(c->dstate_in.count)};
    const char *name = methods[method].name;
    double tolerance = methods[method].tolerance;
    methods[method].run(c, &d);
    check(name, letter, "x", d.x, &c->dx, tolerance);
    check(name, letter, "B", d.B, &c->dB, tolerance);
    check(name, letter, "C", d.C, &c->dC, tolerance);
    check(name, letter, "dt", d.dt, &c->ddt, tolerance);
    check(name, letter, "A", d.A, &c->dA, tolerance);
    check(name, letter, "D", d.D, &c->dD, tolerance);
    check(name, letter, "the first state", d.state_in, &c->dstate_in, tolerance);
}

static void test_golden_cases(void **unused)
{
    (void)unused;
    golden *file = golden_open("ssd.safetensors");
    for (char letter = 'a'; letter <= 'd'; letter++) {
        scan_case c = scan_case_load(file, letter);
        for (size_t method = 0; method < sizeof methods / sizeof *methods; method++) {
            check_case(method, &c, letter);
        }
    }
    golden_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
