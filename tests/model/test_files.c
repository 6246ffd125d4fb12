/* SPDX-License-Identifier: ISC */
/* Tests whole safetensors models: written, read and damaged. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "model/float16.h"
#include "scratch.h"

static const char *save_mini(const char *name, bsm_dtype dtype)
{
    const char *path = scratch_path(name);
    bsm_model *model = mini_model();
    bsm_error error = {0};
    if (bsm_model_save(model, path, dtype, true, &error)) {
        fail_msg("%s", error.message);
    }
    bsm_model_free(model);
    return path;
}

/* ---- A saved file whose header is changed ---- */

typedef struct parts {
    char *header; /**< without padding */
    char *data;
    size_t data_size;
} parts;

static parts take_apart(const char *path)
{
    size_t size;
    char *bytes = scratch_read(path, &size);
    uint64_t length;
    memcpy(&length, bytes, sizeof length);
    parts p = {.data_size = size - 8 - (size_t)length};
    p.header = strndup(bytes + 8, (size_t)length);
    p.data = malloc(p.data_size);
    assert_non_null(p.header);
    assert_non_null(p.data);
    memcpy(p.data, bytes + 8 + length, p.data_size);
    while (p.header[strlen(p.header) - 1] == ' ') {
        p.header[strlen(p.header) - 1] = '\0';
    }
    free(bytes);
    return p;
}

static void free_parts(parts *p)
{
    free(p->header);
    free(p->data);
}

/* Replace the first `from` in the header, which must exist. */
static void change(parts *p, const char *from, const char *to)
{
    char *at = strstr(p->header, from);
    if (!at) {
        fail_msg("no %s in %s", from, p->header);
    }
    char *header = malloc(strlen(p->header) + strlen(to) + 1);
    assert_non_null(header);
    sprintf(header, "%.*s%s%s", (int)(at - p->header), p->header, to, at + strlen(from));
    free(p->header);
    p->header = header;
}

static const char *put_together(const parts *p, const char *name)
{
    uint64_t length = strlen(p->header);
    size_t size = 8 + (size_t)length + p->data_size;
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, p->header, (size_t)length);
    memcpy(bytes + 8 + length, p->data, p->data_size);
    const char *path = scratch_write(name, bytes, size);
    free(bytes);
    return path;
}

/* ---- Round trips ---- */

static void test_round_trip(void **state)
{
    (void)state;
    const char *path = save_mini("mini.safetensors", BSM_F32);
    bsm_model *model = assert_opens(path);
    bsm_model *mini = mini_model();
    const bsm_config expected = mini_config();
    assert_same_weights(model, mini);
    assert_memory_equal(bsm_model_config(model), &expected, sizeof expected);
    assert_string_equal(bsm_model_format(model), "safetensors");
    assert_string_equal(bsm_model_metadata(model, "stems"), "drums,vocals");
    assert_string_equal(bsm_model_metadata(model, "segment"), "2.5");
    assert_string_equal(bsm_model_metadata(model, "training"),
                        "none: the weights are a hash of their names");
    assert_null(bsm_model_metadata(model, "licence"));
    assert_int_equal(bsm_model_check_values(model, NULL), BSM_OK);
    bsm_model_free(model);
    bsm_model_free(mini);
}

/* Metadata that bsm does not know, with every character, survives two conversions. */
static void test_metadata_is_kept(void **state)
{
    (void)state;
    parts p = take_apart(save_mini("mini.safetensors", BSM_F32));
    change(&p, "{\"__metadata__\":{",
           "{\"__metadata__\":{\"licence\":\"CC0\",\"mlp\":\"2\",\"odd \\\"\\n\":\"\\u00e9\\t/\",");
    const char *path = put_together(&p, "meta.safetensors");
    free_parts(&p);
    bsm_model *model = assert_opens(path);
    bsm_error error;
    const char *copy = scratch_path("copy.safetensors");
    assert_int_equal(bsm_model_save(model, copy, BSM_F16, true, &error), BSM_OK);
    bsm_model_free(model);
    model = assert_opens(copy);
    assert_string_equal(bsm_model_metadata(model, "licence"), "CC0");
    assert_string_equal(bsm_model_metadata(model, "odd \"\n"), "\xc3\xa9\t/");
    const char *key, *value;
    size_t pairs = 0;
    while (bsm_model_metadata_at(model, pairs, &key, &value)) {
        assert_string_equal(bsm_model_metadata(model, key), value);
        pairs++;
    }
    assert_int_equal(pairs, 18); /* 14 of the configuration, training, and these three */
    bsm_model_free(model);
}

