/* SPDX-License-Identifier: ISC */
/* Tests PyTorch checkpoints as other programs write them, and malicious ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bsm/log.h"
#include "golden.h"
#include "scratch.h"
#include "torch_writer.h"

/* ---- Sound files ---- */

static const torch_style sound_styles[] = {
    {.prefix = NULL},
    {.prefix = "model."},
    {.prefix = "module."},
    {.prefix = "model._orig_mod."},
    {.wrapper = "state_dict", .prefix = "model."},
    {.wrapper = "model_state_dict"},
    {.wrapper = "model", .prefix = "module."},
    {.prefix = "_orig_mod.module."},
    {.prefix = "separator.net.", .infix = "_orig_mod."},
    {.infix = "_orig_mod."},
    {.infix = "_checkpoint_wrapped_module."},
    {.infix = "module._fsdp_wrapped_module."},
    {.wrapper = "weights"},
    {.wrapper = "generator", .prefix = "module."},
    {.wrapper = "state.params"},
    {.wrapper = "a.b.c.d", .infix = "_orig_mod."},
    {.wrapper = "ema"},
    {.wrapper = "ema_state_dict", .code = true},
    {.wrapper = "state_dict", .average = "state_dict_ema"},
    {.wrapper = "state_dict", .average = "model_ema.module"},
    {.prefix = "online_model.", .average_prefix = "ema_model."},
    {.wrapper = "state_dict", .code = true},
    {.parameters = true},
    {.modules = true, .parameters = true},
    {.modules = true, .wrapper = "net"},
    {.one_storage = true},
    {.one_storage = true, .deflated = true, .doubles = true},
    {.transposed = true},
    {.transposed = true, .one_storage = true, .big_endian = true},
    {.doubles = true},
    {.doubles = true, .big_endian = true},
    {.big_endian = true},
    {.deflated = true},
    {.root = ""},
    {.root = "a/b c/"},
    {.with = "featurizer.window"},
    {.with = "featurizer.window", .prefix = "model.", .wrapper = "state_dict", .ema = 62},
};

static void test_styles(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    for (size_t i = 0; i < sizeof sound_styles / sizeof sound_styles[0]; i++) {
        const char *path = scratch_path("model.ckpt");
        torch_write(path, mini, &sound_styles[i]);
        bsm_model *model = assert_opens(path);
        assert_same_weights(model, mini);
        assert_int_equal(bsm_model_config(model)->channels, 1);
        assert_int_equal(bsm_model_config(model)->num_stems, 2);
        assert_string_equal(bsm_model_config(model)->stems[0], "vocals");
        assert_string_equal(bsm_model_config(model)->stems[1], "other");
        assert_int_equal(bsm_model_find(model, "final_norm.gamma")->dtype,
                         sound_styles[i].doubles ? BSM_F64 : BSM_F32);
        bsm_model_free(model);
    }
    assert_int_equal(access("bsm-was-here", F_OK), -1);
    bsm_model_free(mini);
}

static void test_stem_names(void **state)
{
    (void)state;
    static const char *const expected[5][5] = {
        {"vocals"},
        {"vocals", "other"},
        {"vocals", "stem2", "stem3"},
        {"drums", "bass", "other", "vocals"},
        {"vocals", "stem2", "stem3", "stem4", "stem5"},
    };
    for (size_t stems = 1; stems <= 5; stems++) {
        bsm_config config = mini_config();
        config.num_stems = stems;
        for (size_t i = 0; i < stems; i++) {
            strcpy(config.stems[i], (const char[]){(char)('a' + i), '\0'});
        }
        bsm_model *untrained = NULL;
        assert_int_equal(bsm_model_new_untrained(&config, &untrained, NULL), BSM_OK);
        const char *path = scratch_path("stems.pt");
        torch_write(path, untrained, &(torch_style){0});
        bsm_model *model = assert_opens(path);
        assert_int_equal(bsm_model_config(model)->num_stems, stems);
        for (size_t i = 0; i < stems; i++) {
            assert_string_equal(bsm_model_config(model)->stems[i], expected[stems - 1][i]);
        }
        bsm_model_free(model);
        bsm_model_free(untrained);
    }
}

