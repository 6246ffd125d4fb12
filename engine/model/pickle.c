/* SPDX-License-Identifier: ISC */
/* The opcodes of a pickle, documented at https://docs.python.org/3/library/pickletools.html */
#include "model/pickle.h"

#include <stdlib.h>
#include <string.h>

#include "model/pickle_machine.h"

/* ---- Queries ---- */

bool bsm_pickle_is_text(const bsm_pickle_value *value, const char *text)
{
    return value->kind == BSM_PICKLE_TEXT && value->text.length == strlen(text) &&
           memcmp(value->text.bytes, text, value->text.length) == 0;
}

const bsm_pickle_value *bsm_pickle_get(const bsm_pickle_value *dict, const char *key)
{
    if (dict->kind != BSM_PICKLE_DICT) {
        return NULL;
    }
    for (size_t i = dict->list.count; i >= 2; i -= 2) {
        if (bsm_pickle_is_text(dict->list.items[i - 2], key)) {
            return dict->list.items[i - 1];
        }
    }
    return NULL;
}

bool bsm_pickle_is_call(const bsm_pickle_value *value, const char *module, const char *name)
{
    if (value->kind != BSM_PICKLE_CALL || value->call.function->kind != BSM_PICKLE_GLOBAL) {
        return false;
    }
    const bsm_pickle_value *function = value->call.function;
    return strcmp(function->global.module, module) == 0 && strcmp(function->global.name, name) == 0;
}

typedef bsm_pickle_machine machine;
typedef bsm_pickle_value value;
typedef void handler(machine *m, unsigned char opcode);

/* ---- Constants and numbers ---- */

static void op_none(machine *m, unsigned char opcode)
{
    (void)opcode;
    bsm_pickle_push(m, bsm_pickle_make(m, BSM_PICKLE_NONE));
}

static void op_bool(machine *m, unsigned char opcode)
{
    value *v = bsm_pickle_make(m, BSM_PICKLE_BOOL);
    if (v) {
        v->boolean = opcode == 0x88;
        bsm_pickle_push(m, v);
    }
}

static void push_integer(machine *m, int64_t integer)
{
    value *v = bsm_pickle_make(m, BSM_PICKLE_INT);
    if (v) {
        v->integer = integer;
        bsm_pickle_push(m, v);
    }
}

static void op_integer(machine *m, unsigned char opcode)
{
    switch (opcode) {
    case 'K': push_integer(m, (int64_t)bsm_pickle_take_number(m, 1)); break;
    case 'M': push_integer(m, (int64_t)bsm_pickle_take_number(m, 2)); break;
    default: push_integer(m, (int32_t)(uint32_t)bsm_pickle_take_number(m, 4)); break;
    }
}

static void op_long(machine *m, unsigned char opcode)
{
    uint64_t length = bsm_pickle_take_number(m, opcode == 0x8a ? 1 : 4);
    if (length > sizeof(int64_t)) { /* too large for any size of a tensor */
        bsm_pickle_take(m, length);
        bsm_pickle_push(m, bsm_pickle_make(m, BSM_PICKLE_FOREIGN));
        return;
    }
    uint64_t bits = bsm_pickle_take_number(m, (size_t)length);
    if (length > 0 && length < 8 && bits >> (8 * length - 1)) {
        bits |= ~UINT64_C(0) << (8 * length); /* sign-extend a negative number */
    }
    push_integer(m, (int64_t)bits);
}

static void op_float(machine *m, unsigned char opcode)
{
    (void)opcode;
    uint64_t bits = __builtin_bswap64(bsm_pickle_take_number(m, 8));
    value *v = bsm_pickle_make(m, BSM_PICKLE_FLOAT);
    if (v) {
        memcpy(&v->real, &bits, sizeof v->real);
        bsm_pickle_push(m, v);
    }
}

/* ---- Text ---- */

static void push_text(machine *m, size_t bytes_of_length)
{
    uint64_t length = bsm_pickle_take_number(m, bytes_of_length);
    const unsigned char *bytes = bsm_pickle_take(m, length);
    value *v = bsm_pickle_make(m, BSM_PICKLE_TEXT);
    if (v) {
        v->text.bytes = (const char *)bytes;
        v->text.length = (size_t)length;
        bsm_pickle_push(m, v);
    }
}