/* Matrices are rounded, vectors are not. A second conversion changes nothing more. */
static void check_narrow(bsm_dtype dtype, uint16_t (*narrow)(float), float (*widen)(uint16_t))
{
    bsm_model *narrowed = assert_opens(save_mini("narrow.safetensors", dtype));
    bsm_model *mini = mini_model();
    for (size_t i = 0; i < bsm_model_num_tensors(mini); i++) {
        const bsm_tensor *exact = bsm_model_tensor(mini, i);
        const bsm_tensor *tensor = bsm_model_find(narrowed, exact->name);
        assert_int_equal(tensor->dtype, exact->rank >= 2 ? dtype : BSM_F32);
        assert_int_equal((uintptr_t)tensor->data % (exact->rank >= 2 ? 2 : 4), 0);
        float values[256];
        assert_true(exact->count <= 256);
        bsm_tensor_read(tensor, values);
        for (size_t j = 0; j < exact->count; j++) {
            float weight = ((const float *)exact->data)[j];
            assert_true(values[j] == (exact->rank >= 2 ? widen(narrow(weight)) : weight));
        }
    }
    bsm_error error;
    const char *wide = scratch_path("wide.safetensors");
    assert_int_equal(bsm_model_save(narrowed, wide, BSM_F32, true, &error), BSM_OK);
    bsm_model *widened = assert_opens(wide);
    assert_same_weights(widened, narrowed);
    bsm_model_free(widened);
    bsm_model_free(narrowed);
    bsm_model_free(mini);
}

static void test_narrow(void **state)
{
    (void)state;
    check_narrow(BSM_F16, bsm_half_of_float, bsm_float_of_half);
    check_narrow(BSM_BF16, bsm_bfloat_of_float, bsm_float_of_bfloat);
}

/* ---- Files that others write ---- */

/* Without metadata, everything that the shapes determine is inferred from them; the rest is a
 * default. */
static void test_inferred_configuration(void **state)
{
    (void)state;
    parts p = take_apart(save_mini("mini.safetensors", BSM_F32));
    change(&p, "__metadata__\":{",
           "foreign\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":"
           "[0,0],\"ignored\":{");
    change(&p, "},\"layers", "}},\"layers");
    bsm_model *model = assert_opens(put_together(&p, "bare.safetensors"));
    free_parts(&p);
    bsm_config expected = mini_config();
    expected.hop = 2; /* 441 is too long for so short a transform */
    expected.sample_rate = 44100;
    expected.segment = 8;
    strcpy(expected.stems[0], "vocals");
    strcpy(expected.stems[1], "other");
    assert_memory_equal(bsm_model_config(model), &expected, sizeof expected);
    bsm_model_free(model);
}

/* A header with an odd length makes the address of every tensor misaligned for its type. */
static void test_misaligned(void **state)
{
    (void)state;
    parts p = take_apart(save_mini("mini.safetensors", BSM_F32));
    change(&p, "}}", "} }");
    if (strlen(p.header) % 2 == 0) {
        change(&p, "} }", "}  }");
    }
    bsm_model *model = assert_opens(put_together(&p, "misaligned.safetensors"));
    bsm_model *mini = mini_model();
    assert_same_weights(model, mini);
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        assert_int_equal((uintptr_t)bsm_model_tensor(model, i)->data % sizeof(float), 0);
    }
    bsm_model_free(model);
    bsm_model_free(mini);
    free_parts(&p);
}

