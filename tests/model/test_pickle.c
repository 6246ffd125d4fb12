/* SPDX-License-Identifier: ISC */
/* Tests the pickle reader: objects, and malicious pickles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "model/pickle.h"
#include "scratch.h"
#include "torch_writer.h"

enum { LIMIT = 64 << 20 };

/* Read a literal, which may contain zero bytes. */
#define READ(literal, arena) read_pickle(literal, sizeof(literal) - 1, arena)

static const bsm_pickle_value *read_pickle(const char *data, size_t size, bsm_arena *arena)
{
    const bsm_pickle_value *value = NULL;
    bsm_error error = {0};
    *arena = bsm_arena_make(LIMIT);
    if (bsm_pickle_read("some.pt", data, size, arena, &value, &error)) {
        fail_msg("%s", error.message);
    }
    return value;
}

static void assert_refused(const char *data, size_t size, bsm_status status, const char *message)
{
    const bsm_pickle_value *value = NULL;
    bsm_error error = {0};
    bsm_arena arena = bsm_arena_make(LIMIT);
    bsm_status actual = bsm_pickle_read("some.pt", data, size, &arena, &value, &error);
    if (actual != status || !strstr(error.message, message)) {
        fail_msg("got %d \"%s\", not \"%s\"", (int)actual, error.message, message);
    }
    assert_memory_equal(error.message, "some.pt: data.pkl: ", 19);
    bsm_arena_free(&arena);
}

/* ---- Values ---- */

static void test_numbers(void **state)
{
    (void)state;
    bsm_arena arena;
    const bsm_pickle_value *v =
        READ("\x80\x04(K\xffM\x01\x02J\xfe\xff\xff\xff\x8a\x00\x8a\x01\x80\x8a\x02\xff\x7f"
             "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80\x8b\x01\x00\x00\x00\x05"
             "G\x3f\xf8\x00\x00\x00\x00\x00\x00N\x88\x89"
             "\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01t.",
             &arena);
    assert_int_equal(v->kind, BSM_PICKLE_TUPLE);
    assert_int_equal(v->list.count, 13);
    const int64_t integers[] = {255, 513, -2, 0, -128, 32767, INT64_MIN, 5};
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(v->list.items[i]->kind, BSM_PICKLE_INT);
        assert_true(v->list.items[i]->integer == integers[i]);
    }
    assert_true(v->list.items[8]->real == 1.5);
    assert_int_equal(v->list.items[9]->kind, BSM_PICKLE_NONE);
    assert_true(v->list.items[10]->boolean);
    assert_false(v->list.items[11]->boolean);
    assert_int_equal(v->list.items[12]->kind, BSM_PICKLE_FOREIGN);
    bsm_arena_free(&arena);
}

static void test_text(void **state)
{
    (void)state;
    bsm_arena arena;
    const bsm_pickle_value *v =
        READ("\x80\x05(X\x02\x00\x00\x00xy\x8c\x02xy\x8d\x02\x00\x00\x00\x00\x00\x00\x00xy"
             "B\x02\x00\x00\x00xyC\x02xy\x8e\x02\x00\x00\x00\x00\x00\x00\x00xy"
             "U\x02xyT\x02\x00\x00\x00xy\x96\x02\x00\x00\x00\x00\x00\x00\x00xyl.",
             &arena);
    assert_int_equal(v->kind, BSM_PICKLE_LIST);
    assert_int_equal(v->list.count, 9);
    for (size_t i = 0; i < v->list.count; i++) {
        assert_true(bsm_pickle_is_text(v->list.items[i], "xy"));
        assert_false(bsm_pickle_is_text(v->list.items[i], "x"));
    }
    bsm_arena_free(&arena);
}

static void test_containers(void **state)
{
    (void)state;
    bsm_arena arena;
    /* {"a": (1, 2, 3), "b": [1, 2, 3], "a": ()}, with a memo and items one by one */
    const bsm_pickle_value *v = READ("\x80\x02}q\x00(U\x01"
                                     "aq\x01K\x01K\x02K\x03\x87U\x01"
                                     "b](K\x01K\x02"
                                     "eK\x03"
                                     "auh\x01)s.",
                                     &arena);
    assert_int_equal(v->kind, BSM_PICKLE_DICT);
    assert_int_equal(bsm_pickle_get(v, "a")->kind, BSM_PICKLE_TUPLE);
    assert_int_equal(bsm_pickle_get(v, "a")->list.count, 0);
    assert_int_equal(bsm_pickle_get(v, "b")->list.count, 3);
    assert_int_equal(bsm_pickle_get(v, "b")->list.items[2]->integer, 3);
    assert_null(bsm_pickle_get(v, "c"));
    assert_null(bsm_pickle_get(bsm_pickle_get(v, "b"), "a"));
    bsm_arena_free(&arena);
}