/* ---- Unsound ones ---- */

typedef struct unsound {
    torch_style style;
    const char *message;
} unsound;

static const unsound unsounds[] = {
    {{.without = "final_norm.gamma"}, "final_norm.gamma: missing"},
    {{.without = "layers.0.1.linear.bias"}, "layers.0.1.linear.bias: missing"},
    {{.without = "band_split.to_features.1.0.gamma"},
     "band_split.to_features.1.1.bias: not a part"},
    {{.without = "layers.0.0.forward_blocks.0.mixer.dt_bias"}, "mixer.dt_bias: missing"},
    {{.with = "layers.7.0.linear.bias"}, "layers.7.0.linear.bias: not a part"},
    {{.with = "layers.0.1.linear.bias"}, "layers.0.1.linear.bias: is there twice"},
    {{.long_tensor = "layers.0.1.linear.bias"},
     "layers.0.1.linear.bias: its storage has 16 bytes, not 5 times 4"},
    {{.wrapper = "a.b.c.d.e"}, "its top-level keys are: a"},
    {{.wrapper = "weights", .code = true, .without = "final_norm.gamma"},
     "its top-level keys are: callbacks, hyper_parameters, set, weights"},
    {{.prefix = "not"}, "final_norm.gamma: missing"},
};

static void test_unsound(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    for (size_t i = 0; i < sizeof unsounds / sizeof unsounds[0]; i++) {
        const char *path = scratch_path("unsound.pt");
        torch_write(path, mini, &unsounds[i].style);
        assert_open_fails(path, BSM_BAD_MODEL, unsounds[i].message);
    }
    bsm_model_free(mini);
}

static void assert_ema_fails(size_t averages, const char *message)
{
    bsm_model *mini = mini_model();
    const char *path = scratch_path("ema.ckpt");
    torch_write(path, mini, &(torch_style){.wrapper = "state_dict", .ema = averages});
    const bsm_model_options options = {.ema = true};
    bsm_model *model = NULL;
    bsm_error error = {0};
    assert_int_equal(bsm_model_open(path, &options, &model, &error),
                     message ? BSM_BAD_MODEL : BSM_OK);
    if (message && !strstr(error.message, message)) {
        fail_msg("%s", error.message);
    }
    bsm_model_free(model);
    bsm_model_free(mini);
}

static void test_averages(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    size_t count = bsm_model_num_tensors(mini);
    bsm_model_free(mini);
    assert_ema_fails(count, NULL);
    assert_ema_fails(count - 1, "fewer averaged weights than weights");
    assert_ema_fails(count + 1, "more averaged weights than weights");
    assert_ema_fails(0, "holds no averaged weights");
}

/* The keys that other trainers use: with `ema` the second network is opened, without it the
 * first. */
static const torch_style averaged_styles[] = {
    {.wrapper = "state_dict", .average = "state_dict_ema"},
    {.wrapper = "model", .average = "model_ema", .prefix = "module."},
    {.wrapper = "model", .average = "ema"},
    {.wrapper = "model", .average = "ema.ema_model"},
    {.wrapper = "net", .average = "averaged_model", .infix = "_orig_mod."},
    {.wrapper = "net", .average = "swa_state"},
    {.prefix = "online_model.", .average_prefix = "ema_model."},
    {.wrapper = "ema", .prefix = "online_model.", .average_prefix = "ema_model."},
    {.prefix = "net.model.", .average_prefix = "net_ema.module."},
    {.wrapper = "state_dict", .prefix = "model.", .average_prefix = "model_ema.", .dotless = true},
    {.wrapper = "model", .average = "ema", .modules = true},
};

static char said[640];

static void note(void *user, const char *line)
{
    (void)user;
    snprintf(said, sizeof said, "%s", line);
}

