/* SPDX-License-Identifier: ISC */
/* Opens the PyTorch checkpoints of the golden data: their weights are the hash of their names, and
 * their averages half of that. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/files.h"
#include "bsm/model.h"
#include "golden.h"
#include "model/float16.h"
#include "model/torch.h"

static bsm_model *open_checkpoint(const char *name, bool ema)
{
    char *path = golden_checkpoint(name);
    const bsm_model_options options = {.ema = ema};
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_open(path, &options, &model, &error)) {
        fail_msg("%s", error.message);
    }
    assert_string_equal(bsm_model_path(model), path);
    assert_string_equal(bsm_model_format(model), "pytorch");
    free(path);
    return model;
}

static bsm_model *new_tiny(void)
{
    bsm_config config;
    bsm_error error;
    bsm_model *model = NULL;
    assert_int_equal(bsm_config_preset("tiny", &config, &error), BSM_OK);
    assert_int_equal(bsm_model_new_untrained(&config, &model, &error), BSM_OK);
    return model;
}

/* What the checkpoint is expected to make of an exact weight. */
typedef float expectation(float exact, const bsm_tensor *tensor);

static float as_it_is(float exact, const bsm_tensor *tensor)
{
    (void)tensor;
    return exact;
}

static float halved(float exact, const bsm_tensor *tensor)
{
    (void)tensor;
    return exact / 2;
}

static float rounded_to_half(float exact, const bsm_tensor *tensor)
{
    return tensor->rank >= 2 ? bsm_float_of_half(bsm_half_of_float(exact)) : exact;
}

static void assert_weights(const bsm_model *model, expectation *expect)
{
    bsm_model *tiny = new_tiny();
    assert_true(bsm_config_same_shapes(bsm_model_config(model), bsm_model_config(tiny)));
    assert_string_equal(bsm_model_config(model)->stems[0], "vocals");
    assert_int_equal(bsm_model_num_tensors(model), 515);
    assert_int_equal(bsm_model_num_tensors(tiny), 515);
    for (size_t i = 0; i < bsm_model_num_tensors(tiny); i++) {
        const bsm_tensor *exact = bsm_model_tensor(tiny, i);
        const bsm_tensor *tensor = bsm_model_find(model, exact->name);
        assert_non_null(tensor);
        assert_ptr_equal(tensor, bsm_model_tensor(model, i));
        assert_int_equal(tensor->count, exact->count);
        float *values = malloc(tensor->count * sizeof *values);
        assert_non_null(values);
        bsm_tensor_read(tensor, values);
        for (size_t j = 0; j < tensor->count; j++) {
            float expected = expect(((const float *)exact->data)[j], exact);
            if (values[j] != expected) {
                fail_msg("%s[%zu] is %.9g, not %.9g", tensor->name, j, values[j], expected);
            }
        }
        free(values);
    }
    assert_int_equal(bsm_model_check_values(model, NULL), BSM_OK);
    bsm_model_free(tiny);
}

static void test_lightning(void **state)
{
    (void)state;
    bsm_model *model = open_checkpoint("tiny.ckpt", false);
    assert_weights(model, as_it_is);
    assert_string_equal(bsm_model_metadata(model, "training"), "epoch 3, step 4000");
    bsm_model_free(model);
}

static void test_lightning_averages(void **state)
{
    (void)state;
    bsm_model *model = open_checkpoint("tiny.ckpt", true);
    assert_weights(model, halved);
    assert_string_equal(bsm_model_metadata(model, "training"),
                        "epoch 3, step 4000, averaged weights");
    bsm_model_free(model);
}

static void test_wrapped(void **state)
{
    (void)state;
    bsm_model *model = open_checkpoint("tiny-wrapped.pt", false);
    assert_weights(model, as_it_is);
    bsm_model_free(model);
}

static void test_half(void **state)
{
    (void)state;
    bsm_model *model = open_checkpoint("tiny-half.pth", false);
    assert_weights(model, rounded_to_half);
    assert_int_equal(
        bsm_model_find(model, "layers.0.0.forward_blocks.0.mixer.in_proj.weight")->dtype, BSM_F16);
    assert_int_equal(bsm_model_find(model, "final_norm.gamma")->dtype, BSM_F32);
    bsm_model_free(model);
}

