/* SPDX-License-Identifier: ISC */
/* Tests the course of the learning rate. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schedule.h"

static void assert_near(double value, double expected)
{
    assert_true(fabs(value - expected) <= 1e-12 * fabs(expected));
}

static void test_constant(void **state)
{
    (void)state;
    const bsm_schedule_settings settings = {.kind = BSM_SCHEDULE_CONSTANT};
    const bsm_schedule_state start = bsm_schedule_start();
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 0, 10), 0.1);
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 9, 10), 0.1);
}

static void test_warmup(void **state)
{
    (void)state;
    const bsm_schedule_settings settings = {.kind = BSM_SCHEDULE_CONSTANT, .warmup_steps = 4};
    const bsm_schedule_state start = bsm_schedule_start();
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 0, 10), 0.025);
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 3, 10), 0.1);
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 4, 10), 0.1);
}

static void test_cosine(void **state)
{
    (void)state;
    const bsm_schedule_settings settings = {
        .kind = BSM_SCHEDULE_COSINE, .warmup_steps = 2, .minimum = 0.02};
    const bsm_schedule_state start = bsm_schedule_start();
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 2, 13), 0.1);
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 7, 13), 0.06);
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 12, 13), 0.02);
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 40, 13), 0.02);
    assert_near(bsm_schedule_rate(&settings, &start, 0.1, 2, 3), 0.1);
}

static void test_plateau(void **state)
{
    (void)state;
    const bsm_schedule_settings settings = {
        .kind = BSM_SCHEDULE_PLATEAU, .minimum = 0.03, .factor = 0.5, .patience = 1};
    bsm_schedule_state s = bsm_schedule_start();
    assert_false(bsm_schedule_tell(&settings, &s, 0.1, -5));
    assert_false(bsm_schedule_tell(&settings, &s, 0.1, -4));
    assert_false(bsm_schedule_tell(&settings, &s, 0.1, -4.5));
    assert_near(bsm_schedule_rate(&settings, &s, 0.1, 0, 10), 0.1);
    assert_true(bsm_schedule_tell(&settings, &s, 0.1, -4.2));
    assert_near(bsm_schedule_rate(&settings, &s, 0.1, 0, 10), 0.05);
    assert_false(bsm_schedule_tell(&settings, &s, 0.1, -4.2));
    assert_true(bsm_schedule_tell(&settings, &s, 0.1, -4.2));
    assert_near(bsm_schedule_rate(&settings, &s, 0.1, 0, 10), 0.03);
    assert_false(bsm_schedule_tell(&settings, &s, 0.1, -4.2));
    assert_false(bsm_schedule_tell(&settings, &s, 0.1, -4.2)); /* at the minimum */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_warmup),
        cmocka_unit_test(test_cosine),
        cmocka_unit_test(test_plateau),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
