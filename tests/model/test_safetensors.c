/* SPDX-License-Identifier: ISC */
/* Tests the header of a safetensors file: what is accepted, and that nothing in it is trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/safetensors.h"

#define TENSOR(name, dtype, shape, offsets)                                                        \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" offsets "]}"

/** Parse a file with this header and `size` bytes of tensors. */
static bsm_status parse(const char *header, size_t size, bsm_safetensors *file, bsm_error *error)
{
    uint64_t length = strlen(header);
    size_t total = sizeof length + (size_t)length + size;
    char *bytes = calloc(1, total);
    assert_non_null(bytes);
    memcpy(bytes, &length, sizeof length);
    memcpy(bytes + sizeof length, header, (size_t)length);
    bsm_status status = bsm_safetensors_parse("some.safetensors", bytes, total, file, error);
    free(bytes); /* only the addresses of the tensors are used */
    return status;
}

static void test_accepted(void **state)
{
    (void)state;
    bsm_safetensors file;
    bsm_error error = {0};
    const char *header = "{\"__metadata__\":{\"licence\":\"CC0 \\u00e9\",\"empty\":\"\"}," TENSOR(
        "b", "F16", "2,3", "8,20") "," TENSOR("none", "F64", "0,7",
                                              "20,20") "," TENSOR("a", "F32", "2",
                                                                  "0,8") "," TENSOR("scalar", "I64",
                                                                                    "",
                                                                                    "20,28") "}   ";
    assert_int_equal(parse(header, 28, &file, &error), BSM_OK);
    assert_int_equal(file.table.count, 4);
    const bsm_table_entry *b = bsm_table_find(&file.table, "b");
    assert_int_equal(b->tensor.rank, 2);
    assert_int_equal(b->tensor.shape[1], 3);
    assert_int_equal(b->tensor.count, 6);
    assert_int_equal(b->tensor.dtype, BSM_F16);
    const bsm_table_entry *a = bsm_table_find(&file.table, "a");
    assert_int_equal((const char *)b->tensor.data - (const char *)a->tensor.data, 8);
    assert_int_equal(bsm_table_find(&file.table, "none")->tensor.count, 0);
    assert_int_equal(bsm_table_find(&file.table, "scalar")->tensor.count, 1);
    assert_false(bsm_table_find(&file.table, "scalar")->is_float);
    assert_null(bsm_table_find(&file.table, "c"));
    assert_string_equal(bsm_metadata_get(&file.metadata, "licence"), "CC0 \xc3\xa9");
    assert_string_equal(bsm_metadata_get(&file.metadata, "empty"), "");
    bsm_safetensors_free(&file);
}

typedef struct bad_header {
    const char *header;
    size_t size;
    const char *message;
} bad_header;

