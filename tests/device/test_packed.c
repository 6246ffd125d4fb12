/* SPDX-License-Identifier: ISC */
/* Tests packed products of each instruction set, and their models in plain C, against exact
 * arithmetic. Instruction sets that the processor does not have are skipped. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/bf16.h"
#include "device/cpu/packed.h"
#include "noise.h"

static uint64_t seed = 1;

typedef struct shape {
    size_t m, n, k;
} shape;

/* Whole and incomplete tiles of rows, outputs and inputs. */
static const shape shapes[] = {{1, 1, 1},     {16, 16, 64},   {17, 33, 65}, {64, 96, 256},
                               {62, 80, 100}, {33, 17, 1024}, {5, 300, 37}, {48, 48, 128}};
enum { SHAPES = sizeof shapes / sizeof *shapes, GAP = 3 };

static void *new_memory(size_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    assert_non_null(memory);
    return memory;
}

static float *new_noise(size_t count)
{
    float *values = new_memory(count * sizeof *values);
    noise_fill(&seed, values, count);
    return values;
}

/* Return the instruction set of a name; skips the test if this processor does not have it. */
static const bsm_packed_kernels *find(const char *name)
{
    for (size_t i = 0; bsm_packed_at(i); i++) {
        if (!strcmp(bsm_packed_at(i)->name, name)) {
            return bsm_packed_at(i);
        }
    }
    print_message("skipped: this processor, or this system, has no %s\n", name);
    skip();
    return NULL;
}

/* A product in memory of its own: C has a gap after each row. */
typedef struct product_case {
    shape shape;
    float beta;
    size_t lda, ldc;
    float *weights; /* [k][n] */
    float *c0, *c;
} product_case;

static product_case new_case(const shape *s, float beta, size_t depth)
{
    product_case p = {.shape = *s, .beta = beta, .ldc = s->n + GAP};
    p.lda = bsm_whole_tiles(s->k, depth) + depth;
    p.weights = new_noise(s->k * s->n);
    p.c0 = new_noise(s->m * p.ldc);
    p.c = new_memory(s->m * p.ldc * sizeof *p.c);
    memcpy(p.c, p.c0, s->m * p.ldc * sizeof *p.c);
    return p;
}

static void free_case(product_case *p)
{
    free(p->weights);
    free(p->c0);
    free(p->c);
}

static bsm_matrix_source source_of(const product_case *p)
{
    return (bsm_matrix_source){.values = p->weights,
                               .in = p->shape.k,
                               .out = p->shape.n,
                               .in_step = p->shape.n,
                               .out_step = 1};
}

/* Compare C with `sums` + beta C, and check that the gaps have not changed. */
static void check_case(const product_case *p, const double *sums, double tolerance)
{
    for (size_t i = 0; i < p->shape.m; i++) {
        const float *c = p->c + i * p->ldc, *c0 = p->c0 + i * p->ldc;
        for (size_t j = 0; j < p->shape.n; j++) {
            double expected = sums[i * p->shape.n + j] + (double)(p->beta * c0[j]);
            if (!(fabs((double)c[j] - expected) <= tolerance)) {
                fail_msg("%zu x %zu x %zu, beta %g: row %zu, column %zu is %g, not %g", p->shape.m,
                         p->shape.n, p->shape.k, (double)p->beta, i, j, (double)c[j], expected);
            }
        }
        assert_memory_equal(c + p->shape.n, c0 + p->shape.n, GAP * sizeof *c);
    }
}

/* ---- bfloat16 ---- */

/* Return rows up to a whole tile; those after the last one contain NaN. */
static uint16_t *new_bf16_rows(const product_case *p)
{
    const size_t rows = bsm_whole_tiles(p->shape.m, BSM_TILE);
    uint16_t *a = new_memory(rows * p->lda * sizeof *a);
    for (size_t i = 0; i < rows * p->lda; i++) {
        const size_t row = i / p->lda, k = i % p->lda;
        float value;
        noise_fill(&seed, &value, 1);
        a[i] = bf16_of(row >= p->shape.m ? NAN : k < p->shape.k ? value : 0);
    }
    return a;
}

static void check_bf16(const bsm_packed_kernels *set, const shape *s, float beta)
{
    product_case p = new_case(s, beta, BSM_BF16_DEPTH);
    const bsm_matrix_source source = source_of(&p);
    uint16_t *a = new_bf16_rows(&p);
    uint16_t *b = new_memory(bsm_bf16_packed_size(s->k, s->n) * sizeof *b);
    bsm_bf16_pack(&source, b);
    set->bf16(&(bsm_bf16_product){.m = s->m,
                                  .n = s->n,
                                  .k = s->k,
                                  .a = a,
                                  .lda = p.lda,
                                  .b = b,
                                  .beta = beta,
                                  .c = p.c,
                                  .ldc = p.ldc});
    double *sums = new_memory(s->m * s->n * sizeof *sums);
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0;
            for (size_t k = 0; k < s->k; k++) {
                const float weight = bf16_value(bf16_of(p.weights[k * s->n + j]));
                sum += (double)bf16_value(a[i * p.lda + k]) * (double)weight;
            }
            sums[i * s->n + j] = sum;
        }
    }
    check_case(&p, sums, 1e-6 * sqrt((double)s->k) + 1e-6);
    free(sums);
    free(a);
    free(b);
    free_case(&p);
}