static void test_stack(void **state)
{
    (void)state;
    bsm_arena arena;
    const bsm_pickle_value *v = READ("\x80\x02K\x01K\x02"
                                     "0(K\x03K\x04"
                                     "1("
                                     "02\x86\x94j\x00\x00\x00\x00\x86.",
                                     &arena);
    assert_int_equal(v->list.count, 2);
    assert_ptr_equal(v->list.items[0], v->list.items[1]);
    assert_int_equal(v->list.items[0]->list.items[1]->integer, 1);
    bsm_arena_free(&arena);
}

static void test_persistent_ids(void **state)
{
    (void)state;
    bsm_arena arena;
    const bsm_pickle_value *v = READ("\x80\x02U\x03keyQ.", &arena);
    assert_int_equal(v->kind, BSM_PICKLE_PERSISTENT);
    assert_true(bsm_pickle_is_text(v->identity, "key"));
    bsm_arena_free(&arena);
}

/* ---- Code ---- */

static void test_calls_are_data(void **state)
{
    (void)state;
    bsm_arena arena;
    const bsm_pickle_value *v = READ("\x80\x02"
                                     "cos\nsystem\nU\x10touch bsm-was-he\x85R.",
                                     &arena);
    assert_true(bsm_pickle_is_call(v, "os", "system"));
    assert_false(bsm_pickle_is_call(v, "os", "popen"));
    assert_false(bsm_pickle_is_call(v->call.function, "os", "system"));
    bsm_arena_free(&arena);

    v = READ("\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R}b.", &arena);
    assert_true(bsm_pickle_is_call(v, "posix", "system"));
    bsm_arena_free(&arena);

    /* A call of what a call returned; NEWOBJ, NEWOBJ_EX, items and state for the result. */
    v = READ("\x80\x04"
             "cbuiltins\ngetattr\n)RN\x85R)\x81)}\x92(NNuNNsNa(Ne(N\x90}b.",
             &arena);
    assert_int_equal(v->kind, BSM_PICKLE_CALL);
    assert_int_equal(v->call.function->kind, BSM_PICKLE_CALL);
    bsm_arena_free(&arena);
}

static void test_ordered_dict(void **state)
{
    (void)state;
    bsm_arena arena;
    const bsm_pickle_value *v = READ("\x80\x02"
                                     "ccollections\nOrderedDict\n)RU\x01kK\x07s}b.",
                                     &arena);
    assert_int_equal(bsm_pickle_get(v, "k")->integer, 7);
    bsm_arena_free(&arena);
}

/* ---- Harm ---- */

typedef struct bad_pickle {
    const char *data;
    size_t size;
    const char *message;
} bad_pickle;

#define BAD(literal, message)                                                                      \
    {                                                                                              \
        literal, sizeof(literal) - 1, message                                                      \
    }

static const bad_pickle bad_pickles[] = {
    BAD("", "cut short"),
    BAD(".", "the stack is empty"),
    BAD("\x80\x02N", "cut short"),
    BAD("\x80\x02K", "cut short"),
    BAD("\x80\x02X\xff\xff\xff\xff", "cut short"),
    BAD("\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "cut short"),
    BAD("\x80\x02\x8b\xff\xff\xff\xff", "cut short"),
    BAD("\x80\x02T\xff\xff\xff\xff", "cut short"),
    BAD("\x80\x02"
        "cos",
        "cut short"),
    BAD("\x80\x02"
        "cos\nsystem",
        "cut short"),
    BAD("\x80\x02t.", "there is no mark"),
    BAD("\x80\x02N(.", "the stack is empty"),
    BAD("\x80\x02N(a.", "the stack is empty"),
    BAD("\x80\x02N\x86.", "the stack is empty"),
    BAD("\x80\x02(N\x86.", "the stack is empty"),
    BAD("\x80\x02R.", "the stack is empty"),
    BAD("\x80\x02Q.", "the stack is empty"),
    BAD("\x80\x02q\x00.", "the stack is empty"),
    BAD("\x80\x02h\x00.", "nothing was memoised"),
    BAD("\x80\x02j\xff\xff\xff\xff.", "nothing was memoised"),
    BAD("\x80\x02Nr\xff\xff\xff\xff.", "impossible memo number"),
    BAD("\x80\x02(Nd.", "a key without a value"),
    BAD("\x80\x02}(Nu.", "a key without a value"),
    BAD("\x80\x02NNa.", "no container"),
    BAD("\x80\x02]NNs.", "no container"),
    BAD("\x80\x02}Na.", "no container"),
    BAD("\x80\x02N(Ne.", "no container"),
    BAD("\x80\x02NN\x93.", "a name that is no text"),
    BAD("\x80\x02I1\n.", "an opcode that torch.save never writes"),
    BAD("\x80\x02p0\n.", "an opcode that torch.save never writes"),
    BAD("\x80\x05\x97.", "an opcode that torch.save never writes"),
    BAD("\x80\x02\xff.", "an opcode that torch.save never writes"),
};

static void test_corrupt(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_pickles / sizeof bad_pickles[0]; i++) {
        assert_refused(bad_pickles[i].data, bad_pickles[i].size, BSM_BAD_MODEL,
                       bad_pickles[i].message);
    }
    assert_refused("\x80\x06N.", 4, BSM_UNSUPPORTED, "pickle protocol 6");
}

