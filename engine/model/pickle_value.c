/* SPDX-License-Identifier: ISC */
/* Looking into the values that a pickle holds. */
#include <string.h>

#include "model/pickle.h"

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
