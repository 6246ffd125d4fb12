/* SPDX-License-Identifier: ISC */
/* The state dict of a PyTorch checkpoint: where it is, and which tensors it has. */
#include <stdlib.h>
#include <string.h>

#include "model/fit.h"
#include "model/torch_file.h"

typedef bsm_pickle_value value;

/** A state dict, and what its names begin with before the network's own. */
typedef struct state_dict {
    const value *dict;
    size_t prefix; /**< bytes */
    const char *prefix_text;
} state_dict;

/* ---- Where it is ---- */

/* A name that every BSMamba2 network has; what stands before it is the prefix of all. */
static bool find_prefix(const value *dict, state_dict *found)
{
    static const char wanted[] = "final_norm.gamma";
    const size_t length = sizeof wanted - 1;
    if (!dict || dict->kind != BSM_PICKLE_DICT) {
        return false;
    }
    for (size_t i = 0; i < dict->list.count; i += 2) {
        const value *key = dict->list.items[i];
        if (key->kind != BSM_PICKLE_TEXT || key->text.length < length) {
            continue;
        }
        size_t prefix = key->text.length - length;
        if (memcmp(key->text.bytes + prefix, wanted, length) == 0 &&
            (prefix == 0 || key->text.bytes[prefix - 1] == '.')) {
            *found = (state_dict){dict, prefix, key->text.bytes};
            return true;
        }
    }
    return false;
}

static bsm_status find_state_dict(const bsm_torch_file *file, state_dict *found, bsm_error *error)
{
    static const char *const wrappers[] = {"state_dict", "model_state_dict", "model", "module",
                                           "net"};
    if (find_prefix(file->top, found)) {
        return BSM_OK;
    }
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
        if (find_prefix(bsm_pickle_get(file->top, wrappers[i]), found)) {
            return BSM_OK;
        }
    }
    if (file->top->kind != BSM_PICKLE_DICT) {
        return bsm_fail(error, BSM_BAD_MODEL,
                        "%s: holds no state dict: save model.state_dict() with torch.save",
                        file->path);
    }
    *found = (state_dict){.dict = file->top, .prefix_text = ""};
    return BSM_OK;
}

/* The averaged weights of a Lightning checkpoint: a sequence in an optimizer's state. */
static const value *find_ema(const bsm_torch_file *file)
{
    const value *states = bsm_pickle_get(file->top, "optimizer_states");
    if (!states || (states->kind != BSM_PICKLE_LIST && states->kind != BSM_PICKLE_TUPLE)) {
        return NULL;
    }
    for (size_t i = 0; i < states->list.count; i++) {
        const value *ema = bsm_pickle_get(states->list.items[i], "ema");
        if (ema && (ema->kind == BSM_PICKLE_TUPLE || ema->kind == BSM_PICKLE_LIST)) {
            return ema;
        }
    }
    return NULL;
}

/* ---- Which tensors it has ---- */

/** Collecting them. */
typedef struct collection {
    bsm_torch_file *file;
    const value *ema;   /**< NULL: the weights themselves */
    size_t num_network; /**< tensors of the network so far */
    bsm_error *error;
} collection;

static bsm_status no_memory(const collection *c)
{
    return bsm_fail(c->error, BSM_NO_MEMORY, "%s: out of memory", c->file->path);
}

static bsm_status add(collection *c, const char *name, const bsm_torch_view *view)
{
    bsm_torch_file *file = c->file;
    bsm_table_entry entry = {
        .tensor = {.name = name,
                   .dtype = view->type->dtype,
                   .rank = view->rank,
                   .count = view->count},
        .is_float = view->type->is_float,
        .type_name = view->type->name,
        .index = file->num_views,
    };
    memcpy(entry.tensor.shape, view->shape, sizeof view->shape);
    file->views[file->num_views++] = *view;
    return bsm_table_add(&file->table, &entry) ? BSM_OK : no_memory(c);
}

/* Put the averaged weights in the place of the network's next tensor: they come in its order. */
static bsm_status take_average(collection *c, const char *name, bsm_torch_view *view)
{
    if (c->num_network == c->ema->list.count) {
        return bsm_fail(c->error, BSM_BAD_MODEL, "%s: %s: fewer averaged weights than weights",
                        c->file->path, name);
    }
    bsm_torch_view average;
    const char *cause = bsm_torch_view_read(c->ema->list.items[c->num_network], &average);
    if (!cause && (average.rank != view->rank ||
                   memcmp(average.shape, view->shape, sizeof view->shape) != 0)) {
        cause = "its shape is another";
    }
    if (cause) {
        return bsm_fail(c->error, BSM_BAD_MODEL, "%s: average of %s: %s", c->file->path, name,
                        cause);
    }
    *view = average;
    return BSM_OK;
}

static bsm_status collect(collection *c, const char *name, const value *tensor)
{
    bsm_torch_view view;
    const char *cause = bsm_torch_view_read(tensor, &view);
    if (!bsm_is_network_name(name)) {
        return cause ? BSM_OK : add(c, name, &view);
    }
    if (cause) {
        return bsm_fail(c->error, BSM_BAD_MODEL, "%s: %s: %s", c->file->path, name, cause);
    }
    if (c->ema) {
        bsm_status status = take_average(c, name, &view);
        if (status) {
            return status;
        }
    }
    c->num_network++;
    return add(c, name, &view);
}

static bsm_status collect_all(collection *c, const state_dict *state)
{
    const value *dict = state->dict;
    for (size_t i = 0; i < dict->list.count; i += 2) {
        const value *key = dict->list.items[i];
        if (key->kind != BSM_PICKLE_TEXT || key->text.length < state->prefix ||
            memcmp(key->text.bytes, state->prefix_text, state->prefix) != 0) {
            continue;
        }
        const char *name = bsm_arena_text(&c->file->arena, key->text.bytes + state->prefix,
                                          key->text.length - state->prefix);
        if (!name) {
            return no_memory(c);
        }
        bsm_status status = collect(c, name, dict->list.items[i + 1]);
        if (status) {
            return status;
        }
    }
    if (c->ema && c->num_network < c->ema->list.count) {
        return bsm_fail(c->error, BSM_BAD_MODEL, "%s: more averaged weights than weights",
                        c->file->path);
    }
    return BSM_OK;
}

bsm_status bsm_torch_find_tensors(bsm_torch_file *file, bool ema, bsm_error *error)
{
    state_dict state = {0};
    bsm_status status = find_state_dict(file, &state, error);
    if (status) {
        return status;
    }
    collection c = {.file = file, .error = error};
    if (ema) {
        c.ema = find_ema(file);
        if (!c.ema) {
            return bsm_fail(error, BSM_BAD_MODEL,
                            "%s: holds no averaged weights (no ema in optimizer_states)",
                            file->path);
        }
    }
    file->views = calloc(state.dict->list.count / 2 + 1, sizeof *file->views);
    if (!file->views) {
        return no_memory(&c);
    }
    status = collect_all(&c, &state);
    if (status) {
        return status;
    }
    const char *twice = bsm_table_sort(&file->table);
    return twice ? bsm_fail(error, BSM_BAD_MODEL, "%s: %s: is there twice", file->path, twice)
                 : BSM_OK;
}
