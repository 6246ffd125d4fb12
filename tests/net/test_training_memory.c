/* SPDX-License-Identifier: ISC */
/* Tests training on one device, which is the argument, while every allocation of the engine fails
 * in turn: the result must be an error, without a leak or a crash. An item needs no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "training_support.h"

static bsm_device_kind kind;

/* Use one thread, because libraries allocate and free memory with threads. */
static bsm_training_options one_thread(void)
{
    bsm_training_options options = small_options(kind);
    options.threads = 1;
    return options;
}

/* Make a training, add an item, and make a model of it. */
static bsm_status train(const bsm_model *initial, bsm_error *error)
{
    const bsm_training_options options = one_thread();
    bsm_training *training = NULL;
    bsm_model *model = NULL;
    bsm_loss loss;
    bsm_status status = bsm_training_new(initial, &options, &training, error);
    if (!status) {
        status = add_random(training, 1, 1, &loss, error);
    }
    if (!status) {
        status = bsm_training_model(training, BSM_AVERAGES, &model, error);
    }
    bsm_model_free(model);
    bsm_training_free(training);
    return status;
}

static void test_every_allocation(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    bsm_model *initial = NULL;
    bsm_error error = {0};
    assert_int_equal(bsm_model_new_untrained(&config, &initial, NULL), BSM_OK);
    /* so that what libraries keep for ever exists */
    assert_int_equal(train(initial, &error), BSM_OK);
    bsm_status status = BSM_NO_MEMORY;
    bool ran_out = true;
    for (long limit = 0; status || ran_out; limit++) {
        const long before = memory_alive();
        error = (bsm_error){0};
        memory_limit(limit, MEMORY_OF_ENGINE);
        status = train(initial, &error);
        ran_out = memory_ran_out();
        memory_limit(-1, MEMORY_OF_ENGINE);
        if (memory_alive() != before) {
            fail_msg("%ld allocations: %ld blocks leak after \"%s\"", limit,
                     memory_alive() - before, error.message);
        }
        assert_true(status == BSM_OK || status == BSM_NO_MEMORY);
        assert_true(status != BSM_OK || limit > 20);
    }
    bsm_model_free(initial);
}

/* All memory that an item and a step need exists from the start. */
static void test_items_need_no_memory(void **state)
{
    (void)state;
    const bsm_config config = small_config();
    const bsm_training_options options = small_options(kind);
    bsm_training *training = training_of(&config, &options);
    const bsm_adamw step = published_step(1, 1);
    double norm;
    bsm_loss loss;
    memory_limit(0, MEMORY_OF_ENGINE);
    bsm_status added = add_random(training, 1, 1, &loss, NULL);
    bsm_status measured = bsm_training_norm(training, &norm, NULL);
    bsm_status updated = bsm_training_update(training, &step, NULL);
    memory_limit(-1, MEMORY_OF_ENGINE);
    assert_int_equal(added, BSM_OK);
    assert_int_equal(measured, BSM_OK);
    assert_int_equal(updated, BSM_OK);
    bsm_training_free(training);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_allocation),
        cmocka_unit_test(test_items_need_no_memory),
    };
    if (argc != 2 || bsm_device_kind_parse(argv[1], &kind, NULL)) {
        fprintf(stderr, "usage: test_training_memory DEVICE\n");
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