static void assert_weights_times(const char *path, bool ema, const bsm_model *mini, float factor)
{
    const bsm_model_options options = {.ema = ema};
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_open(path, &options, &model, &error)) {
        fail_msg("%s", error.message);
    }
    for (size_t i = 0; i < bsm_model_num_tensors(mini); i++) {
        const bsm_tensor *expected = bsm_model_tensor(mini, i);
        const float *values = bsm_model_find(model, expected->name)->data;
        for (size_t j = 0; j < expected->count; j++) {
            assert_true(values[j] == factor * ((const float *)expected->data)[j]);
        }
    }
    const char *training = bsm_model_metadata(model, "training");
    assert_int_equal(training && strstr(training, "averaged weights"), ema);
    bsm_model_free(model);
}

static void test_averages_elsewhere(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    bsm_log_set_handler(note, NULL);
    for (size_t i = 0; i < sizeof averaged_styles / sizeof averaged_styles[0]; i++) {
        const char *path = scratch_path("averaged.ckpt");
        torch_write(path, mini, &averaged_styles[i]);
        said[0] = '\0';
        assert_weights_times(path, false, mini, 1);
        assert_non_null(strstr(said, "averaged.ckpt: taken are the weights "));
        said[0] = '\0';
        assert_weights_times(path, true, mini, 2);
        assert_non_null(strstr(said, "averaged.ckpt: taken are the averaged weights "));
    }
    const char *path = scratch_path("online.ckpt");
    torch_write(path, mini, &(torch_style){.prefix = "online_model.", .average_prefix = "ema."});
    assert_weights_times(path, false, mini, 1);
    assert_non_null(strstr(said, "weights online_model, not their average ema (--ema)"));
    torch_write(path, mini, &(torch_style){.wrapper = "model", .with = "n_averaged"});
    assert_weights_times(path, true, mini, 1); /* an AveragedModel */
    bsm_log_set_handler(NULL, NULL);
    bsm_model_free(mini);
}

/* ---- Tensors that lie ---- */

/* Check a checkpoint of one tensor, final_norm.gamma, with this description, over a storage of 4
 * floats. */
static void assert_tensor_fails(const char *description, size_t size, const char *message)
{
    bytes b = {0};
    bytes_add_text(&b, "\x80\x02}");
    pickle_text(&b, "final_norm.gamma");
    bytes_add(&b, description, size);
    bytes_add_text(&b, "s.");
    const float values[4] = {1, 2, 3, 4};
    const member members[] = {{"x/data.pkl", b.data, b.size}, {"x/data/0", values, sizeof values}};
    const char *path = scratch_path("tensor.pt");
    zip_write(path, members, 2, false);
    assert_open_fails(path, BSM_BAD_MODEL, message);
    bytes_free(&b);
}

#define V2 "ctorch._utils\n_rebuild_tensor_v2\n"
#define STORAGE                                                                                    \
    "(U\x07storagectorch\nFloatStorage\nU\x01"                                                     \
    "0U\x03"                                                                                       \
    "cpuK\x04tQ"
#define FAILS(literal, message) assert_tensor_fails(literal, sizeof(literal) - 1, message)

static void test_lying_tensors(void **state)
{
    (void)state;
    FAILS(V2 "(" STORAGE "K\x00K\x04\x85K\x01\x85\x89NtR", "mixer.dt_bias: missing");
    FAILS("N", "it is no tensor");
    FAILS("cos\nsystem\nU\x02id\x85R", "it is no tensor");
    FAILS(V2 ")R", "described in an unknown way");
    FAILS(V2 "K\x01R", "described in an unknown way");
    FAILS(V2 "(NK\x00K\x04\x85K\x01\x85tR", "its storage is described in an unknown way");
    FAILS(V2 "(" STORAGE "K\x01K\x04\x85K\x01\x85tR", "reaches beyond its storage");
    FAILS(V2 "(" STORAGE "K\x00K\x05\x85K\x01\x85tR", "reaches beyond its storage");
    FAILS(V2 "(" STORAGE "K\x00K\x02\x85K\x04\x85tR", "reaches beyond its storage");
    FAILS(V2 "(" STORAGE "K\x00K\x04\x85K\x01K\x01\x86tR", "its shape makes no sense");
    FAILS(V2 "(" STORAGE "K\x00J\xfc\xff\xff\xff\x85K\x01\x85tR", "its shape makes no sense");
    FAILS(V2 "(" STORAGE "J\xff\xff\xff\xffK\x04\x85K\x01\x85tR", "its shape makes no sense");
    FAILS(V2 "(" STORAGE "K\x00K\x04\x85J\xff\xff\xff\xff\x85tR", "its shape makes no sense");
    FAILS(V2 "(" STORAGE "K\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t(K\x01K\x01K\x01K"
             "\x01K\x01K\x01K\x01K\x01K\x01ttR",
          "more than 8 dimensions");
    /* A stride times a size that overflows, and a number of elements that does. */
    FAILS(V2 "(" STORAGE "K\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x3f\x85"
             "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x3f\x85tR",
          "reaches beyond its storage");
    FAILS(V2 "(" STORAGE "K\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x3f"
             "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x3f\x86K\x00K\x00\x86tR",
          "reaches beyond its storage");
    FAILS(V2 "((U\x07storagectorch\nPickleStorage\nU\x01"
             "0U\x03"
             "cpuK\x04tQK\x00K\x04\x85K\x01\x85tR",
          "its type is unknown");
    FAILS("ctorch._utils\n_rebuild_parameter\n)R", "described in an unknown way");
}

