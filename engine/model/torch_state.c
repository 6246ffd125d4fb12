/* SPDX-License-Identifier: ISC */
/* Finds the state dict of a PyTorch checkpoint and the tensors in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/tensor_table.h"
#include "model/torch.h"

typedef bsm_pickle_value value;

/** The network's weights, and their average if it is wanted and its names are not the network's. */
typedef struct choice {
    bsm_torch_place state;
    bsm_torch_place average; /**< has no names, or names without dots; no values: no such average */
} choice;

/* ---- Finding it ---- */

/* Writes such a list: "epoch, state_dict and 3 more". */
static void list_keys(const value *top, char *text, size_t size)
{
    enum { MOST = 12 };
    size_t used = 0, shown = 0;
    text[0] = '\0';
    for (size_t i = 0; i < top->list.count && shown < MOST && used < size / 2; i += 2, shown++) {
        const value *key = top->list.items[i];
        const int length = key->kind != BSM_PICKLE_TEXT ? 0
                           : key->text.length < 40      ? (int)key->text.length
                                                        : 40;
        used += (size_t)snprintf(text + used, size - used, "%s%.*s", shown ? ", " : "",
                                 length ? length : 1, length ? key->text.bytes : "?");
    }
    const size_t more = top->list.count / 2 - shown;
    if (more > 0 && used < size) {
        snprintf(text + used, size - used, " and %zu more", more);
    }
}

bsm_status bsm_torch_fail_unknown(const bsm_torch_file *file, const char *what, bsm_error *error)
{
    char keys[256];
    if (file->top->kind != BSM_PICKLE_DICT) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: save model.state_dict() with torch.save",
                        file->path, what);
    }
    list_keys(file->top, keys, sizeof keys);
    return bsm_fail(error, BSM_BAD_MODEL, "%s: %s; its top-level keys are: %s", file->path, what,
                    *keys ? keys : "none");
}

/* The first place that is an average, or the first that is not; NULL if there is none. */
static const bsm_torch_place *first(const bsm_torch_place *places, size_t count, bool average)
{
    for (size_t i = 0; i < count; i++) {
        if (places[i].average == average) {
            return &places[i];
        }
    }
    return NULL;
}

/* Count the networks to choose from. An average without names, as Lightning writes it beside a
 * network, does not count. */
static size_t count_networks(const bsm_torch_place *places, size_t count)
{
    size_t networks = 0;
    for (size_t i = 0; i < count; i++) {
        networks += places[i].values->kind == BSM_PICKLE_DICT;
    }
    return networks;
}

/* Say which of two networks was taken, as the user may have meant the other. */
static void tell(const char *path, const bsm_torch_place *weights, const bsm_torch_place *average,
                 bool ema)
{
    const bsm_torch_place *taken = ema ? average : weights;
    const char *weights_name = *weights->name ? weights->name : "at its top";
    if (ema || weights->average) {
        bsm_log("%s: taken are the averaged weights %s", path, taken->name);
    } else if (average) {
        bsm_log("%s: taken are the weights %s, not their average %s (--ema)", path, weights_name,
                average->name);
    } else {
        bsm_log("%s: of several networks the first is taken, %s", path, weights_name);
    }
}

static bsm_status choose(const bsm_torch_file *file, bool ema, choice *chosen, bsm_error *error)
{
    bsm_torch_place places[BSM_MAX_TORCH_PLACES];
    const size_t count = bsm_torch_find_places(file->top, places);
    const bsm_torch_place *average = first(places, count, true);
    const bsm_torch_place *weights = first(places, count, false);
    const bool named = average && average->values->kind == BSM_PICKLE_DICT && !average->dotless;
    if (ema && (!average || (!named && !weights))) {
        return bsm_torch_fail_unknown(file, "holds no averaged weights", error);
    }
    if (!weights && named) {
        weights = average;
    }
    if (!weights && file->top->kind != BSM_PICKLE_DICT) {
        return bsm_torch_fail_unknown(file, "holds no state dict", error);
    }
    if (count_networks(places, count) > 1) {
        tell(file->path, weights, average, ema);
    }
    *chosen = (choice){.state = {.values = file->top}};
    if (weights) {
        chosen->state = ema && named ? *average : *weights;
        if (ema && !named) {
            chosen->average = *average;
        }
    }
    return BSM_OK;
}

/* ---- Collecting its tensors ---- */

/** The state of the collection. */
typedef struct collection {
    bsm_torch_file *file;
    const bsm_torch_place *ema; /**< NULL: take the weights themselves */
    size_t num_network;         /**< tensors of the network so far */
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

/* Compare without dots, which the keys of the average have lost. */
static const value *find_dotless(const bsm_torch_place *average, const char *name)
{
    char key[2 * BSM_MAX_WRAPPED_NAME];
    size_t length = strlen(average->prefix);
    memcpy(key, average->prefix, length);
    for (const char *c = name; *c && length + 1 < sizeof key; c++) {
        key[length] = *c;
        length += *c != '.';
    }
    key[length] = '\0';
    return bsm_pickle_get(average->values, key);
}

/* Take the averaged weights for the network's next tensor. An average without names has the
 * network's order. */
static bsm_status take_average(collection *c, const char *name, bsm_torch_view *view)
{
    const value *values = c->ema->values;
    const value *found = c->ema->dotless                       ? find_dotless(c->ema, name)
                         : c->num_network < values->list.count ? values->list.items[c->num_network]
                                                               : NULL;
    if (!found) {
        return bsm_fail(c->error, BSM_BAD_MODEL, "%s: %s: fewer averaged weights than weights",
                        c->file->path, name);
    }
    bsm_torch_view average;
    const char *cause = bsm_torch_view_read(found, &average);
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

static bsm_status collect_all(collection *c, const bsm_torch_place *state)
{
    const value *dict = state->values;
    const size_t prefix = strlen(state->prefix);
    for (size_t i = 0; i < dict->list.count; i += 2) {
        const value *key = dict->list.items[i];
        if (key->kind != BSM_PICKLE_TEXT) {
            continue;
        }
        char *name = bsm_arena_text(&c->file->arena, key->text.bytes, key->text.length);
        if (!name) {
            return no_memory(c);
        }
        bsm_name_unwrap(name);
        if (strncmp(name, state->prefix, prefix) != 0) {
            continue;
        }
        bsm_status status = collect(c, name + prefix, dict->list.items[i + 1]);
        if (status) {
            return status;
        }
    }
    if (c->ema && !c->ema->dotless && c->num_network < c->ema->values->list.count) {
        return bsm_fail(c->error, BSM_BAD_MODEL, "%s: more averaged weights than weights",
                        c->file->path);
    }
    return BSM_OK;
}

bsm_status bsm_torch_find_tensors(bsm_torch_file *file, bool ema, bsm_error *error)
{
    choice chosen;
    bsm_status status = choose(file, ema, &chosen, error);
    if (status) {
        return status;
    }
    file->average = chosen.state.average || chosen.average.values;
    collection c = {
        .file = file, .ema = chosen.average.values ? &chosen.average : NULL, .error = error};
    file->views = calloc(chosen.state.values->list.count / 2 + 1, sizeof *file->views);
    if (!file->views) {
        return no_memory(&c);
    }
    status = collect_all(&c, &chosen.state);
    if (status) {
        return status;
    }
    const char *twice = bsm_table_sort(&file->table);
    return twice ? bsm_fail(error, BSM_BAD_MODEL, "%s: %s: is there twice", file->path, twice)
                 : BSM_OK;
}
