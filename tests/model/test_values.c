/* SPDX-License-Identifier: ISC */
/* Tests weights that are not finite. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scratch.h"
#include "torch_writer.h"

/* Write the mini network's file with a changed last element, which belongs to a matrix in 16 bits
 * or to a vector. */
static const char *write_spoilt(bsm_dtype dtype, const void *element, size_t element_size)
{
    const char *whole = scratch_path("whole.safetensors");
    bsm_model *mini = mini_model();
    assert_int_equal(bsm_model_save(mini, whole, dtype, true, NULL), BSM_OK);
    bsm_model_free(mini);
    size_t size;
    char *data = scratch_read(whole, &size);
    memcpy(data + size - element_size, element, element_size);
    const char *path = scratch_write("nan.safetensors", data, size);
    free(data);
    return path;
}

/* Check that the model is refused, but not with the option; and the reverse while it is open. */
static void assert_refused(const char *path, const char *message)
{
    const bsm_model_options options = {.any_values = true};
    bsm_model *model = NULL;
    bsm_error error = {0};
    assert_open_fails(path, BSM_BAD_MODEL, message);
    assert_int_equal(bsm_model_open(path, &options, &model, NULL), BSM_OK);
    assert_int_equal(bsm_model_check_values(model, &error), BSM_BAD_MODEL);
    assert_non_null(strstr(error.message, message));
    assert_open_fails(path, BSM_BAD_MODEL, message);
    bsm_model_free(model);
}

static void test_nonfinite_weights(void **state)
{
    (void)state;
    const char *vector = "nan.safetensors: mask_estimators.1.to_freqs.1.0.2.bias: element 11 is "
                         "not a finite number";
    const char *matrix = "nan.safetensors: mask_estimators.1.to_freqs.1.0.2.weight: element 95 is "
                         "not a finite number";
    /* NaNs, one with a payload and a signalling one, and infinities. */
    const uint32_t bad[] = {0x7fc00000, 0x7fc00001, 0xff800001, 0x7f800000, 0xff800000};
    const uint16_t bad_halves[] = {0x7e00, 0x7e01, 0xfc01, 0x7c00, 0xfc00};
    const uint16_t bad_bfloats[] = {0x7fc0, 0x7fc1, 0xff81, 0x7f80, 0xff80};
    for (size_t i = 0; i < 5; i++) {
        assert_refused(write_spoilt(BSM_F32, &bad[i], sizeof bad[i]), vector);
        assert_refused(write_spoilt(BSM_F16, &bad_halves[i], sizeof bad_halves[i]), matrix);
        assert_refused(write_spoilt(BSM_BF16, &bad_bfloats[i], sizeof bad_bfloats[i]), matrix);
    }
}

/* The largest finite numbers are not taken for infinities. */
static void test_large_weights(void **state)
{
    (void)state;
    const uint32_t large = 0xff7fffff;
    const uint16_t large_half = 0x7bff;
    bsm_model_free(assert_opens(write_spoilt(BSM_F32, &large, sizeof large)));
    bsm_model_free(assert_opens(write_spoilt(BSM_F16, &large_half, sizeof large_half)));
}

static void test_nonfinite_checkpoint(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    float *values = (float *)bsm_model_find(mini, "final_norm.gamma")->data;
    values[2] = -INFINITY;
    for (int i = 0; i < 2; i++) {
        const char *path = scratch_path("nan.pt");
        torch_write(path, mini, &(torch_style){.doubles = i == 1});
        assert_open_fails(path, BSM_BAD_MODEL, "final_norm.gamma: element 2 is not a finite");
    }
    bsm_model_free(mini);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonfinite_weights),
        cmocka_unit_test(test_large_weights),
        cmocka_unit_test(test_nonfinite_checkpoint),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