/* One float is expanded to so many that no memory can hold what the description requests. */
static void test_expanded_tensor(void **state)
{
    (void)state;
    bsm_config config;
    bsm_model *lite = NULL;
    assert_int_equal(bsm_config_preset("lite", &config, NULL), BSM_OK);
    assert_int_equal(bsm_model_new_untrained(&config, &lite, NULL), BSM_OK);
    const char *path = scratch_path("expanded.pt");
    torch_write(path, lite, &(torch_style){.expanded = true});
    assert_open_fails(path, BSM_BAD_MODEL, "far more weights than a file of");
    bsm_model_free(lite);
}

/* ---- Archives that lie ---- */

static void test_no_checkpoints(void **state)
{
    (void)state;
    const member text = {"readme.txt", "hello", 5};
    const char *path = scratch_path("other.zip");
    zip_write(path, &text, 1, true);
    assert_open_fails(path, BSM_BAD_MODEL, "without data.pkl");
    assert_open_fails(scratch_write("cut.pt", "PK\3\4 and no more", 15), BSM_BAD_MODEL,
                      "its zip archive is cut short or corrupt");
    const member scalar = {"x/data.pkl", "\x80\x02K\x01.", 5};
    path = scratch_path("scalar.pt");
    zip_write(path, &scalar, 1, false);
    assert_open_fails(path, BSM_BAD_MODEL, "holds no state dict");
    const member order[] = {{"x/data.pkl", "\x80\x02}.", 4}, {"x/byteorder", "pdp", 3}};
    path = scratch_path("order.pt");
    zip_write(path, order, 2, false);
    assert_open_fails(path, BSM_BAD_MODEL, "unknown byteorder");
}

/* torch.save writes such files with compute_crc32 = False. */
static void test_no_checksums(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    for (int deflated = 0; deflated < 2; deflated++) {
        const char *path = scratch_path("unchecked.pt");
        torch_write(path, mini, &(torch_style){.deflated = deflated});
        zip_clear_checksums(path);
        bsm_model *model = assert_opens(path);
        assert_same_weights(model, mini);
        bsm_model_free(model);
    }
    bsm_model_free(mini);
}

/* Dicts contain the same dicts again and again: 16 to the power of the depth. */
static void test_shared_dicts(void **state)
{
    (void)state;
    bytes b = {0};
    bytes_add_text(&b, "\x80\x02}(");
    for (int level = 0; level < 20; level++) {
        bytes_add_text(&b, "K\x01"
                           "}(");
    }
    for (int level = 0; level < 20; level++) {
        bytes_add_text(&b, "uq");
        bytes_add(&b, (const char[]){(char)level}, 1);
        for (int again = 0; again < 200; again++) {
            bytes_add_text(&b, "K");
            bytes_add(&b, (const char[]){(char)again}, 1);
            bytes_add_text(&b, "h");
            bytes_add(&b, (const char[]){(char)level}, 1);
        }
    }
    bytes_add_text(&b, "u.");
    const member members[] = {{"x/data.pkl", b.data, b.size}};
    const char *path = scratch_path("shared.pt");
    zip_write(path, members, 1, false);
    assert_open_fails(path, BSM_BAD_MODEL, "final_norm.gamma: missing");
    bytes_free(&b);
}

