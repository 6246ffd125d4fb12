/* SPDX-License-Identifier: ISC */
/* Finds the weights of networks in a checkpoint. */
#include "model/torch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef bsm_pickle_value value;

enum {
    MAX_DEPTH = 4,
    MAX_VISITS = 1 << 20, /* values are shared, so a small pickle can describe very many */
};

typedef struct place_search {
    bsm_torch_place *places;
    size_t count;
    size_t visits;
} place_search;

static bool is_sequence(const value *v)
{
    return v->kind == BSM_PICKLE_LIST || v->kind == BSM_PICKLE_TUPLE;
}

/* torch.optim.swa_utils.AveragedModel is recognised by its counter, since its key may be any. */
static bool is_averaged_model(const value *values)
{
    return bsm_pickle_get(values, "n_averaged") != NULL;
}

/* Add a place; once the list is full, further ones are ignored. */
static void add(place_search *s, const value *values, const char *path, const char *prefix,
                bool dotless)
{
    if (s->count == BSM_MAX_TORCH_PLACES) {
        return;
    }
    bsm_torch_place *place = &s->places[s->count];
    *place = (bsm_torch_place){.values = values, .dotless = dotless};
    snprintf(place->prefix, sizeof place->prefix, "%s", prefix);
    snprintf(place->name, sizeof place->name, "%s%s%s", path, *path && *prefix ? "." : "", prefix);
    const size_t length = strlen(place->name);
    if (length > 0 && place->name[length - 1] == '.') {
        place->name[length - 1] = '\0';
    }
    place->average = dotless || bsm_name_is_average(place->name) || is_averaged_model(values);
    for (size_t i = 0; i < s->count; i++) { /* the same dict may stand under two keys */
        if (s->places[i].values == values && strcmp(s->places[i].prefix, prefix) == 0) {
            return;
        }
    }
    s->count++;
}

/* Read a text key and unwrap it; false for other keys and for those that no tensor has. */
static bool read_name(const value *key, char name[BSM_MAX_WRAPPED_NAME])
{
    if (key->kind != BSM_PICKLE_TEXT || key->text.length >= BSM_MAX_WRAPPED_NAME) {
        return false;
    }
    memcpy(name, key->text.bytes, key->text.length);
    name[key->text.length] = '\0';
    bsm_name_unwrap(name);
    return true;
}

static void look_at_names(place_search *s, const value *dict, const char *path)
{
    char name[BSM_MAX_WRAPPED_NAME];
    size_t prefix;
    s->visits += dict->list.count;
    if (s->visits > MAX_VISITS) {
        return;
    }
    for (size_t i = 0; i < dict->list.count; i += 2) {
        if (!read_name(dict->list.items[i], name)) {
            continue;
        }
        const bool dotless = bsm_name_is_dotless_landmark(name, &prefix);
        if (dotless || bsm_name_is_landmark(name, &prefix)) {
            name[prefix] = '\0';
            add(s, dict, path, name, dotless);
        }
    }
}

/* A sequence of tensors may be an average without names. */
static void look_at_sequence(place_search *s, const value *list, const char *path)
{
    bsm_torch_view view;
    if (bsm_name_is_average(path) && list->list.count > 0 &&
        !bsm_torch_view_read(list->list.items[0], &view)) {
        add(s, list, path, "", false);
    }
}

/* Append the key of the container's i-th item to a path; false if it has no name. */
static bool extend(const char *path, const value *container, size_t i,
                   char inner[BSM_MAX_WRAPPED_NAME])
{
    const char *dot = *path ? "." : "";
    int length = -1;
    if (is_sequence(container)) {
        length = snprintf(inner, BSM_MAX_WRAPPED_NAME, "%s%s%zu", path, dot, i);
    } else if (container->list.items[i]->kind == BSM_PICKLE_TEXT) {
        const value *key = container->list.items[i];
        length = key->text.length < BSM_MAX_WRAPPED_NAME
                     ? snprintf(inner, BSM_MAX_WRAPPED_NAME, "%s%s%.*s", path, dot,
                                (int)key->text.length, key->text.bytes)
                     : -1;
    } else if (container->list.items[i]->kind == BSM_PICKLE_INT) {
        length = snprintf(inner, BSM_MAX_WRAPPED_NAME, "%s%s%" PRId64, path, dot,
                          container->list.items[i]->integer);
    }
    return length >= 0 && length < BSM_MAX_WRAPPED_NAME;
}

/* Search the values `depth` levels further inside. */
static void look_inside(place_search *s, const value *v, const char *path, size_t depth)
{
    const bool dict = v->kind == BSM_PICKLE_DICT;
    if (depth == 0) {
        if (dict) {
            look_at_names(s, v, path);
        } else if (is_sequence(v)) {
            look_at_sequence(s, v, path);
        }
        return;
    }
    const size_t step = dict ? 2 : 1;
    for (size_t i = 0; (dict || is_sequence(v)) && i < v->list.count; i += step) {
        char inner[BSM_MAX_WRAPPED_NAME];
        const value *next = v->list.items[i + step - 1];
        if (++s->visits > MAX_VISITS) {
            return;
        }
        if ((next->kind == BSM_PICKLE_DICT || is_sequence(next)) && extend(path, v, i, inner)) {
            look_inside(s, next, inner, depth - 1);
        }
    }
}

size_t bsm_torch_find_places(const value *top, bsm_torch_place places[BSM_MAX_TORCH_PLACES])
{
    place_search s = {.places = places};
    for (size_t depth = 0; depth <= MAX_DEPTH; depth++) {
        look_inside(&s, top, "", depth);
    }
    return s.count;
}
