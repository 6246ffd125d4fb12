/* SPDX-License-Identifier: ISC */
/* A CUDA module is used only if it was built from the same bsm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "device/cuda_module.h"

static bsm_cuda_module right_module(void)
{
    return (bsm_cuda_module){.abi = BSM_CUDA_MODULE_ABI,
                             .version = BSM_VERSION,
                             .config_size = sizeof(bsm_config),
                             .weights_size = sizeof(bsm_weights),
                             .device_size = sizeof(bsm_device)};
}

static void assert_refused(const bsm_cuda_module *module, const char *why)
{
    bsm_error error = {0};
    assert_int_equal(bsm_cuda_module_check("x.so", module, &error), BSM_NO_DEVICE);
    assert_non_null(strstr(error.message, "x.so"));
    assert_non_null(strstr(error.message, why));
}

static void test_the_right_one(void **unused)
{
    (void)unused;
    bsm_cuda_module module = right_module();
    assert_int_equal(bsm_cuda_module_check("x.so", &module, NULL), BSM_OK);
}

static void test_others(void **unused)
{
    (void)unused;
    bsm_cuda_module module = right_module();
    module.abi++;
    char why[64];
    snprintf(why, sizeof why, "interface %d, this bsm needs %d", BSM_CUDA_MODULE_ABI + 1,
             BSM_CUDA_MODULE_ABI);
    assert_refused(&module, why);
    module = right_module();
    module.version = "0.0.7";
    assert_refused(&module, "of bsm 0.0.7");
    for (size_t field = 0; field < 3; field++) {
        module = right_module();
        size_t *sizes[] = {&module.config_size, &module.weights_size, &module.device_size};
        *sizes[field] += 8;
        assert_refused(&module, "another bsm");
    }
}

static void test_asking_for_it(void **unused)
{
    (void)unused;
    const bsm_device *device = NULL;
    bsm_error error = {0};
    if (bsm_device_find(BSM_DEVICE_CUDA, &device, &error)) { /* on nearly all machines */
        assert_int_equal(error.status, BSM_NO_DEVICE);
        assert_memory_equal(error.message, "cuda: ", 6);
        assert_int_equal(bsm_device_find(BSM_DEVICE_AUTO, &device, &error), BSM_OK);
        assert_ptr_equal(device, &bsm_cpu_device);
    }
    assert_non_null(device);
}

static void test_precisions(void **unused)
{
    (void)unused;
    bsm_precision precision;
    assert_int_equal(bsm_precision_parse("tf32", &precision, NULL), BSM_OK);
    assert_int_equal(precision, BSM_PRECISION_TF32);
    assert_int_equal(bsm_precision_parse("half", &precision, NULL), BSM_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_right_one),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_asking_for_it),
        cmocka_unit_test(test_precisions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