/* A foreign tensor of 5 GB, which is a hole in the file, precedes the network's own. */
static void test_beyond_4_gb(void **state)
{
    (void)state;
    parts p = take_apart(save_mini("mini.safetensors", BSM_F32));
    size_t hole = (size_t)5000000000u / 64 * 64;
    /* Shift all offsets by rewriting the header: the hole is the first tensor. */
    char *shifted = malloc(4 * strlen(p.header));
    assert_non_null(shifted);
    char *out = shifted + sprintf(shifted,
                                  "{\"hole\":{\"dtype\":\"U8\",\"shape\":[%zu],"
                                  "\"data_offsets\":[0,%zu]},",
                                  hole, hole);
    for (const char *in = p.header + 1; *in;) {
        size_t begin, end;
        int used = 0;
        if (sscanf(in, "\"data_offsets\":[%zu,%zu]%n", &begin, &end, &used) == 2 && used) {
            out += sprintf(out, "\"data_offsets\":[%zu,%zu]", begin + hole, end + hole);
            in += used;
        } else {
            *out++ = *in++;
        }
    }
    while ((out - shifted) % 64 != 56) {
        *out++ = ' ';
    }
    uint64_t length = (uint64_t)(out - shifted);
    const char *path = scratch_write("large.safetensors", &length, 8);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseeko(file, 8, SEEK_SET);
    assert_int_equal(fwrite(shifted, 1, (size_t)length, file), length);
    fseeko(file, (off_t)(8 + length + hole), SEEK_SET);
    assert_int_equal(fwrite(p.data, 1, p.data_size, file), p.data_size);
    assert_int_equal(fclose(file), 0);
    bsm_model *model = assert_opens(path);
    bsm_model *mini = mini_model();
    assert_same_weights(model, mini);
    bsm_model_free(model);
    bsm_model_free(mini);
    unlink(path);
    free(shifted);
    free_parts(&p);
}

/* Open and free the same file repeatedly, while other threads do the same. */
static void *open_repeatedly(void *path)
{
    for (int i = 0; i < 200; i++) {
        bsm_model *model = NULL;
        if (bsm_model_open(path, NULL, &model, NULL)) {
            return path;
        }
        bsm_model_free(bsm_model_ref(model));
        bool right = bsm_model_find(model, "final_norm.gamma")->count == 4;
        bsm_model_free(model);
        if (!right) {
            return path;
        }
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    const char *path = save_mini("threads.safetensors", BSM_F32);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, open_repeatedly, (void *)path), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

/* ---- Spoilt files ---- */

typedef struct spoilt {
    const char *from, *to;
    const char *message;
} spoilt;

/* The mixer of the mini network, whose vectors have different shapes. */
#define MIXER "layers.0.0.forward_blocks.0.mixer."

static const spoilt spoilts[] = {
    {"\"final_norm.gamma", "\"final_norm.delta", "final_norm.gamma: missing"},
    {"\"" MIXER "D\"", "\"" MIXER "E\"", MIXER "D: missing"},
    {"\"" MIXER "D\"", "\"other.D\"", MIXER "D: missing"},
    {"\"shape\":[4,8]", "\"shape\":[8,4]", "its shape is [8, 4], the network needs [4, 8]"},
    {"\"dtype\":\"F32\"", "\"dtype\":\"I32\"", "its type is I32"},
    {"\"dim\":\"4\"", "\"dim\":\"5\"", "not"},
    {"\"dim\":\"4\"", "\"dim\":\"-4\"", "metadata dim: not a valid value"},
    {"\"dim\":\"4\"", "\"dim\":\"4 \"", "metadata dim: not a valid value"},
    {"\"dim\":\"4\"", "\"dim\":\"\"", "metadata dim: not a valid value"},
    {"\"dim\":\"4\"", "\"dim\":\"99999999999999999999\"", "metadata dim: not a valid value"},
    {"\"depth\":\"1\"", "\"depth\":\"2\"", "layers.1.0.forward_blocks.0.norm.weight: missing"},
    {"\"depth\":\"1\"", "\"depth\":\"1000000000\"", "depth is 1000000000, not 1 to 256"},
    {"\"bands\":\"2,3\"", "\"bands\":\"2,,3\"", "metadata bands: not a valid value"},
    {"\"bands\":\"2,3\"", "\"bands\":\"2,3,\"", "metadata bands: not a valid value"},
    {"\"bands\":\"2,3\"", "\"bands\":\"5\"", "its shape is [4], the network needs [10]"},
    {"\"bands\":\"2,3\"", "\"bands\":\"3,3\"", "the bands hold 6 bins, n_fft 8 has 5"},
    {"\"n_fft\":\"8\"", "\"n_fft\":\"16\"", "the bands hold 5 bins, n_fft 16 has 9"},
    {"\"stems\":\"drums,vocals\"", "\"stems\":\"vocals\"", "mask_estimators.1."},
    {"\"stems\":\"drums,vocals\"", "\"stems\":\"drums,\"", "metadata stems: not a valid value"},
    {"\"stems\":\"drums,vocals\"", "\"stems\":\"a/../b,vocals\"", "the name of stem 1"},
    {"\"stems\":\"drums,vocals\"", "\"stems\":\"x,x\"", "two stems are named x"},
    {"\"segment\":\"2.5\"", "\"segment\":\"2.5.1\"", "metadata segment: not a valid value"},
    {"\"segment\":\"2.5\"", "\"segment\":\"nan\"", "metadata segment: not a valid value"},
    {"\"segment\":\"2.5\"", "\"segment\":\"9999\"", "segment is 9999 s"},
    {"\"segment\":\"2.5\"", "\"segment\":\"3600\"", "segment is 3600 s, not 0.001 (n_fft"},
    {"\"segment\":\"2.5\"", "\"segment\":\"0.0009\"", "segment is 0.0009 s"},
    {"\"segment\":\"2.5\"", "\"segment\":\"2.5\",\"expander\":\"-20\"",
     "metadata expander: not a valid value"},
    {"\"segment\":\"2.5\"", "\"segment\":\"2.5\",\"expander\":\"121\"",
     "expander is 121 dB, not 0 to 120"},
    {"\"sample_rate\":\"8000\"", "\"sample_rate\":\"1\"", "sample_rate is 1, not 8000 to 192000"},
    {"\"channels\":\"1\"", "\"channels\":\"3\"", "channels is 3, not 1 to 2"},
    {"\"hop\":\"3\"", "\"hop\":\"9\"", "hop is 9, not 1 to 8"},
};

static void test_expander(void **state)
{
    (void)state;
    parts p = take_apart(save_mini("mini.safetensors", BSM_F32));
    change(&p, "\"segment\":\"2.5\"", "\"segment\":\"2.5\",\"expander\":\"17.5\"");
    bsm_model *model = assert_opens(put_together(&p, "expander.safetensors"));
    assert_true(bsm_model_config(model)->expander == 17.5);
    bsm_model_free(model);
    free_parts(&p);
}

static void test_spoilt(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof spoilts / sizeof spoilts[0]; i++) {
        parts p = take_apart(save_mini("mini.safetensors", BSM_F32));
        change(&p, spoilts[i].from, spoilts[i].to);
        assert_open_fails(put_together(&p, "spoilt.safetensors"), BSM_BAD_MODEL,
                          spoilts[i].message);
        free_parts(&p);
    }
}

