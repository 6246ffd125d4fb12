/* SPDX-License-Identifier: ISC */
/* Tests training's products in bfloat16 on every instruction set against their definition: sums of
 * products of rounded numbers. */
#include "device/cpu/training/products.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/bf16.h"
#include "device/cpu/kernels.h"
#include "noise.h"

/* Incomplete and whole tiles, and more than a block in each direction. */
typedef struct shape {
    size_t m, n, k;
} shape;

static const shape shapes[] = {{1, 1, 1},    {16, 16, 32},  {17, 33, 65}, {5, 300, 37},
                               {320, 40, 9}, {330, 260, 3}, {3, 5, 520},  {322, 258, 514}};
enum { SHAPES = sizeof shapes / sizeof *shapes, GAP = 3 };

static float *new_noise(uint64_t *seed, size_t count)
{
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    noise_fill(seed, values, count);
    return values;
}

static double rounded(float value)
{
    return (double)bf16_value(bf16_of(value));
}

/* Check some entries of C; all of them would take minutes. */
static void check_entries(const bsm_product *p, const float *before, uint64_t *seed)
{
    for (size_t i = 0; i < 200; i++) {
        const size_t row = noise_size(seed, 0, p->m - 1), column = noise_size(seed, 0, p->n - 1);
        const size_t at = row * p->ldc + column;
        double sum = p->beta != 0 ? (double)before[at] : 0;
        for (size_t k = 0; k < p->k; k++) {
            sum += rounded(p->a[p->transpose_a ? k * p->lda + row : row * p->lda + k]) *
                   rounded(p->b[p->transpose_b ? column * p->ldb + k : k * p->ldb + column]);
        }
        assert_true(fabs((double)p->c[at] - sum) < 1e-5 * sqrt((double)p->k + 1));
    }
}

static void check_product(const bsm_products *products, bsm_product p)
{
    uint64_t seed = p.m + 2 * p.n + 3 * p.k;
    const size_t size = p.m * p.ldc;
    float *a = new_noise(&seed, p.transpose_a ? p.k * p.lda : p.m * p.lda);
    float *b = new_noise(&seed, p.transpose_b ? p.n * p.ldb : p.k * p.ldb);
    float *before = new_noise(&seed, size), *c = malloc(size * sizeof *c);
    memcpy(c, before, size * sizeof *c);
    p.a = a;
    p.b = b;
    p.c = c;
    bsm_products_run(products, &p);
    check_entries(&p, before, &seed);
    for (size_t row = 0; row < p.m; row++) { /* nothing may be written outside C */
        assert_memory_equal(c + row * p.ldc + p.n, before + row * p.ldc + p.n, GAP * sizeof *c);
    }
    free(a);
    free(b);
    free(before);
    free(c);
}

static void check_shape(const bsm_products *products, const shape *s)
{
    for (int way = 0; way < 8; way++) {
        const bool ta = way & 1, tb = way & 2;
        check_product(products, (bsm_product){.m = s->m,
                                              .n = s->n,
                                              .k = s->k,
                                              .transpose_a = ta,
                                              .transpose_b = tb,
                                              .lda = (ta ? s->m : s->k) + GAP,
                                              .ldb = (tb ? s->k : s->n) + GAP,
                                              .beta = way & 4 ? 1.0F : 0.0F,
                                              .ldc = s->n + GAP});
    }
}

/* The packed products that every processor has, with every instruction set that rounds, and the
 * fastest ones of this processor. */
static void test_products(void **state)
{
    (void)state;
    float *space = aligned_alloc(64, (bsm_products_space(true) + 63) / 64 * 64);
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        for (size_t s = 0; s < SHAPES; s++) {
            check_shape(&(bsm_products){bsm_kernels_at(i), bsm_packed_at(0), space}, &shapes[s]);
        }
    }
    for (size_t s = 0; bsm_packed_bf16() && s < SHAPES; s++) {
        check_shape(&(bsm_products){bsm_kernels_get(), bsm_packed_bf16(), space}, &shapes[s]);
    }
    free(space);
}

/* NaN remains NaN, infinity is kept, and ties are rounded to even. */
static void test_special_values(void **state)
{
    (void)state;
    float x[32] = {NAN, INFINITY, -INFINITY, 1.00390625F, 1.01171875F, -0.0F, 3e38F};
    uint16_t expected[32];
    for (size_t i = 0; i < 32; i++) {
        expected[i] = bf16_of(x[i]);
    }
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        uint16_t row[32], column[32 * 32] = {0}, packed[32 * 16], turned[32 * 16];
        const bsm_pack_kernels *pack = bsm_kernels_at(i)->pack;
        pack->columns(32, 1, x, 1, row, 32);
        pack->columns(1, 32, x, 32, column, 32);
        pack->matrix(32, 1, x, 1, packed);
        pack->transposed(32, 1, x, 32, turned);
        assert_memory_equal(row, expected, sizeof row);
        assert_memory_equal(packed, turned, sizeof packed);
        for (size_t k = 0; k < 32; k++) {
            assert_int_equal(column[k * 32], expected[k]);
            assert_int_equal(packed[k / 2 * 32 + k % 2], expected[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_special_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