static void op_text1(machine *m, unsigned char opcode)
{
    (void)opcode;
    push_text(m, 1);
}

static void op_text4(machine *m, unsigned char opcode)
{
    (void)opcode;
    push_text(m, 4);
}

static void op_text8(machine *m, unsigned char opcode)
{
    (void)opcode;
    push_text(m, 8);
}

/* ---- Containers ---- */

static void op_empty(machine *m, unsigned char opcode)
{
    bsm_pickle_kind kind = opcode == ')'   ? BSM_PICKLE_TUPLE
                           : opcode == ']' ? BSM_PICKLE_LIST
                                           : BSM_PICKLE_DICT;
    bsm_pickle_push(m, bsm_pickle_make(m, kind));
}

static void op_empty_set(machine *m, unsigned char opcode)
{
    (void)opcode;
    bsm_pickle_push(m, bsm_pickle_make(m, BSM_PICKLE_FOREIGN));
}

/* Make a tuple of the last one, two or three values. */
static void op_short_tuple(machine *m, unsigned char opcode)
{
    size_t count = opcode - 0x85u + 1;
    value *items[3] = {0};
    for (size_t i = count; i-- > 0;) {
        items[i] = bsm_pickle_pop(m);
    }
    value *tuple = bsm_pickle_make(m, BSM_PICKLE_TUPLE);
    if (tuple) {
        bsm_pickle_append(m, tuple, items, count);
        bsm_pickle_push(m, tuple);
    }
}

/* Make a container of everything above the mark. */
static void op_container(machine *m, unsigned char opcode)
{
    value **items;
    size_t count;
    if (!bsm_pickle_pop_mark(m, &items, &count)) {
        return;
    }
    bsm_pickle_kind kind = opcode == 't'   ? BSM_PICKLE_TUPLE
                           : opcode == 'l' ? BSM_PICKLE_LIST
                           : opcode == 'd' ? BSM_PICKLE_DICT
                                           : BSM_PICKLE_FOREIGN; /* frozenset */
    value *container = bsm_pickle_make(m, kind);
    if (container && kind == BSM_PICKLE_DICT && count % 2) {
        bsm_pickle_corrupt(m, "a key without a value");
    }
    if (container && kind != BSM_PICKLE_FOREIGN) {
        bsm_pickle_append(m, container, items, count);
    }
    bsm_pickle_push(m, container);
}

/* Add items to the container on top of the stack; foreign objects swallow them. */
static void add_items(machine *m, bsm_pickle_kind kind, value **items, size_t count)
{
    value *container = bsm_pickle_top(m);
    if (!container) {
        return;
    }
    if (container->kind == kind) {
        bsm_pickle_append(m, container, items, count);
    } else if (container->kind != BSM_PICKLE_CALL && container->kind != BSM_PICKLE_FOREIGN) {
        bsm_pickle_corrupt(m, "items for what is no container of them");
    }
}

static void op_append(machine *m, unsigned char opcode)
{
    (void)opcode;
    value *item = bsm_pickle_pop(m);
    add_items(m, BSM_PICKLE_LIST, &item, 1);
}

static void op_set_item(machine *m, unsigned char opcode)
{
    (void)opcode;
    value *item = bsm_pickle_pop(m);
    value *pair[2] = {bsm_pickle_pop(m), item};
    add_items(m, BSM_PICKLE_DICT, pair, 2);
}

static void op_add_items(machine *m, unsigned char opcode)
{
    value **items;
    size_t count;
    if (!bsm_pickle_pop_mark(m, &items, &count)) {
        return;
    }
    if (opcode == 'u' && count % 2) {
        bsm_pickle_corrupt(m, "a key without a value");
        return;
    }
    bsm_pickle_kind kind = opcode == 'e'   ? BSM_PICKLE_LIST
                           : opcode == 'u' ? BSM_PICKLE_DICT
                                           : BSM_PICKLE_FOREIGN; /* set */
    if (kind == BSM_PICKLE_FOREIGN) {
        bsm_pickle_top(m);
    } else {
        add_items(m, kind, items, count);
    }
}

/* ---- Stack and memo ---- */

static void op_mark(machine *m, unsigned char opcode)
{
    (void)opcode;
    bsm_pickle_push_mark(m);
}