/* Foreign tensors are ignored, but not those with a network's names. */
static void test_extra(void **state)
{
    (void)state;
    parts p = take_apart(save_mini("mini.safetensors", BSM_F32));
    change(&p, "\"final_norm.gamma\"",
           "\"featurizer.window\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},"
           "\"final_norm.gamma\"");
    bsm_model *model = assert_opens(put_together(&p, "foreign.safetensors"));
    assert_null(bsm_model_find(model, "featurizer.window"));
    bsm_model_free(model);
    change(&p, "featurizer.window", "layers.0.2.linear.weight");
    assert_open_fails(put_together(&p, "extra.safetensors"), BSM_BAD_MODEL,
                      "layers.0.2.linear.weight: not a part of the network");
    free_parts(&p);
}

/* A file that was cut off at any position yields an error when it is opened. */
static void test_truncated(void **state)
{
    (void)state;
    size_t size;
    char *bytes = scratch_read(save_mini("mini.safetensors", BSM_F32), &size);
    for (size_t length = 0; length < size; length += length < 64 ? 1 : 61) {
        const char *path = scratch_write("short.safetensors", bytes, length);
        bsm_model *model = NULL;
        bsm_error error = {0};
        assert_int_equal(bsm_model_open(path, NULL, &model, &error), BSM_BAD_MODEL);
        assert_non_null(strstr(error.message, "short.safetensors"));
    }
    free(bytes);
}