/* A million nested lists, and as many marks: nothing recurses. */
static void test_deep(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    bytes b = {0};
    for (size_t i = 0; i < DEPTH; i++) {
        bytes_add_text(&b, "]");
    }
    for (size_t i = 1; i < DEPTH; i++) {
        bytes_add_text(&b, "a");
    }
    bytes_add_text(&b, ".");
    bsm_arena arena;
    assert_int_equal(read_pickle(b.data, b.size, &arena)->list.count, 1);
    bsm_arena_free(&arena);
    memset(b.data, '(', DEPTH);
    memset(b.data + DEPTH, 't', DEPTH);
    b.data[2 * DEPTH - 1] = '.';
    b.size = 2 * DEPTH;
    assert_int_equal(read_pickle(b.data, b.size, &arena)->kind, BSM_PICKLE_TUPLE);
    bsm_arena_free(&arena);
    bytes_free(&b);
}

/* Each tuple contains the one before twice: 2^200 elements for a program that expands them, but
 * little memory here. */
static void test_memo_bomb(void **state)
{
    (void)state;
    bytes b = {0};
    bytes_add_text(&b, "\x80\x02)");
    for (unsigned i = 0; i < 200; i++) {
        const char steps[] = {'q', (char)i, 'h', (char)i, '\x86'};
        bytes_add(&b, steps, sizeof steps);
    }
    bytes_add_text(&b, ".");
    bsm_arena arena;
    const bsm_pickle_value *v = read_pickle(b.data, b.size, &arena);
    assert_true(arena.total < 1 << 20);
    for (int i = 0; i < 200; i++) {
        assert_ptr_equal(v->list.items[0], v->list.items[1]);
        v = v->list.items[0];
    }
    bsm_arena_free(&arena);
    bytes_free(&b);
}

/* A list that contains itself. */
static void test_cycle(void **state)
{
    (void)state;
    bsm_arena arena;
    const bsm_pickle_value *v = READ("\x80\x02]q\x00h\x00"
                                     "a.",
                                     &arena);
    assert_ptr_equal(v, v->list.items[0]);
    bsm_arena_free(&arena);
}

/* There are more objects than the limit allows. */
static void test_too_many_objects(void **state)
{
    (void)state;
    size_t size = 4 << 20;
    char *data = malloc(size);
    assert_non_null(data);
    memset(data, '}', size);
    assert_refused(data, size, BSM_BAD_MODEL, "far more objects than a model has");
    free(data);
}

/* A genuine pickle that was cut off at any position yields an error. */
static void test_truncated(void **state)
{
    (void)state;
    char *path = golden_path("checkpoints/tiny-wrapped.pt/data.pkl");
    size_t size;
    char *data = scratch_read(path, &size);
    for (size_t length = 0; length < size; length += 1 + length / 256) {
        char *part = malloc(length + 1); /* on the heap, so that ASan notices reads beyond it */
        assert_non_null(part);
        memcpy(part, data, length);
        part = realloc(part, length ? length : 1);
        assert_refused(part, length, BSM_BAD_MODEL, "");
        free(part);
    }
    free(data);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_text),
        cmocka_unit_test(test_containers),     cmocka_unit_test(test_stack),
        cmocka_unit_test(test_persistent_ids), cmocka_unit_test(test_calls_are_data),
        cmocka_unit_test(test_ordered_dict),   cmocka_unit_test(test_corrupt),
        cmocka_unit_test(test_deep),           cmocka_unit_test(test_memo_bomb),
        cmocka_unit_test(test_cycle),          cmocka_unit_test(test_too_many_objects),
        cmocka_unit_test(test_truncated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
