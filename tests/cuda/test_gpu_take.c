/* SPDX-License-Identifier: ISC */
/* Several processes on a machine take one GPU each. The stand-in for CUDA has three GPUs, and the
 * first is too old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cuda/gpu.h"

static void test_each_its_own(void **state)
{
    (void)state;
    static const char *const places[] = {"1", "2"}; /* the GPUs that are expected */
    for (size_t i = 0; i < 2; i++) {
        char text[160];
        bsm_gpu *gpu = NULL;
        setenv("BSM_FAKE_GPU", places[i], 1);
        assert_int_equal(bsm_gpu_take(i, 2, NULL), BSM_OK);
        assert_int_equal(bsm_gpu_find(text, sizeof text, NULL), BSM_OK);
        assert_memory_equal(text, i ? "fake GPU 2" : "fake GPU 1", strlen("fake GPU 1"));
        assert_int_equal(bsm_gpu_new(BSM_PRECISION_FLOAT32, &gpu, NULL), BSM_OK);
        for (int waits = 0; bsm_gpu_busy(gpu); waits++) {
            assert_true(waits < 10);
        }
        bsm_gpu_free(gpu);
    }
}

static void test_too_many(void **state)
{
    (void)state;
    bsm_error error = {0};
    assert_int_equal(bsm_gpu_take(0, 3, &error), BSM_INVALID_ARGUMENT);
    assert_string_equal(error.message, "cuda: 3 processes on this machine, and 2 of its GPUs to be "
                                       "used: each needs one of its own");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_its_own),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
