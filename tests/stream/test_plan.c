/* SPDX-License-Identifier: ISC */
/* Blocks must be longer than the fade for which the output looks ahead, whatever the hop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "identity.h"
#include "stream/plan.h"

static void test_blocks_last_longer_than_a_fade(void **state)
{
    (void)state;
    static const size_t hops[] = {1, 50, 110, 220, 221, 441, 2048};
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
        bsm_config config = small_stream_config();
        config.hop = hops[i];
        bsm_model *model = NULL;
        bsm_stream_plan plan;
        bsm_error error = {0};
        assert_int_equal(bsm_model_new_untrained(&config, &model, NULL), BSM_OK);
        bsm_stream_options options = {.sample_rate = 44100, .latency = 0.001};
        assert_int_equal(bsm_stream_plan_make(model, NULL, &options, &plan, &error), BSM_OK);
        const size_t fade = config.sample_rate / BSM_FADES_PER_SECOND;
        assert_true(plan.commit * config.hop > fade);
        assert_true((plan.commit - 1) * config.hop <= fade);
        options.commit = plan.commit;
        assert_int_equal(bsm_stream_plan_make(model, NULL, &options, &plan, &error), BSM_OK);
        options.commit = fade / config.hop;
        if (options.commit > 0) { /* otherwise it is chosen automatically */
            assert_int_equal(bsm_stream_plan_make(model, NULL, &options, &plan, &error),
                             BSM_INVALID_ARGUMENT);
            assert_non_null(strstr(error.message, "hop of"));
        }
        bsm_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks_last_longer_than_a_fade)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