static void op_pop(machine *m, unsigned char opcode)
{
    (void)opcode;
    bool at_mark = m->num_marks && m->marks[m->num_marks - 1] == m->depth;
    if (at_mark) {
        m->num_marks--;
    } else {
        bsm_pickle_pop(m);
    }
}

static void op_pop_mark(machine *m, unsigned char opcode)
{
    (void)opcode;
    value **items;
    size_t count;
    bsm_pickle_pop_mark(m, &items, &count);
}

static void op_dup(machine *m, unsigned char opcode)
{
    (void)opcode;
    bsm_pickle_push(m, bsm_pickle_top(m));
}

static void op_get(machine *m, unsigned char opcode)
{
    bsm_pickle_recall(m, bsm_pickle_take_number(m, opcode == 'h' ? 1 : 4));
}

static void op_put(machine *m, unsigned char opcode)
{
    bsm_pickle_put(m, bsm_pickle_take_number(m, opcode == 'q' ? 1 : 4));
}

static void op_memoize(machine *m, unsigned char opcode)
{
    (void)opcode;
    bsm_pickle_put(m, m->num_memos);
}

/* ---- Objects ---- */

/* Read the next line, without its end, as a new string. */
static const char *take_line(machine *m)
{
    const unsigned char *line = m->next;
    const unsigned char *end = memchr(line, '\n', (size_t)(m->end - line));
    if (!end) {
        bsm_pickle_corrupt(m, "cut short");
        return NULL;
    }
    m->next = end + 1;
    const char *text = bsm_arena_text(m->arena, (const char *)line, (size_t)(end - line));
    if (!text) {
        bsm_pickle_no_memory(m);
    }
    return text;
}

static void push_global(machine *m, const char *module, const char *name)
{
    value *v = module && name ? bsm_pickle_make(m, BSM_PICKLE_GLOBAL) : NULL;
    if (v) {
        v->global.module = module;
        v->global.name = name;
        bsm_pickle_push(m, v);
    }
}

static void op_global(machine *m, unsigned char opcode)
{
    (void)opcode;
    const char *module = take_line(m);
    push_global(m, module, module ? take_line(m) : NULL);
}

static const char *copy_text(machine *m, const value *v)
{
    if (!v || v->kind != BSM_PICKLE_TEXT) {
        bsm_pickle_corrupt(m, "a name that is no text");
        return NULL;
    }
    const char *text = bsm_arena_text(m->arena, v->text.bytes, v->text.length);
    if (!text) {
        bsm_pickle_no_memory(m);
    }
    return text;
}

static void op_stack_global(machine *m, unsigned char opcode)
{
    (void)opcode;
    const char *name = copy_text(m, bsm_pickle_pop(m));
    const char *module = name ? copy_text(m, bsm_pickle_pop(m)) : NULL;
    push_global(m, module, name);
}

static bool is_ordered_dict(const value *function)
{
    return function->kind == BSM_PICKLE_GLOBAL &&
           strcmp(function->global.module, "collections") == 0 &&
           strcmp(function->global.name, "OrderedDict") == 0;
}

/* The call is only recorded: nothing is run. */
static void push_call(machine *m, const value *function, const value *arguments)
{
    if (m->status) {
        return;
    }
    bool empty = arguments->kind == BSM_PICKLE_TUPLE && arguments->list.count == 0;
    if (is_ordered_dict(function) && empty) {
        bsm_pickle_push(m, bsm_pickle_make(m, BSM_PICKLE_DICT));
        return;
    }
    value *v = bsm_pickle_make(m, BSM_PICKLE_CALL);
    if (v) {
        v->call.function = function;
        v->call.arguments = arguments;
        bsm_pickle_push(m, v);
    }
}

static void op_call(machine *m, unsigned char opcode)
{
    if (opcode == 0x92) { /* NEWOBJ_EX has keyword arguments on top */
        bsm_pickle_pop(m);
    }
    const value *arguments = bsm_pickle_pop(m);
    const value *function = bsm_pickle_pop(m);
    push_call(m, function, arguments);
}

