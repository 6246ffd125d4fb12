/* SPDX-License-Identifier: ISC */
/* Tests the text of an error: one line, safe for a terminal, which contains its cause. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bsm/status.h"

static void test_control_characters_are_masked(void **state)
{
    (void)state;
    bsm_error error;
    assert_int_equal(bsm_fail(&error, BSM_IO, "%s",
                              "a\x1b[2J\n\x7f"
                              "b\xc2\x9b"
                              "c\xc2\x80\xc2\x9f"),
                     BSM_IO);
    assert_string_equal(error.message, "a?[2J??b??c????");
    /* Other characters whose last byte is one of those are kept. */
    const char *harmless = "\xc2\xa0\xc3\x9b\xe2\x82\x80";
    bsm_fail(&error, BSM_IO, "%s", harmless);
    assert_string_equal(error.message, harmless);
    bsm_fail(&error, BSM_IO, "%s", "\xc2");
    assert_string_equal(error.message, "\xc2");
    assert_int_equal(bsm_fail(NULL, BSM_IO, "%s", "x"), BSM_IO);
}

static void test_long_texts_keep_their_ends(void **state)
{
    (void)state;
    static char path[4096];
    bsm_error error;
    memset(path, 'x', sizeof path - 1);
    memcpy(path, "/begin/", 7);
    assert_int_equal(bsm_fail_errno(&error, ENOENT, path, "cannot read"), BSM_NOT_FOUND);
    assert_int_equal(strlen(error.message), sizeof error.message - 1);
    assert_memory_equal(error.message, "/begin/", 7);
    assert_non_null(strstr(error.message, "xxx...xxx"));
    const char *end = "x: cannot read: No such file or directory";
    assert_string_equal(error.message + strlen(error.message) - strlen(end), end);
}

static void test_lengths_around_the_size(void **state)
{
    (void)state;
    char line[16];
    bsm_format_line(line, sizeof line, "%s", "123456789012345");
    assert_string_equal(line, "123456789012345");
    bsm_format_line(line, sizeof line, "%s", "1234567890123456");
    assert_string_equal(line, "123456...123456");
    bsm_format_line(line, sizeof line, "%s", "1234567890\n2345678");
    assert_string_equal(line, "123456...345678");
}

/* No UTF-8 character is cut in two. */
static void test_cut_between_characters(void **state)
{
    (void)state;
    char line[16];
    bsm_format_line(line, sizeof line, "%s",
                    "12345\xc3\xa4........\xc3\xb6"
                    "abcde");
    assert_string_equal(line, "12345...abcde");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_characters_are_masked),
        cmocka_unit_test(test_long_texts_keep_their_ends),
        cmocka_unit_test(test_lengths_around_the_size),
        cmocka_unit_test(test_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
