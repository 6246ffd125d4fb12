/* SPDX-License-Identifier: ISC */
/* Tests the table, JSON and CSV of a validation. */
#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "validate/validate.h"

static const bsm_config config = {.num_stems = 1, .stems = {"vocals"}};

static bsm_track_result results[] = {
    {.track = "valid/A",
     .stem = 0,
     .sdr = {8.125, -0.001, NAN, -INFINITY, -71.5, 2, 0, 3},
     .errors = {2.5, -7.75, -13.5, -8.75}},
    {.track = "valid/A", .stem = 1, .sdr = {.usdr = 3}, .errors = {NAN, NAN, NAN, NAN}},
    {.track = "valid/B \"live\"", .stem = 0, .sdr = {.usdr = INFINITY, .csdr = INFINITY}},
    {.track = "valid/B \"live\"", .stem = 1, .sdr = {.usdr = 9, .csdr = 5.5}},
};
static bsm_stem_summary summaries[] = {
    {.mean = {1.25, 2, 3, 4, 5, 6, 7, 8, 9}, .median = {10, 11, -0.001, 13, 14}},
    {.mean = {11, NAN, 13, 14, 15}, .median = {16, NAN, 18, NAN, -INFINITY}},
};
static const bsm_validation validation = {.results = results,
                                          .num_results = 4,
                                          .summaries = summaries,
                                          .num_stems = 2,
                                          .num_tracks = 2,
                                          .seconds_audio = 6,
                                          .seconds_taken = 1.5,
                                          .method = "windows of 0.75 s, overlap 0%"};

static void assert_near(double actual, double expected)
{
    if (!(fabs(actual - expected) < 1e-12)) {
        fail_msg("%.9g instead of %.9g", actual, expected);
    }
}

static char *print_to_text(void (*print)(const bsm_validation *, const bsm_config *, FILE *))
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    print(&validation, &config, file);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void test_table(void **state)
{
    (void)state;
    char *text = print_to_text(bsm_validation_print);
    const char *expected =
        "dB                         uSDR   centre     cSDR   missed  through    mixed   sparse "
        "residual  typical\n"
        "valid/A         vocals     8.12     2.50     0.00    -7.75   -13.50    -8.75        - "
        "    -inf   -71.50\n"
        "valid/A         rest       3.00        -     0.00        -        -        -     0.00 "
        "    0.00     0.00\n"
        "valid/B \"live\"  vocals      inf     0.00      inf     0.00     0.00     0.00     0.00 "
        "    0.00     0.00\n"
        "valid/B \"live\"  rest       9.00     0.00     5.50     0.00     0.00     0.00     0.00 "
        "    0.00     0.00\n"
        "mean            vocals     1.25     2.00     3.00     4.00     5.00     6.00     7.00 "
        "    8.00     9.00\n"
        "median          vocals    10.00    11.00     0.00    13.00    14.00     0.00     0.00 "
        "    0.00     0.00\n"
        "mean            rest      11.00        -    13.00    14.00    15.00     0.00     0.00 "
        "    0.00     0.00\n"
        "median          rest      16.00        -    18.00        -     -inf     0.00     0.00 "
        "    0.00     0.00\n"
        "2 tracks, windows of 0.75 s, overlap 0%: 6.0 s of audio in 1.5 s\n";
    if (strcmp(text, expected) != 0) {
        fail_msg("not as expected:\n%s", text);
    }
    free(text);
}

static double json_number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static void test_json(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    assert_int_equal(bsm_validation_write_json(&validation, &config, file, NULL), BSM_OK);
    fclose(file);
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    assert_string_equal(cJSON_GetObjectItem(root, "method")->valuestring, validation.method);
    assert_near(json_number(root, "seconds_audio"), 6);
    const cJSON *tracks = cJSON_GetObjectItem(root, "tracks");
    assert_int_equal(cJSON_GetArraySize(tracks), 4);
    const cJSON *first = cJSON_GetArrayItem(tracks, 0), *last = cJSON_GetArrayItem(tracks, 3);
    assert_string_equal(cJSON_GetObjectItem(first, "stem")->valuestring, "vocals");
    assert_near(json_number(first, "usdr"), 8.125);
    assert_near(json_number(first, "centre_usdr"), 2.5);
    assert_near(json_number(first, "missed"), -7.75);
    assert_near(json_number(first, "let_through"), -13.5);
    assert_near(json_number(first, "mixed"), -8.75);
    assert_near(json_number(first, "silent_frames"), 3);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(first, "sparse_csdr")));
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(first, "silent_residual")));
    assert_string_equal(cJSON_GetObjectItem(last, "track")->valuestring, "valid/B \"live\"");
    assert_string_equal(cJSON_GetObjectItem(last, "stem")->valuestring, "rest");
    assert_near(json_number(last, "csdr"), 5.5);
    const cJSON *stems = cJSON_GetObjectItem(root, "stems");
    const cJSON *rest = cJSON_GetObjectItem(stems, "rest");
    assert_near(json_number(cJSON_GetObjectItem(rest, "mean"), "usdr"), 11);
    assert_near(json_number(cJSON_GetObjectItem(rest, "median"), "csdr"), 18);
    assert_non_null(cJSON_GetObjectItem(stems, "vocals"));
    cJSON_Delete(root);
    free(text);
}

static void test_json_that_cannot_be_written(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (!full) {
        skip();
    }
    bsm_error error;
    assert_int_equal(bsm_validation_write_json(&validation, &config, full, &error), BSM_IO);
    fclose(full);
}

static void test_csv(void **state)
{
    (void)state;
    char *text = print_to_text(bsm_validation_write_csv);
    const char *start =
        "track,stem,usdr,centre_usdr,csdr,missed,let_through,mixed,sparse_csdr,silent_residual,"
        "typical_residual,frames,sparse_frames,silent_frames\n"
        "\"valid/A\",\"vocals\",8.125,2.5,-0.001,-7.75,-13.5,-8.75,,-inf,-71.5,2,0,3\n";
    if (strncmp(text, start, strlen(start)) != 0) {
        fail_msg("not as expected:\n%s", text);
    }
    assert_non_null(strstr(text, "\n\"valid/B \"\"live\"\"\",\"rest\","));
    size_t lines = 0;
    for (const char *c = text; *c; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, 5);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_that_cannot_be_written),
        cmocka_unit_test(test_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
