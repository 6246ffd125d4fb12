/* SPDX-License-Identifier: ISC */
/* Handles the names of tensors as other trainers write them. */
#include "model/tensor_table.h"

#include <ctype.h>
#include <string.h>

#define LENGTH(ARRAY) (sizeof(ARRAY) / sizeof(ARRAY)[0])

static bool is_among(const char *const *words, size_t count, const char *text, size_t length)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) == length && memcmp(words[i], text, length) == 0) {
            return true;
        }
    }
    return false;
}

/* No part of a network's own names equals one of these. */
static bool is_wrapper(const char *part, size_t length)
{
    static const char *const wrappers[] = {
        "_orig_mod",                  /* torch.compile, of a network or of one of its layers */
        "_checkpoint_wrapped_module", /* activation checkpointing */
        "_fsdp_wrapped_module",       /* fully sharded data parallel */
        "_forward_module",            /* Lightning's strategies */
        "module",                     /* data parallel, AveragedModel */
        "model",                      /* Lightning */
    };
    return is_among(wrappers, LENGTH(wrappers), part, length);
}

void bsm_name_unwrap(char *name)
{
    char *to = name;
    const char *part = name;
    for (const char *dot; (dot = strchr(part, '.')); part = dot + 1) {
        const size_t length = (size_t)(dot - part);
        if (!is_wrapper(part, length)) {
            memmove(to, part, length + 1);
            to += length + 1;
        }
    }
    memmove(to, part, strlen(part) + 1);
}

bool bsm_name_is_landmark(const char *name, size_t *prefix)
{
    static const char landmark[] = "final_norm.gamma";
    const size_t length = strlen(name);
    if (length < sizeof landmark - 1) {
        return false;
    }
    *prefix = length - (sizeof landmark - 1);
    return strcmp(name + *prefix, landmark) == 0 && (*prefix == 0 || name[*prefix - 1] == '.');
}

bool bsm_name_is_dotless_landmark(const char *name, size_t *prefix)
{
    static const char landmark[] = "final_normgamma";
    const size_t length = strlen(name);
    *prefix = length - (sizeof landmark - 1);
    return length >= sizeof landmark - 1 && strcmp(name + *prefix, landmark) == 0;
}

bool bsm_name_is_average(const char *place)
{
    static const char *const words[] = {"ema", "average", "averaged", "averages",
                                        "avg", "shadow",  "swa"};
    bool average = false;
    for (const char *c = place; *c;) {
        size_t length = 0;
        while (isalpha((unsigned char)c[length])) {
            length++;
        }
        if (is_among((const char *const[]){"online"}, 1, c, length)) {
            /* "online" marks the weights from which an average, in a folder of averages, is
             * computed */
            return false;
        }
        average |= length > 0 && is_among(words, LENGTH(words), c, length);
        c += length > 0 ? length : 1;
    }
    return average;
}
