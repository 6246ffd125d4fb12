/* SPDX-License-Identifier: ISC */
/* Lets every allocation fail in turn, including those of libraries: the result must be an error,
 * without a leak or a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "failing_memory.h"
#include "golden.h"
#include "scratch.h"
#include "torch_writer.h"

/* libzip 1.7.3 leaks a small block if memory runs out while it opens a member. */
enum { LIBZIP_LOSES = 1 };

typedef bsm_status operation(const char *path, bsm_error *error);

static bsm_status open_model(const char *path, bsm_error *error)
{
    bsm_model *model = NULL;
    bsm_status status = bsm_model_open(path, NULL, &model, error);
    bsm_model_free(model);
    return status;
}

static bsm_status new_model(const char *path, bsm_error *error)
{
    (void)path;
    const bsm_config config = mini_config();
    bsm_model *model = NULL;
    bsm_status status = bsm_model_new_untrained(&config, &model, error);
    bsm_model_free(model);
    return status;
}

static bsm_status initialise_model(const char *path, bsm_error *error)
{
    (void)path;
    const bsm_config config = mini_config();
    bsm_model *model = NULL;
    bsm_status status = bsm_model_new_initialised(&config, 1, &model, error);
    bsm_model_free(model);
    return status;
}

static bsm_model *to_save;

static bsm_status save_model(const char *path, bsm_error *error)
{
    return bsm_model_save(to_save, path, BSM_F16, true, error);
}

/* Run `operate` with 0, 1, 2, ... successful allocations until it succeeds; return how many it
 * took. A failure may leak up to `lost` blocks. */
static long exhaust(operation *operate, const char *path, long lost)
{
    bsm_error error;
    /* so that what libraries keep for ever exists */
    assert_int_equal(operate(path, &error), BSM_OK);
    for (long limit = 0;; limit++) {
        long before = memory_alive();
        error = (bsm_error){0};
        memory_limit(limit, MEMORY_OF_EVERYONE);
        bsm_status status = operate(path, &error);
        bool ran_out = memory_ran_out();
        memory_limit(-1, MEMORY_OF_EVERYONE);
        tzset(); /* libzip calls mktime, for which the C library keeps a string */
        long leaked = memory_alive() - before;
        if (leaked < 0 || leaked > lost) {
            fail_msg("%ld allocations: %ld blocks leak after \"%s\"", limit, leaked, error.message);
        }
        if (status == BSM_OK && !ran_out) {
            return limit;
        }
        if (status != BSM_OK && status != BSM_NO_MEMORY) {
            fail_msg("%ld allocations: status %d, \"%s\"", limit, (int)status, error.message);
        }
    }
}

static void test_untrained(void **state)
{
    (void)state;
    assert_true(exhaust(new_model, NULL, 0) > 5);
    assert_true(exhaust(initialise_model, NULL, 0) > 5);
}

static void test_safetensors(void **state)
{
    (void)state;
    const char *path = scratch_path("mini.safetensors");
    bsm_model *mini = mini_model();
    assert_int_equal(bsm_model_save(mini, path, BSM_F32, true, NULL), BSM_OK);
    bsm_model_free(mini);
    assert_true(exhaust(open_model, path, 0) > 500);
}

static void test_torch(void **state)
{
    (void)state;
    const char *path = scratch_path("mini.ckpt");
    bsm_model *mini = mini_model();
    const torch_style style = {.wrapper = "state_dict", .prefix = "model.", .code = true};
    torch_write(path, mini, &style);
    assert_true(exhaust(open_model, path, LIBZIP_LOSES) > 100);
    const torch_style deflated = {.one_storage = true, .deflated = true};
    torch_write(path, mini, &deflated);
    assert_true(exhaust(open_model, path, LIBZIP_LOSES) > 20);
    bsm_model_free(mini);
}

static void test_save(void **state)
{
    (void)state;
    to_save = mini_model();
    size_t files = scratch_count();
    assert_true(exhaust(save_model, scratch_path("saved.safetensors"), 0) > 500);
    assert_int_equal(scratch_count(), files + 1);
    bsm_model_free(to_save);
    bsm_model_free(assert_opens(scratch_path("saved.safetensors")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_untrained),
        cmocka_unit_test(test_safetensors),
        cmocka_unit_test(test_torch),
        cmocka_unit_test(test_save),
    };
    tzset();
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