/* A pickle of 128 MB of zeros, deflated to a small file. */
static void test_bomb(void **state)
{
    (void)state;
    enum { SIZE = 128 << 20 };
    char *zeros = calloc(1, SIZE);
    assert_non_null(zeros);
    const member bomb = {"x/data.pkl", zeros, SIZE};
    const char *path = scratch_path("bomb.pt");
    zip_write(path, &bomb, 1, true);
    assert_open_fails(path, BSM_BAD_MODEL, "cannot be weights");
    free(zeros);
}

/* Storages of a megabyte each, deflated to a kilobyte: each of them is allowed, all together are
 * not. */
static void test_many_storages(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    const char *path = scratch_path("storages.pt");
    torch_write(path, mini, &(torch_style){.padding = 250000, .deflated = true});
    assert_open_fails(path, BSM_BAD_MODEL, "its storage and those before it hold far more");
    torch_write(path, mini, &(torch_style){.padding = 250, .deflated = true});
    bsm_model_free(assert_opens(path));
    bsm_model_free(mini);
}

/* Check that a pickle of one opcode, repeated `count` times, is refused. */
static void assert_pickle_fails(char opcode, size_t count, const char *message)
{
    char *pickle = malloc(count + 3);
    assert_non_null(pickle);
    memcpy(pickle, "\x80\x02", 2);
    memset(pickle + 2, opcode, count);
    pickle[count + 2] = '.';
    const member whole = {"x/data.pkl", pickle, count + 3};
    const char *path = scratch_path("objects.pt");
    zip_write(path, &whole, 1, false);
    free(pickle);
    assert_open_fails(path, BSM_BAD_MODEL, message);
    unlink(path);
}

/* The limit of what a pickle makes does not grow with the pickle: 7 million objects are within it,
 * but not together with the stack that holds them. */
static void test_many_objects(void **state)
{
    (void)state;
    assert_pickle_fails(')', 10000000, "far more objects than a model has");
    assert_pickle_fails(')', 7000000, "far more objects than a model has");
    assert_pickle_fails('N', 33 << 20, "larger than any model's");
}

/* Change every byte of a small archive's directories, and cut it to every length: the result is an
 * error or the right model. */
static void test_damaged(void **state)
{
    (void)state;
    bsm_model *mini = mini_model();
    const char *path = scratch_path("whole.pt");
    torch_write(path, mini, &(torch_style){.one_storage = true});
    size_t size;
    unsigned char *data = scratch_read(path, &size);
    for (size_t i = 0; i<size; i += i> 64 && i < size - 600 ? 17 : 1) {
        data[i] ^= 0xff;
        const char *damaged = scratch_write("damaged.pt", data, size);
        bsm_model *model = NULL;
        bsm_error error = {0};
        if (bsm_model_open(damaged, NULL, &model, &error) == BSM_OK) {
            assert_same_weights(model, mini); /* the checksums reveal every change that matters */
            bsm_model_free(model);
        } else {
            assert_non_null(strstr(error.message, "damaged.pt"));
        }
        data[i] ^= 0xff;
    }
    for (size_t length = 4; length < size; length += 97) {
        const char *cut = scratch_write("cut.pt", data, length);
        bsm_model *model = NULL;
        bsm_error error = {0};
        assert_int_equal(bsm_model_open(cut, NULL, &model, &error), BSM_BAD_MODEL);
    }
    free(data);
    bsm_model_free(mini);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_styles),         cmocka_unit_test(test_stem_names),
        cmocka_unit_test(test_unsound),        cmocka_unit_test(test_averages),
        cmocka_unit_test(test_lying_tensors),  cmocka_unit_test(test_expanded_tensor),
        cmocka_unit_test(test_no_checkpoints), cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_many_objects),   cmocka_unit_test(test_many_storages),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_averages_elsewhere),
        cmocka_unit_test(test_no_checksums),   cmocka_unit_test(test_shared_dicts),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