static const bad_header bad_headers[] = {
    /* No header */
    {"[]", 0, "not a JSON object"},
    {"  {}", 0, "not a JSON object"},
    {"{", 0, "cut short"},
    {"{\"", 0, "not a JSON object"},
    {"{}x", 0, "not a JSON object"},
    {"{\"a\":}", 0, "not a JSON object"},
    {"nullnull", 0, "not a JSON object"},
    {"{}", 1, "1 bytes after the last tensor"},
    /* Positions */
    {"{" TENSOR("a", "F32", "2", "0,8") "}", 4, "a: lies beyond the end"},
    {"{" TENSOR("a", "F32", "2", "0,8") "}", 12, "4 bytes after the last tensor"},
    {"{" TENSOR("a", "F32", "2", "4,12") "}", 12, "a: does not follow"},
    {"{" TENSOR("a", "F32", "2", "8,0") "}", 8, "a: impossible data_offsets"},
    {"{" TENSOR("a", "F32", "2", "-8,0") "}", 8, "a: impossible data_offsets"},
    {"{" TENSOR("a", "F32", "2", "0.5,8.5") "}", 8, "a: impossible data_offsets"},
    {"{" TENSOR("a", "F32", "2", "0,1e300") "}", 8, "a: impossible data_offsets"},
    {"{" TENSOR("a", "F32", "2", "0,1e999") "}", 8, "a: impossible data_offsets"},
    {"{" TENSOR("a", "F32", "2", "0,9007199254740992") "}", 8, "a: lies beyond the end"},
    {"{" TENSOR("a", "F32", "2", "0,8,8") "}", 8, "a: impossible data_offsets"},
    {"{" TENSOR("a", "F32", "2", "0") "}", 8, "a: impossible data_offsets"},
    {"{" TENSOR("a", "F32", "2", "\"0\",\"8\"") "}", 8, "a: impossible data_offsets"},
    {"{" TENSOR("a", "F32", "2", "0,8") "," TENSOR("b", "F32", "2", "4,12") "}", 12, "b: overlaps"},
    {"{" TENSOR("a", "F32", "2", "0,8") "," TENSOR("b", "F32", "2", "0,8") "}", 8, "overlaps"},
    {"{" TENSOR("a", "F32", "2", "0,8") "," TENSOR("b", "F32", "1", "12,16") "}", 16,
     "b: does not follow"},
    /* Sizes */
    {"{" TENSOR("a", "F32", "3", "0,8") "}", 8, "a: data_offsets do not fit"},
    {"{" TENSOR("a", "F16", "2", "0,8") "}", 8, "a: data_offsets do not fit"},
    {"{" TENSOR("a", "F32", "4294967296,4294967296", "0,8") "}", 8, "a: impossible shape"},
    {"{" TENSOR("a", "F64", "2305843009213693952", "0,0") "}", 0, "a: impossible shape"},
    {"{" TENSOR("a", "F32", "4503599627370496,1024", "0,0") "}", 0, "a: data_offsets do not fit"},
    {"{" TENSOR("a", "F32", "-2", "0,8") "}", 8, "a: impossible shape"},
    {"{" TENSOR("a", "F32", "1.5", "0,8") "}", 8, "a: impossible shape"},
    {"{" TENSOR("a", "F32", "null", "0,8") "}", 8, "a: impossible shape"},
    {"{" TENSOR("a", "F32", "1,1,1,1,1,1,1,1,2", "0,8") "}", 8, "a: more than 8 dimensions"},
    /* Types */
    {"{" TENSOR("a", "F33", "2", "0,8") "}", 8, "a: unknown dtype"},
    {"{" TENSOR("a", "", "2", "0,8") "}", 8, "a: unknown dtype"},
    {"{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "a: unknown dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "a: no shape"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "a: impossible data_offsets"},
    {"{\"a\":[]}", 8, "a: is not described by an object"},
    {"{\"a\":null}", 8, "a: is not described by an object"},
    /* Names */
    {"{" TENSOR("a", "F32", "1", "0,4") "," TENSOR("a", "F32", "1", "4,8") "}", 8,
     "a: is there twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__: is there twice"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "k: is in the metadata twice"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "k: metadata is not text"},
    {"{\"__metadata__\":[]}", 0, "__metadata__: is not an object"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_headers / sizeof bad_headers[0]; i++) {
        const bad_header *bad = &bad_headers[i];
        bsm_safetensors file;
        bsm_error error = {0};
        bsm_status status = parse(bad->header, bad->size, &file, &error);
        if (status != BSM_BAD_MODEL || !strstr(error.message, bad->message)) {
            fail_msg("%s: got \"%s\", not \"%s\"", bad->header, error.message, bad->message);
        }
        assert_memory_equal(error.message, "some.safetensors: ", 18);
    }
}

/* Check that a header is refused that has `text` `count` times between `start` and `end`. */
static void assert_repetition_refused(const char *start, const char *text, size_t count,
                                      const char *end, const char *message)
{
    size_t length = strlen(text);
    char *header = malloc(strlen(start) + count * length + strlen(end) + 1);
    assert_non_null(header);
    strcpy(header, start);
    char *next = header + strlen(start);
    for (size_t i = 0; i < count; i++, next += length) {
        memcpy(next, text, length);
    }
    strcpy(next, end);
    bsm_safetensors file;
    bsm_error error = {0};
    assert_int_equal(parse(header, 0, &file, &error), BSM_BAD_MODEL);
    if (!strstr(error.message, message)) {
        fail_msg("%s", error.message);
    }
    free(header);
}

static void test_large_headers(void **state)
{
    (void)state;
    assert_repetition_refused("{\"a\":", "[", 100000, "", "not a JSON object");
    assert_repetition_refused("", "{\"a\":", 100000, "", "not a JSON object");
    assert_repetition_refused("{\"__metadata__\":{\"k\":1,", "\"k\":\"\",", 5000, "\"l\":\"\"}}",
                              "k: metadata is not text");
    assert_repetition_refused("{", " ", 17 << 20, "}", "is larger than 16777216");
}

static void test_many_pairs(void **state)
{
    (void)state;
    enum { PAIRS = 1025, PAIR = 11 };
    static char header[32 + PAIRS * PAIR + 8];
    char *next = header + sprintf(header, "{\"__metadata__\":{");
    for (int i = 0; i < PAIRS; i++) {
        next += sprintf(next, "%s\"%04d\":\"\"", i ? "," : "", i);
    }
    strcpy(next, "}}");
    bsm_safetensors file;
    bsm_error error = {0};
    assert_int_equal(parse(header, 0, &file, &error), BSM_BAD_MODEL);
    assert_non_null(strstr(error.message, "more than 1024 pairs"));
}

/* The header's length may be wrong: the parser must not read beyond its input, which ASan
 * checks. */
static void test_lengths(void **state)
{
    (void)state;
    const uint64_t lengths[] = {0, 1, 3, 9, 1u << 31, UINT64_MAX, UINT64_MAX - 7, INT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char *bytes = malloc(10);
        assert_non_null(bytes);
        memcpy(bytes, &lengths[i], 8);
        memcpy(bytes + 8, "{}", 2);
        bsm_safetensors file;
        bsm_error error = {0};
        assert_int_equal(bsm_safetensors_parse("f", bytes, 10, &file, &error), BSM_BAD_MODEL);
        free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_large_headers), cmocka_unit_test(test_many_pairs),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