static void test_no_averages(void **state)
{
    (void)state;
    char *path = golden_checkpoint("tiny-wrapped.pt");
    const bsm_model_options options = {.ema = true};
    bsm_model *model = NULL;
    bsm_error error = {0};
    assert_int_equal(bsm_model_open(path, &options, &model, &error), BSM_BAD_MODEL);
    assert_non_null(strstr(error.message, "tiny-wrapped.pt: holds no averaged weights"));
    assert_null(model);
    free(path);
}

/* If a checkpoint contains no network, the error names the first tensor that every network has. */
static void test_no_network(void **state)
{
    (void)state;
    char *path = golden_checkpoint("odd-tensors.pt");
    bsm_model *model = NULL;
    bsm_error error = {0};
    assert_int_equal(bsm_model_open(path, NULL, &model, &error), BSM_BAD_MODEL);
    assert_non_null(strstr(error.message, "odd-tensors.pt: final_norm.gamma: missing"));
    assert_null(model);
    free(path);
}

static void open_odd(bsm_torch_file *file)
{
    char *path = golden_checkpoint("odd-tensors.pt");
    bsm_error error = {0};
    struct stat info;
    int fd = -1;
    if (bsm_open_regular(path, BSM_BAD_MODEL, &fd, &info, &error) ||
        bsm_torch_open("odd-tensors.pt", fd, (size_t)info.st_size, false, file, &error)) {
        fail_msg("%s", error.message);
    }
    close(fd);
    free(path);
}

static void test_odd_tensors(void **state)
{
    (void)state;
    bsm_torch_file file;
    open_odd(&file);
    golden *expected = golden_open("odd-tensors.expected.safetensors");
    static const char *const names[] = {"transposed", "slice", "bf16", "f64"};
    bsm_tensor tensors[4];
    for (size_t i = 0; i < 4; i++) {
        tensors[i] = bsm_table_find(&file.table, names[i])->tensor;
    }
    void *memory = NULL;
    bsm_error error = {0};
    assert_int_equal(bsm_torch_read_tensors(&file, tensors, 4, &memory, &error), BSM_OK);
    for (size_t i = 0; i < 4; i++) {
        golden_tensor reference = golden_find(expected, names[i]);
        assert_int_equal(tensors[i].rank, reference.rank);
        assert_memory_equal(tensors[i].shape, reference.shape, reference.rank * sizeof(size_t));
        assert_int_equal((uintptr_t)tensors[i].data % 64, 0);
        float values[24];
        assert_true(tensors[i].count <= 24);
        bsm_tensor_read(&tensors[i], values);
        assert_memory_equal(values, reference.data, reference.count * sizeof(float));
    }
    assert_false(bsm_table_find(&file.table, "i64")->is_float);
    assert_false(bsm_table_find(&file.table, "bool")->is_float);
    free(memory);
    golden_close(expected);
    bsm_torch_close(&file);
}

/* The same file yields the same object until its last reference is released. */
static void test_sharing(void **state)
{
    (void)state;
    bsm_model *first = open_checkpoint("tiny-wrapped.pt", false);
    bsm_model *second = open_checkpoint("tiny-wrapped.pt", false);
    bsm_model *other = open_checkpoint("tiny-half.pth", false);
    assert_ptr_equal(first, second);
    assert_ptr_not_equal(first, other);
    assert_ptr_equal(bsm_model_ref(first), first);
    bsm_model_free(first);
    bsm_model_free(first);
    assert_weights(second, as_it_is);
    bsm_model_free(second);
    bsm_model_free(other);
    bsm_model_free(NULL);

    bsm_model *weights = open_checkpoint("tiny.ckpt", false);
    bsm_model *averages = open_checkpoint("tiny.ckpt", true);
    assert_ptr_not_equal(weights, averages);
    bsm_model_free(weights);
    bsm_model_free(averages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lightning),   cmocka_unit_test(test_lightning_averages),
        cmocka_unit_test(test_wrapped),     cmocka_unit_test(test_half),
        cmocka_unit_test(test_no_averages), cmocka_unit_test(test_no_network),
        cmocka_unit_test(test_odd_tensors), cmocka_unit_test(test_sharing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