static void test_bf16(void **state)
{
    const bsm_packed_kernels *set = find(*state);
    for (size_t i = 0; i < SHAPES; i++) {
        check_bf16(set, &shapes[i], 0);
        check_bf16(set, &shapes[i], 1);
    }
}

/* ---- int8 ---- */

/* Return rows with the largest possible numbers, mostly of one sign, which overflow 16 bits. */
static uint8_t *new_int8_rows(const product_case *p)
{
    const size_t count = bsm_whole_tiles(p->shape.m, BSM_TILE) * p->lda;
    uint8_t *a = new_memory(count);
    for (size_t i = 0; i < count; i++) {
        a[i] = (uint8_t)(noise_size(&seed, 0, 3) ? 255 : noise_size(&seed, 1, 255));
    }
    return a;
}

static void check_int8(const bsm_packed_kernels *set, const shape *s, float beta)
{
    product_case p = new_case(s, beta, BSM_INT8_DEPTH);
    for (size_t i = 0; i < s->k * s->n; i++) { /* all weights are integers, with a scale of 1 */
        p.weights[i] = i < s->n || noise_size(&seed, 0, 3) ? 127 : -roundf(100 * p.weights[i]);
    }
    const bsm_matrix_source source = source_of(&p);
    uint8_t *a = new_int8_rows(&p);
    int8_t *b = new_memory(bsm_int8_packed_size(s->k, s->n));
    float *column_scale = new_memory(s->n * sizeof *column_scale);
    int32_t *offset = new_memory(s->n * sizeof *offset);
    float *row_scale = new_memory(s->m * sizeof *row_scale);
    bsm_int8_pack(&source, b, column_scale, offset);
    for (size_t i = 0; i < s->m; i++) {
        row_scale[i] = (float)(i % 2 + 1) / 65536; /* exact, and so are all results */
    }
    set->int8(&(bsm_int8_product){.m = s->m,
                                  .n = s->n,
                                  .k = s->k,
                                  .a = a,
                                  .lda = p.lda,
                                  .b = b,
                                  .row_scale = row_scale,
                                  .offset = offset,
                                  .column_scale = column_scale,
                                  .beta = beta,
                                  .c = p.c,
                                  .ldc = p.ldc});
    double *sums = new_memory(s->m * s->n * sizeof *sums);
    for (size_t i = 0; i < s->m; i++) {
        for (size_t j = 0; j < s->n; j++) {
            double sum = 0;
            assert_float_equal(column_scale[j], 1, 0);
            for (size_t k = 0; k < s->k; k++) {
                sum += (a[i * p.lda + k] - BSM_INT8_ZERO) * (double)p.weights[k * s->n + j];
            }
            sums[i * s->n + j] = sum * (double)row_scale[i];
        }
    }
    check_case(&p, sums, beta == 0 ? 0 : 3e-5); /* sums up to 260 are added to fractions */
    free(sums);
    free(a);
    free(b);
    free(column_scale);
    free(offset);
    free(row_scale);
    free_case(&p);
}

static void test_int8(void **state)
{
    const bsm_packed_kernels *set = find(*state);
    for (size_t i = 0; i < SHAPES; i++) {
        check_int8(set, &shapes[i], 0);
        check_int8(set, &shapes[i], 1);
    }
}

/* ---- What is rounded ---- */

static void test_bf16_rounding(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t bits;
        uint16_t half;
    } cases[] = {
        {0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81},
        {0xbf807fff, 0xbf80}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80}, {0x7f7fffff, 0x7f80},
        {0x80000000, 0x8000}, {0x7f800001, 0x7fc0}, {0x7fffffff, 0x7fff}, {0xffffffff, 0xffff},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float value;
        memcpy(&value, &cases[i].bits, sizeof value);
        assert_int_equal(bf16_of(value), cases[i].half);
    }
}

#define OF_SET(test, set)                                                                          \
    {                                                                                              \
        .name = #test " by " set, .test_func = test, .initial_state = (void *)(uintptr_t)set       \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        OF_SET(test_bf16, "plain C"),  OF_SET(test_bf16, "AVX512-BF16"),
        OF_SET(test_bf16, "AMX"),      OF_SET(test_int8, "plain C"),
        OF_SET(test_int8, "AVX-VNNI"), OF_SET(test_int8, "AVX512-VNNI"),
        OF_SET(test_int8, "AMX"),      cmocka_unit_test(test_bf16_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