static void test_no_models(void **state)
{
    (void)state;
    assert_open_fails(scratch_path("missing.safetensors"), BSM_NOT_FOUND, "cannot open");
    assert_open_fails(scratch_write("empty", "", 0), BSM_BAD_MODEL, "the file is empty");
    assert_open_fails(scratch_write("text", "#!/bin/sh\necho hello\n", 21), BSM_BAD_MODEL,
                      "neither a safetensors file nor a PyTorch checkpoint");
    static const struct {
        const char *text, *message;
    } others[] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
         "a Git LFS pointer, not the file itself: git lfs pull fetches it"},
        {"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n", "a web page"},
        {"\xef\xbb\xbf\r\n  <HTML>\n<body>Not found", "a web page"},
        {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "a web page"},
        {"Entry not found\n", "but text: Entry not found"},
        {"{\"metadata\": {}, \"weight_map\": {}}", "a model in several files"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_open_fails(scratch_write("other.ckpt", others[i].text, strlen(others[i].text)),
                          BSM_BAD_MODEL, others[i].message);
    }
    assert_open_fails(scratch_write("a-00001-of-00002.safetensors", "\x02\0\0\0\0\0\0\0{}", 10),
                      BSM_BAD_MODEL, "one part of a model in several files");
    const char legacy[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02";
    assert_open_fails(scratch_write("old.pth", legacy, sizeof legacy), BSM_UNSUPPORTED,
                      "save it again");
    const char *pipe = scratch_path("pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_open_fails(pipe, BSM_BAD_MODEL, "is not a regular file"); /* opening it does not wait */
    assert_open_fails("/tmp/", BSM_BAD_MODEL, "is a folder");
    if (geteuid() != 0) {
        const char *secret = scratch_write("secret", "x", 1);
        assert_int_equal(chmod(secret, 0), 0);
        assert_open_fails(secret, BSM_NO_PERMISSION, "cannot open");
    }
    const bsm_model_options options = {.ema = true};
    bsm_model *model = NULL;
    bsm_error error;
    assert_int_equal(
        bsm_model_open(save_mini("mini.safetensors", BSM_F32), &options, &model, &error),
        BSM_BAD_MODEL);
}

/* The same file is one object; a file that has replaced it is another. */
static void test_sharing(void **state)
{
    (void)state;
    const char *path = save_mini("shared.safetensors", BSM_F32);
    bsm_model *first = assert_opens(path);
    bsm_model *second = assert_opens(path);
    assert_ptr_equal(first, second);
    save_mini("shared.safetensors", BSM_BF16); /* while it is open */
    bsm_model *third = assert_opens(path);
    assert_ptr_not_equal(first, third);
    bsm_model *mini = mini_model();
    assert_same_weights(first, mini);
    bsm_model_free(first);
    assert_same_weights(second, mini);
    bsm_model_free(second);
    bsm_model_free(third);
    bsm_model_free(mini);
}

/* A weight that float16 cannot represent yields an error, not an infinity. */
static void test_overflow(void **state)
{
    (void)state;
    parts p = take_apart(save_mini("mini.safetensors", BSM_F32));
    float large = 70000;
    for (size_t at = 0; at < p.data_size; at += 4) {
        memcpy(p.data + at, &large, sizeof large);
    }
    bsm_model *model = assert_opens(put_together(&p, "large.safetensors"));
    free_parts(&p);
    bsm_error error = {0};
    size_t files = scratch_count();
    assert_int_equal(
        bsm_model_save(model, scratch_path("half.safetensors"), BSM_F16, false, &error),
        BSM_UNSUPPORTED);
    assert_non_null(strstr(error.message, "in_proj.weight: a weight is too large for F16"));
    assert_int_equal(scratch_count(), files);
    bsm_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_metadata_is_kept),
        cmocka_unit_test(test_narrow),     cmocka_unit_test(test_inferred_configuration),
        cmocka_unit_test(test_misaligned), cmocka_unit_test(test_beyond_4_gb),
        cmocka_unit_test(test_threads),    cmocka_unit_test(test_expander),
        cmocka_unit_test(test_spoilt),     cmocka_unit_test(test_extra),
        cmocka_unit_test(test_truncated),  cmocka_unit_test(test_no_models),
        cmocka_unit_test(test_sharing),    cmocka_unit_test(test_overflow),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