/* Handle an object's state, whose meaning only its class knows. */
static void op_build(machine *m, unsigned char opcode)
{
    (void)opcode;
    const value *state = bsm_pickle_pop(m);
    value *object = bsm_pickle_top(m);
    if (object && object->kind == BSM_PICKLE_CALL) {
        object->call.state = state;
    }
}

static void op_persistent(machine *m, unsigned char opcode)
{
    (void)opcode;
    const value *identity = bsm_pickle_pop(m);
    value *v = bsm_pickle_make(m, BSM_PICKLE_PERSISTENT);
    if (v) {
        v->identity = identity;
        bsm_pickle_push(m, v);
    }
}

/* Handle a code of the copyreg registry. */
static void op_extension(machine *m, unsigned char opcode)
{
    bsm_pickle_take(m, opcode == 0x82 ? 1 : opcode == 0x83 ? 2 : 4);
    bsm_pickle_push(m, bsm_pickle_make(m, BSM_PICKLE_FOREIGN));
}

/* ---- The machine ---- */

static void op_protocol(machine *m, unsigned char opcode)
{
    (void)opcode;
    uint64_t protocol = bsm_pickle_take_number(m, 1);
    if (!m->status && protocol > 5) {
        m->status = bsm_fail(m->error, BSM_UNSUPPORTED, "%s: data.pkl: pickle protocol %u", m->path,
                             (unsigned)protocol);
    }
}

static void op_frame(machine *m, unsigned char opcode)
{
    (void)opcode;
    bsm_pickle_take(m, 8);
}

static void op_stop(machine *m, unsigned char opcode)
{
    (void)opcode;
    m->stopped = true;
}

static handler *const handlers[256] = {
    ['N'] = op_none,         [0x88] = op_bool,        [0x89] = op_bool,
    ['K'] = op_integer,      ['M'] = op_integer,      ['J'] = op_integer,
    [0x8a] = op_long,        [0x8b] = op_long,        ['G'] = op_float,
    ['X'] = op_text4,        [0x8c] = op_text1,       [0x8d] = op_text8,
    ['B'] = op_text4,        ['C'] = op_text1,        [0x8e] = op_text8,
    ['T'] = op_text4,        ['U'] = op_text1,        [0x96] = op_text8,
    [')'] = op_empty,        [']'] = op_empty,        ['}'] = op_empty,
    [0x8f] = op_empty_set,   [0x85] = op_short_tuple, [0x86] = op_short_tuple,
    [0x87] = op_short_tuple, ['t'] = op_container,    ['l'] = op_container,
    ['d'] = op_container,    [0x91] = op_container,   ['a'] = op_append,
    ['s'] = op_set_item,     ['e'] = op_add_items,    ['u'] = op_add_items,
    [0x90] = op_add_items,   ['('] = op_mark,         ['0'] = op_pop,
    ['1'] = op_pop_mark,     ['2'] = op_dup,          ['h'] = op_get,
    ['j'] = op_get,          ['q'] = op_put,          ['r'] = op_put,
    [0x94] = op_memoize,     ['c'] = op_global,       [0x93] = op_stack_global,
    ['R'] = op_call,         [0x81] = op_call,        [0x92] = op_call,
    ['b'] = op_build,        ['Q'] = op_persistent,   [0x82] = op_extension,
    [0x83] = op_extension,   [0x84] = op_extension,   [0x80] = op_protocol,
    [0x95] = op_frame,       ['.'] = op_stop,
};

static void run(machine *m)
{
    while (!m->status && !m->stopped) {
        const unsigned char *opcode = bsm_pickle_take(m, 1);
        handler *handle = opcode ? handlers[*opcode] : NULL;
        if (handle) {
            handle(m, *opcode);
        } else if (opcode) {
            m->next = opcode;
            bsm_pickle_corrupt(m, "an opcode that torch.save never writes");
        }
    }
}

bsm_status bsm_pickle_read(const char *path, const void *data, size_t size, bsm_arena *arena,
                           const bsm_pickle_value **result, bsm_error *error)
{
    machine m = {
        .path = path,
        .start = data,
        .next = data,
        .end = (const unsigned char *)data + size,
        .arena = arena,
        .error = error,
    };
    run(&m);
    const value *top = bsm_pickle_pop(&m);
    free(m.stack);
    free(m.marks);
    free(m.memo);
    if (!m.status) {
        *result = top;
    }
    return m.status;
}
