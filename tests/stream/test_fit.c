/* SPDX-License-Identifier: ISC */
/* Tests what is chosen for a machine: it fulfils the request, and agrees with the sentence. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/fit.h"
#include "identity.h"

static const bsm_stream_options at_48k = {
    .sample_rate = 48000, .device = BSM_DEVICE_CPU, .latency = 0.5, .memory = BSM_MEMORY_CARRY};

static bsm_fit fit_of(const bsm_config *config, const bsm_stream_options *wish, double most)
{
    bsm_fit fit;
    bsm_error error = {0};
    bsm_model *model = hash_model(config);
    if (bsm_fit_stream(model, wish, most, &fit, &error)) {
        fail_msg("%s", error.message);
    }
    print_message("%s\n", fit.sentence);
    if (fit.fits) { /* a stream can be made of it, with this latency */
        bsm_stream *stream = open_stream(model, &fit.options);
        assert_int_equal(lround(48000 * fit.latency), bsm_stream_latency(stream));
        bsm_stream_free(stream);
    }
    bsm_model_free(model);
    assert_true(fit.load > 0);
    assert_int_equal(fit.fits, fit.load <= 0.7);
    assert_int_equal(fit.fits, fit.speed <= 1);
    return fit;
}

static void test_a_small_network_fits(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    const bsm_fit fit = fit_of(&config, &at_48k, 2);
    assert_true(fit.fits);
    assert_non_null(strstr(fit.sentence, "fits this machine: load"));
    assert_true(fit.latency > 0.3 && fit.latency <= 0.5);
    assert_int_equal(fit.options.precision, BSM_PRECISION_FLOAT32);
}

static size_t latency_of(const bsm_config *config, const bsm_stream_options *options)
{
    bsm_model *model = hash_model(config);
    bsm_stream *stream = open_stream(model, options);
    const size_t latency = bsm_stream_latency(stream);
    bsm_stream_free(stream);
    bsm_model_free(model);
    return latency;
}

static void test_what_was_asked_for_stays(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_stream_options wish = at_48k;
    wish.commit = 5;
    wish.lookahead = 3;
    wish.threads = 2;
    wish.precision = BSM_PRECISION_INT8;
    const bsm_fit fit = fit_of(&config, &wish, 2);
    assert_int_equal(fit.options.commit, 5);
    assert_int_equal(fit.options.lookahead, 3);
    assert_int_equal(fit.options.threads, 2);
    assert_int_equal(fit.options.precision, BSM_PRECISION_INT8);
}

/* Return a configuration that is too large for any processor. */
static bsm_config huge_config(void)
{
    bsm_config config;
    bsm_error error = {0};
    assert_int_equal(bsm_config_preset("lite", &config, &error), BSM_OK);
    config.depth = 24;
    return config;
}

static void test_a_network_that_is_too_large(void **state)
{
    (void)state;
    const bsm_config config = huge_config();
    bsm_stream_options wish = at_48k;
    wish.device = BSM_DEVICE_REFERENCE;
    wish.memory = BSM_MEMORY_CARRY;
    bsm_fit fit = fit_of(&config, &wish, 2);
    assert_false(fit.fits);
    assert_true(fit.enough == 0);
    assert_non_null(strstr(fit.sentence, "too slow for this machine: needs "));
    assert_non_null(strstr(fit.sentence, " times its speed; a GPU or a smaller model would do"));
}

/* The longer the blocks are, the less it costs to compute their history again: what is too slow at
 * the requested latency may fit at a longer one. */
static void test_more_latency_where_that_helps(void **state)
{
    (void)state;
    const bsm_config config = small_stream_config();
    bsm_stream_options wish = at_48k;
    wish.memory = BSM_MEMORY_BOUNDED;
    wish.history = 6000;
    wish.latency = 0.15;
    wish.threads = 1;
    const bsm_fit least = fit_of(&config, &wish, 0);
    const bsm_fit most = fit_of(&config, &wish, 8);
    assert_true(least.latency <= 0.15);
    if (least.fits) {
        skip(); /* this machine is too fast for the test */
    }
    /* A host remembers the latency, so it must not depend on how fast the machine is today. */
    assert_true(least.options.lookahead < 2 && least.options.commit > 0);
    assert_int_equal(latency_of(&config, &least.options), latency_of(&config, &wish));
    assert_true(most.load < least.load);
    assert_true(most.latency > least.latency && most.latency <= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_network_fits),
        cmocka_unit_test(test_what_was_asked_for_stays),
        cmocka_unit_test(test_a_network_that_is_too_large),
        cmocka_unit_test(test_more_latency_where_that_helps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
