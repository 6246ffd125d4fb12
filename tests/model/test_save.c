/* SPDX-License-Identifier: ISC */
/* Tests saving that fails: nothing is lost, and nothing is left over. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "scratch.h"

static void assert_save_fails(const char *path, bsm_dtype dtype, bool force, bsm_status status)
{
    bsm_model *model = mini_model();
    bsm_error error = {0};
    size_t files = scratch_count();
    assert_int_equal(bsm_model_save(model, path, dtype, force, &error), status);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(scratch_count(), files);
    bsm_model_free(model);
}

static void test_existing_output(void **state)
{
    (void)state;
    const char *path = scratch_write("kept", "precious", 8);
    assert_save_fails(path, BSM_F32, false, BSM_EXISTS);
    size_t size;
    char *bytes = scratch_read(path, &size);
    assert_int_equal(size, 8);
    free(bytes);
    bsm_model *model = mini_model();
    assert_int_equal(bsm_model_save(model, path, BSM_F32, true, NULL), BSM_OK);
    bsm_model_free(model);
    bsm_model_free(assert_opens(path));
}

/* A dangling link counts as an existing file; with `force` the file replaces it. */
static void test_dangling_link(void **state)
{
    (void)state;
    const char *path = scratch_path("link");
    assert_int_equal(symlink("nowhere", path), 0);
    assert_save_fails(path, BSM_F32, false, BSM_EXISTS);
    bsm_model *model = mini_model();
    assert_int_equal(bsm_model_save(model, path, BSM_F32, true, NULL), BSM_OK);
    bsm_model_free(model);
    bsm_model_free(assert_opens(path));
    assert_int_equal(access(scratch_path("nowhere"), F_OK), -1);
}

/* A name as long as the file system allows. */
static void test_long_name(void **state)
{
    (void)state;
    char name[256] = {0};
    memset(name, 'n', sizeof name - 1);
    const char *path = scratch_path(name);
    bsm_model *model = mini_model();
    bsm_error error = {0};
    if (bsm_model_save(model, path, BSM_F32, false, &error)) {
        fail_msg("%s", error.message);
    }
    bsm_model_free(model);
    bsm_model_free(assert_opens(path));
}

static void test_impossible_output(void **state)
{
    (void)state;
    assert_save_fails("/no/such/folder/model", BSM_F32, false, BSM_NOT_FOUND);
    assert_save_fails("/dev/full", BSM_F32, true, BSM_IO);
    assert_save_fails("/dev/full", BSM_F32, false, BSM_EXISTS);
    assert_save_fails(scratch_path("f64.safetensors"), BSM_F64, false, BSM_INVALID_ARGUMENT);
    if (geteuid() != 0) {
        assert_save_fails("/model.safetensors", BSM_F32, false, BSM_NO_PERMISSION);
    }
}

/* A limit on the size of files stands for a full disk. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {.rlim_cur = 4096, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bsm_model *model = mini_model();
    bsm_error error = {0};
    size_t files = scratch_count();
    bsm_status status =
        bsm_model_save(model, scratch_path("full.safetensors"), BSM_F32, false, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(status, BSM_NO_SPACE);
    assert_non_null(strstr(error.message, "full.safetensors: cannot write"));
    assert_int_equal(scratch_count(), files);
    bsm_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_existing_output), cmocka_unit_test(test_dangling_link),
        cmocka_unit_test(test_long_name),       cmocka_unit_test(test_impossible_output),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
