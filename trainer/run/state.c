/* SPDX-License-Identifier: ISC */
/* Converts the state of a training to text and back. */
#include "run/state.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>

enum { MAX_COUNT_BITS = 53 /* the largest integer up to which a double, and so JSON, is exact */ };

bsm_state bsm_state_start(void)
{
    return (bsm_state){.best = NAN, .schedule = bsm_schedule_start()};
}

void bsm_loss_sum_add(bsm_loss_sum *sum, const bsm_loss *loss)
{
    sum->loss.total += loss->total;
    sum->loss.time += loss->time;
    sum->loss.silence += loss->silence;
    for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
        sum->loss.spectral[i] += loss->spectral[i];
    }
    sum->count++;
}

bsm_loss bsm_loss_sum_mean(const bsm_loss_sum *sum)
{
    const double count = sum->count > 0 ? sum->count : 1;
    bsm_loss mean = {.total = sum->loss.total / count,
                     .time = sum->loss.time / count,
                     .silence = sum->loss.silence / count};
    for (size_t i = 0; i < BSM_MAX_LOSS_WINDOWS; i++) {
        mean.spectral[i] = sum->loss.spectral[i] / count;
    }
    return mean;
}

/* ---- The names under which values are stored ---- */

typedef struct member {
    const char *name;
    size_t offset;
} member;

#define MEMBER(NAME)                                                                               \
    {                                                                                              \
#NAME, offsetof(bsm_state, NAME)                                                           \
    }

static const member counts[] = {
    MEMBER(epoch),    MEMBER(epoch_step), MEMBER(step),           MEMBER(updates),
    MEMBER(examples), MEMBER(step_items), MEMBER(skipped_in_row), MEMBER(schedule.waits),
};

/* NaN is stored as null. */
static const member numbers[] = {
    MEMBER(best),
    MEMBER(schedule.scale),
    MEMBER(schedule.best),
};

static const member sums[] = {MEMBER(step_sum), MEMBER(epoch_sum)};

#define LENGTH(ARRAY) (sizeof(ARRAY) / sizeof(ARRAY)[0])

enum { SUM_NUMBERS = sizeof(bsm_loss_sum) / sizeof(double) };

static void *place(bsm_state *state, const member *m)
{
    return (char *)state + m->offset;
}

static const void *const_place(const bsm_state *state, const member *m)
{
    return (const char *)state + m->offset;
}

/* cJSON's own number format may change the last bit. */
static cJSON *make_number(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.17g", value);
    return isfinite(value) ? cJSON_CreateRaw(text) : cJSON_CreateNull();
}

static bool add_number(cJSON *object, const char *name, double value)
{
    cJSON *number = make_number(value);
    if (!number || !cJSON_AddItemToObject(object, name, number)) {
        cJSON_Delete(number);
        return false;
    }
    return true;
}

static bool add_sum(cJSON *object, const char *name, const double *values)
{
    cJSON *array = cJSON_AddArrayToObject(object, name);
    bool ok = array != NULL;
    for (size_t i = 0; ok && i < SUM_NUMBERS; i++) {
        cJSON *number = make_number(values[i]);
        ok = number && cJSON_AddItemToArray(array, number);
    }
    return ok;
}

static bool add_all(cJSON *object, const bsm_state *state)
{
    bool ok = object != NULL;
    for (size_t i = 0; ok && i < LENGTH(counts); i++) {
        const uint64_t *value = const_place(state, &counts[i]);
        ok = add_number(object, counts[i].name, (double)*value);
    }
    for (size_t i = 0; ok && i < LENGTH(numbers); i++) {
        const double *value = const_place(state, &numbers[i]);
        ok = add_number(object, numbers[i].name, *value);
    }
    for (size_t i = 0; ok && i < LENGTH(sums); i++) {
        ok = add_sum(object, sums[i].name, const_place(state, &sums[i]));
    }
    return ok;
}

char *bsm_state_format(const bsm_state *state)
{
    cJSON *object = cJSON_CreateObject();
    char *text = add_all(object, state) ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    return text;
}

static bool get_count(const cJSON *object, const char *name, uint64_t *count)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    const double limit = (double)(1ULL << MAX_COUNT_BITS);
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble <= limit)) {
        return false;
    }
    *count = (uint64_t)item->valuedouble;
    return true;
}

static bool get_number(const cJSON *item, double *value)
{
    *value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    return cJSON_IsNumber(item) || cJSON_IsNull(item);
}

static bool get_sum(const cJSON *array, double *values)
{
    bool ok = cJSON_IsArray(array) && cJSON_GetArraySize(array) == SUM_NUMBERS;
    for (int i = 0; ok && i < SUM_NUMBERS; i++) {
        ok = get_number(cJSON_GetArrayItem(array, i), &values[i]);
    }
    return ok;
}

static bool get_all(const cJSON *object, bsm_state *state)
{
    bool ok = cJSON_IsObject(object);
    for (size_t i = 0; ok && i < LENGTH(counts); i++) {
        ok = get_count(object, counts[i].name, place(state, &counts[i]));
    }
    for (size_t i = 0; ok && i < LENGTH(numbers); i++) {
        ok = get_number(cJSON_GetObjectItemCaseSensitive(object, numbers[i].name),
                        place(state, &numbers[i]));
    }
    for (size_t i = 0; ok && i < LENGTH(sums); i++) {
        ok =
            get_sum(cJSON_GetObjectItemCaseSensitive(object, sums[i].name), place(state, &sums[i]));
    }
    return ok;
}

bsm_status bsm_state_parse(const char *text, bsm_state *state)
{
    errno = 0; /* cJSON's two kinds of failure cannot be told apart otherwise */
    cJSON *object = cJSON_Parse(text);
    if (!object && errno == ENOMEM) {
        return BSM_NO_MEMORY;
    }
    *state = bsm_state_start();
    const bool ok = get_all(object, state);
    cJSON_Delete(object);
    return ok ? BSM_OK : BSM_BAD_MODEL;
}
