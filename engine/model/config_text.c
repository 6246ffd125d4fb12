/* SPDX-License-Identifier: ISC */
/* Reads and writes a configuration as metadata: one pair of text per field. */
#include "model/model.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/** A field that holds one number. */
typedef struct number_field {
    const char *key;
    size_t offset;
} number_field;

static const number_field number_fields[] = {
    {"dim", offsetof(bsm_config, dim)},
    {"depth", offsetof(bsm_config, depth)},
    {"expand", offsetof(bsm_config, expand)},
    {"headdim", offsetof(bsm_config, headdim)},
    {"d_state", offsetof(bsm_config, d_state)},
    {"d_conv", offsetof(bsm_config, d_conv)},
    {"mlp", offsetof(bsm_config, mask_expansion)}, /* the name that other writers use */
    {"mask_expansion", offsetof(bsm_config, mask_expansion)},
    {"n_fft", offsetof(bsm_config, n_fft)},
    {"hop", offsetof(bsm_config, hop)},
    {"sample_rate", offsetof(bsm_config, sample_rate)},
    {"channels", offsetof(bsm_config, channels)},
};
enum { NUM_NUMBER_FIELDS = sizeof number_fields / sizeof number_fields[0] };

/* ---- Reading ---- */

/* Read a positive whole number at *text and move *text past it. */
static bool parse_number(const char **text, size_t *value)
{
    const char *start = *text;
    size_t sum = 0;
    while (**text >= '0' && **text <= '9') {
        size_t digit = (size_t)(*(*text)++ - '0');
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, digit, &sum)) {
            return false;
        }
    }
    *value = sum;
    return *text > start && sum > 0;
}

static bool parse_whole_number(const char *text, size_t *value)
{
    return parse_number(&text, value) && *text == '\0';
}

/* Read a number with a decimal point, whatever the locale uses. */
static bool parse_decimal(const char *text, double *value)
{
    double sum = 0;
    double unit = 1;
    bool fraction = false;
    size_t digits = 0;
    for (; *text; text++) {
        if (*text == '.' && !fraction) {
            fraction = true;
        } else if (*text >= '0' && *text <= '9' && digits++ < 15) {
            sum = sum * 10 + (*text - '0');
            unit *= fraction ? 10 : 1;
        } else {
            return false;
        }
    }
    *value = sum / unit;
    return digits > 0;
}

static bool parse_bands(const char *text, bsm_config *config)
{
    config->num_bands = 0;
    do {
        if (config->num_bands == BSM_MAX_BANDS ||
            !parse_number(&text, &config->bands[config->num_bands])) {
            return false;
        }
        config->num_bands++;
    } while (*text++ == ',');
    return text[-1] == '\0';
}

static bool parse_stems(const char *text, bsm_config *config)
{
    config->num_stems = 0;
    memset(config->stems, 0, sizeof config->stems);
    for (;;) {
        size_t length = strcspn(text, ",");
        if (config->num_stems == BSM_MAX_STEMS || length == 0 || length >= BSM_MAX_STEM_NAME) {
            return false;
        }
        memcpy(config->stems[config->num_stems++], text, length);
        if (text[length] == '\0') {
            return true;
        }
        text += length + 1;
    }
}

static bsm_status bad_value(const char *path, const char *key, bsm_error *error)
{
    return bsm_fail(error, BSM_BAD_MODEL, "%s: metadata %s: not a valid value", path, key);
}

bsm_status bsm_config_from_metadata(const char *path, const bsm_metadata *metadata,
                                    bsm_config *config, bsm_error *error)
{
    for (size_t i = 0; i < NUM_NUMBER_FIELDS; i++) {
        const char *text = bsm_metadata_get(metadata, number_fields[i].key);
        size_t *field = (size_t *)((char *)config + number_fields[i].offset);
        if (text && !parse_whole_number(text, field)) {
            return bad_value(path, number_fields[i].key, error);
        }
    }
    const char *bands = bsm_metadata_get(metadata, "bands");
    if (bands && !parse_bands(bands, config)) {
        return bad_value(path, "bands", error);
    }
    const char *stems = bsm_metadata_get(metadata, "stems");
    if (stems && !parse_stems(stems, config)) {
        return bad_value(path, "stems", error);
    }
    const char *segment = bsm_metadata_get(metadata, "segment");
    if (segment && !parse_decimal(segment, &config->segment)) {
        return bad_value(path, "segment", error);
    }
    const char *expander = bsm_metadata_get(metadata, "expander");
    if (expander && !parse_decimal(expander, &config->expander)) {
        return bad_value(path, "expander", error);
    }
    return BSM_OK;
}

/* ---- Writing ---- */

static bool set_number(bsm_metadata *metadata, const char *key, size_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", value);
    return bsm_metadata_set(metadata, key, text);
}

static bool set_bands(bsm_metadata *metadata, const bsm_config *config)
{
    char text[BSM_MAX_BANDS * 8]; /* a band has at most 7 digits */
    size_t used = 0;
    for (size_t k = 0; k < config->num_bands; k++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu", k ? "," : "",
                                 config->bands[k]);
    }
    return bsm_metadata_set(metadata, "bands", text);
}

static bool set_stems(bsm_metadata *metadata, const bsm_config *config)
{
    char text[BSM_MAX_STEMS * BSM_MAX_STEM_NAME];
    size_t used = 0;
    for (size_t i = 0; i < config->num_stems; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? "," : "",
                                 config->stems[i]);
    }
    return bsm_metadata_set(metadata, "stems", text);
}

static bool set_seconds(bsm_metadata *metadata, const char *key, double seconds)
{
    char text[64];
    uint64_t micros = (uint64_t)llround(seconds * 1e6);
    int length = snprintf(text, sizeof text, "%llu.%06llu", (unsigned long long)(micros / 1000000),
                          (unsigned long long)(micros % 1000000));
    while (text[length - 1] == '0') {
        length--;
    }
    length -= text[length - 1] == '.';
    text[length] = '\0';
    return bsm_metadata_set(metadata, key, text);
}

bool bsm_config_to_metadata(const bsm_config *config, bsm_metadata *metadata)
{
    for (size_t i = 0; i < NUM_NUMBER_FIELDS; i++) {
        const char *key = number_fields[i].key;
        const size_t *field = (const size_t *)((const char *)config + number_fields[i].offset);
        if (strcmp(key, "mlp") != 0 && !set_number(metadata, key, *field)) {
            return false;
        }
    }
    return set_bands(metadata, config) && set_stems(metadata, config) &&
           set_seconds(metadata, "segment", config->segment);
}
