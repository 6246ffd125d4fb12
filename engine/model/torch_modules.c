/* SPDX-License-Identifier: ISC */
/* Turns networks that were pickled whole into state dicts. A torch.nn.Module is an object, of
 * whatever class, whose own dict has its tensors in _parameters and _buffers and its submodules in
 * _modules. */
#include "model/torch.h"

#include <stdio.h>
#include <string.h>

#include "model/tensor_table.h"

typedef bsm_pickle_value value;

enum {
    MAX_DEPTH = 4,        /* of containers around a module */
    MAX_NESTING = 32,     /* of modules in modules */
    MAX_VISITS = 1 << 18, /* values are shared, so a small pickle can describe very many */
};

typedef struct unfolding {
    bsm_arena *arena;
    size_t visits;
    bool failed; /* out of memory */
} unfolding;

static const value *part(const value *object, const char *name)
{
    const value *found = object->kind == BSM_PICKLE_CALL && object->call.state
                             ? bsm_pickle_get(object->call.state, name)
                             : NULL;
    return found && found->kind == BSM_PICKLE_DICT ? found : NULL;
}

static bool is_module(const value *v)
{
    return part(v, "_parameters") && part(v, "_modules");
}

static value *make(unfolding *u, bsm_pickle_kind kind)
{
    value *made = bsm_arena_take(u->arena, 1, sizeof *made);
    u->failed |= !made;
    if (made) {
        made->kind = kind;
    }
    return made;
}

static void append(unfolding *u, value *dict, const char *name, value *tensor)
{
    if (dict->list.count + 2 > dict->list.capacity) {
        const size_t capacity = 2 * dict->list.capacity + 64;
        value **items = bsm_arena_take(u->arena, capacity, sizeof *items);
        if (!items) {
            u->failed = true;
            return;
        }
        if (dict->list.count) {
            memcpy(items, dict->list.items, dict->list.count * sizeof *items);
        }
        dict->list.items = items;
        dict->list.capacity = capacity;
    }
    value *key = make(u, BSM_PICKLE_TEXT);
    if (key) {
        key->text.length = strlen(name);
        key->text.bytes = bsm_arena_text(u->arena, name, key->text.length);
        u->failed |= !key->text.bytes;
        dict->list.items[dict->list.count++] = key;
        dict->list.items[dict->list.count++] = tensor;
    }
}

/* Join "layers.0." and "weight"; false if the name gets too long. */
static bool join(const char *prefix, const value *key, const char *end,
                 char name[BSM_MAX_WRAPPED_NAME])
{
    if (key->kind != BSM_PICKLE_TEXT || key->text.length >= BSM_MAX_WRAPPED_NAME) {
        return false;
    }
    const int length = snprintf(name, BSM_MAX_WRAPPED_NAME, "%s%.*s%s", prefix,
                                (int)key->text.length, key->text.bytes, end);
    return length > 0 && length < BSM_MAX_WRAPPED_NAME;
}

static void add_module(unfolding *u, value *dict, const value *module, const char *prefix,
                       size_t nesting)
{
    static const char *const parts[] = {"_parameters", "_buffers", "_modules"};
    char name[BSM_MAX_WRAPPED_NAME];
    for (size_t p = 0; p < 3; p++) {
        const value *of = part(module, parts[p]);
        const bool inner = p == 2;
        for (size_t i = 0; of && i < of->list.count; i += 2) {
            value *item = of->list.items[i + 1];
            if (u->failed || ++u->visits > MAX_VISITS ||
                !join(prefix, of->list.items[i], inner ? "." : "", name)) {
                continue;
            }
            if (!inner && item->kind != BSM_PICKLE_NONE) {
                append(u, dict, name, item);
            } else if (inner && nesting > 0 && is_module(item)) {
                add_module(u, dict, item, name, nesting - 1);
            }
        }
    }
}

static value *unfold(unfolding *u, const value *module)
{
    value *dict = make(u, BSM_PICKLE_DICT);
    if (dict) {
        add_module(u, dict, module, "", MAX_NESTING);
    }
    return dict;
}

static void look_inside(unfolding *u, const value *v, size_t depth)
{
    const bool dict = v->kind == BSM_PICKLE_DICT;
    const size_t step = dict ? 2 : 1;
    if (!dict && v->kind != BSM_PICKLE_LIST && v->kind != BSM_PICKLE_TUPLE) {
        return;
    }
    for (size_t i = step - 1; i < v->list.count && !u->failed; i += step) {
        value **item = &v->list.items[i];
        if (++u->visits > MAX_VISITS) {
            return;
        }
        if (is_module(*item)) {
            value *unfolded = unfold(u, *item);
            *item = unfolded ? unfolded : *item;
        } else if (depth > 0) {
            look_inside(u, *item, depth - 1);
        }
    }
}

const value *bsm_torch_unfold_modules(const value *top, bsm_arena *arena)
{
    unfolding u = {.arena = arena};
    if (is_module(top)) {
        top = unfold(&u, top);
    } else {
        look_inside(&u, top, MAX_DEPTH);
    }
    return u.failed ? NULL : top;
}
