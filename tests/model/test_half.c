/* SPDX-License-Identifier: ISC */
/* Tests the conversion of 16-bit numbers: all of them in both directions, and rounding. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/float16.h"

static void test_all_values(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits <= 0xffff; bits++) {
        uint16_t half = (uint16_t)bits;
        float value = bsm_float_of_half(half);
        if (isnan(value)) {
            assert_true(isnan(bsm_float_of_half(bsm_half_of_float(value))));
        } else {
            assert_int_equal(bsm_half_of_float(value), half);
        }
        value = bsm_float_of_bfloat(half);
        if (isnan(value)) {
            assert_true(isnan(bsm_float_of_bfloat(bsm_bfloat_of_float(value))));
        } else {
            assert_int_equal(bsm_bfloat_of_float(value), half);
        }
    }
}

static void test_known_values(void **state)
{
    (void)state;
    assert_true(bsm_float_of_half(0x3c00) == 1.0f);
    assert_true(bsm_float_of_half(0xc500) == -5.0f);
    assert_true(bsm_float_of_half(0x7bff) == 65504.0f);
    assert_true(bsm_float_of_half(0x0001) == 0x1p-24f);
    assert_true(bsm_float_of_half(0x0400) == 0x1p-14f);
    assert_true(isinf(bsm_float_of_half(0xfc00)) && bsm_float_of_half(0xfc00) < 0);
    assert_true(bsm_float_of_bfloat(0x3fc0) == 1.5f);
}

typedef struct rounding {
    float value;
    uint16_t half, bfloat;
} rounding;

/* Numbers are rounded to the nearest, ties to even. */
static void test_rounding(void **state)
{
    (void)state;
    const rounding roundings[] = {
        {1.0f + 0x1p-11f, 0x3c00, 0x3f80},    {1.0f + 3 * 0x1p-11f, 0x3c02, 0x3f80},
        {1.0f + 0x1.8p-11f, 0x3c01, 0x3f80},  {1.0f + 0x1p-8f, 0x3c04, 0x3f80},
        {1.0f + 3 * 0x1p-8f, 0x3c0c, 0x3f82}, {65519.0f, 0x7bff, 0x4780},
        {65520.0f, 0x7c00, 0x4780},           {-0x1p-25f, 0x8000, 0xb300},
        {0x1.8p-25f, 0x0001, 0x3340},         {0x1.ffep-15f, 0x0400, 0x3880},
        {3.4028235e38f, 0x7c00, 0x7f80},      {-0.0f, 0x8000, 0x8000},
    };
    for (size_t i = 0; i < sizeof roundings / sizeof roundings[0]; i++) {
        assert_int_equal(bsm_half_of_float(roundings[i].value), roundings[i].half);
        assert_int_equal(bsm_bfloat_of_float(roundings[i].value), roundings[i].bfloat);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_values),
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
