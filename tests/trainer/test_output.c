/* SPDX-License-Identifier: ISC */
/* Tests the files that a training writes: TensorBoard's files and the log. */
#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "output/output.h"
#include "scratch.h"

static void folder(char *path, size_t size)
{
    snprintf(path, size, "%s", scratch_path("x"));
    *strrchr(path, '/') = '\0';
}

/* The test vectors of RFC 3720, B.4. */
static void test_crc(void **state)
{
    (void)state;
    unsigned char bytes[32] = {0};
    assert_int_equal(bsm_crc32c(bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(bsm_crc32c(bytes, sizeof bytes), 0x62a8ab43);
    for (unsigned char i = 0; i < 32; i++) {
        bytes[i] = i;
    }
    assert_int_equal(bsm_crc32c(bytes, sizeof bytes), 0x46dd794e);
    assert_int_equal(bsm_crc32c("123456789", 9), 0xe3069283);
}

static int is_events(const struct dirent *entry)
{
    return strncmp(entry->d_name, "events.out.tfevents.", 20) == 0;
}

static unsigned char *read_events(const char *path, size_t *size)
{
    struct dirent **entries;
    assert_int_equal(scandir(path, &entries, is_events, NULL), 1);
    const char *file = scratch_path(entries[0]->d_name);
    unsigned char *data = scratch_read(file, size);
    unlink(file);
    free(entries[0]);
    free(entries);
    return data;
}

/* Return the next record's bytes, and check its checksums. */
static const unsigned char *next_record(const unsigned char **data, const unsigned char *end,
                                        size_t *size)
{
    uint64_t length;
    uint32_t crc;
    assert_true(*data + 16 <= end);
    memcpy(&length, *data, sizeof length);
    memcpy(&crc, *data + 8, sizeof crc);
    assert_int_equal(crc, bsm_crc32c_masked(*data, 8));
    const unsigned char *record = *data + 12;
    assert_true(length <= (size_t)(end - record) - 4);
    memcpy(&crc, record + length, sizeof crc);
    assert_int_equal(crc, bsm_crc32c_masked(record, length));
    *data = record + length + 4;
    *size = length;
    return record;
}

static bool contains(const unsigned char *record, size_t size, const void *bytes, size_t count)
{
    return memmem(record, size, bytes, count) != NULL;
}

static void test_tensorboard(void **state)
{
    (void)state;
    char path[512];
    folder(path, sizeof path);
    bsm_tensorboard *board = NULL;
    assert_int_equal(bsm_tensorboard_open(path, 300, &board, NULL), BSM_OK);
    bsm_tensorboard_add(board, "loss/total", 1.5);
    bsm_tensorboard_add(board, "nothing", NAN);
    assert_int_equal(bsm_tensorboard_write(board, 301, NULL), BSM_OK);
    assert_int_equal(bsm_tensorboard_write(board, 302, NULL), BSM_OK); /* nothing to write */
    assert_int_equal(bsm_tensorboard_close(board, NULL), BSM_OK);

    size_t size, length;
    unsigned char *data = read_events(path, &size);
    const unsigned char *next = data, *end = data + size;
    const unsigned char *record = next_record(&next, end, &length);
    assert_true(contains(record, length,
                         "\x1a\x0d"
                         "brain.Event:2",
                         15));
    record = next_record(&next, end, &length);
    assert_true(contains(record, length, "\x10\xac\x02", 3)); /* step: 300 */
    assert_true(contains(record, length, "\x3a\x02\x08\x01", 4));
    record = next_record(&next, end, &length);
    assert_true(contains(record, length, "\x10\xad\x02", 3));
    /* summary { value { tag: "loss/total" simple_value: 1.5 } } */
    assert_true(contains(record, length,
                         "\x2a\x13\x0a\x11\x0a\x0a"
                         "loss/total"
                         "\x15\x00\x00\xc0\x3f",
                         21));
    assert_false(contains(record, length, "nothing", 7));
    assert_ptr_equal(next, end);
    free(data);
}

static void write_line(bsm_log *log, double step)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddNumberToObject(object, "step", step);
    assert_int_equal(bsm_log_write(log, object, NULL), BSM_OK);
}

static void test_log_goes_on(void **state)
{
    (void)state;
    char path[512];
    folder(path, sizeof path);
    bsm_log *log = NULL;
    assert_int_equal(bsm_log_open(path, 0, &log, NULL), BSM_OK);
    for (int i = 1; i <= 4; i++) {
        write_line(log, i);
    }
    assert_int_equal(bsm_log_close(log, NULL), BSM_OK);
    FILE *file = fopen(scratch_path("log.jsonl"), "a");
    fputs("{\"step\": 2, \"cut", file);
    fclose(file);
    assert_int_equal(bsm_log_open(path, 2, &log, NULL), BSM_OK);
    write_line(log, 3);
    assert_int_equal(bsm_log_close(log, NULL), BSM_OK);
    size_t size;
    char *text = scratch_read(scratch_path("log.jsonl"), &size);
    static const char expected[] = "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n";
    assert_int_equal(size, sizeof expected - 1);
    assert_memory_equal(text, expected, size);
    free(text);
    unlink(scratch_path("log.jsonl"));
}

static void test_log_cannot_be_written(void **state)
{
    (void)state;
    bsm_log *log = NULL;
    bsm_error error;
    assert_int_equal(bsm_log_open(scratch_path("no folder"), 0, &log, &error), BSM_NOT_FOUND);
    assert_non_null(strstr(error.message, "log.jsonl"));
}

static void test_pace(void **state)
{
    (void)state;
    bsm_pace pace = {
        .loss = {.total = 0.5, .time = 0.01, .spectral = {0.25, 0.125, 9}},
        .num_windows = 2,
        .norm = 1.25,
    };
    char text[256];
    bsm_pace_format(&pace, text, sizeof text);
    assert_string_equal(text, "loss 0.5 (time 0.01, stft 0.375), norm 1.25");
    pace.steps_per_second = 0.5;
    pace.audio_per_second = 16;
    pace.waiting = 0.014;
    bsm_pace_format(&pace, text, sizeof text);
    assert_string_equal(text, "loss 0.5 (time 0.01, stft 0.375), norm 1.25, 0.5 steps/s, 16 s of "
                              "audio per s, 1 % waiting");
    pace.loss.silence = 12.5;
    bsm_pace_format(&pace, text, sizeof text);
    assert_non_null(strstr(text, "stft 0.375, silence 12.5), norm"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc),         cmocka_unit_test(test_tensorboard),
        cmocka_unit_test(test_log_goes_on), cmocka_unit_test(test_log_cannot_be_written),
        cmocka_unit_test(test_pace),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
