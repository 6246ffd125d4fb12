/* SPDX-License-Identifier: ISC */
/* The configuration of a network: presets and limits. */
#include "bsm/config.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "model/schema.h"

/* ---- Presets ---- */

/** `count` neighbouring bands of `bins` bins each; a list ends with a count of 0. */
typedef struct band_run {
    size_t count;
    size_t bins;
} band_run;

typedef struct preset {
    const char *name;
    size_t dim, depth, expand, headdim, d_state, mask_expansion, hop;
    double segment;
    band_run runs[8];
} preset;

static const preset presets[] = {
    {.name = "paper",
     .dim = 256,
     .depth = 6,
     .expand = 4,
     .headdim = 64,
     .d_state = 128,
     .mask_expansion = 4,
     .hop = 441,
     .segment = 8,
     .runs = {{24, 2}, {12, 4}, {8, 12}, {8, 24}, {8, 48}, {1, 128}, {1, 129}}},
    {.name = "lite",
     .dim = 192,
     .depth = 4,
     .expand = 4,
     .headdim = 64,
     .d_state = 128,
     .mask_expansion = 4,
     .hop = 441,
     .segment = 8,
     .runs = {{12, 2}, {12, 4}, {8, 12}, {8, 24}, {6, 48}, {1, 188}, {1, 189}}},
    {.name = "live", /* the values of configs/bsmamba2-live.yaml */
     .dim = 64,
     .depth = 3,
     .expand = 2,
     .headdim = 32,
     .d_state = 32,
     .mask_expansion = 2,
     .hop = 1024,
     .segment = 4,
     .runs = {{8, 6}, {6, 10}, {4, 25}, {2, 80}, {1, 256}, {1, 401}}},
    {.name = "tiny",
     .dim = 16,
     .depth = 2,
     .expand = 4,
     .headdim = 16,
     .d_state = 8,
     .mask_expansion = 4,
     .hop = 441,
     .segment = 8,
     .runs = {{24, 2}, {12, 4}, {8, 12}, {8, 24}, {8, 48}, {1, 128}, {1, 129}}},
};

static void fill_preset(const preset *from, bsm_config *config)
{
    *config = (bsm_config){
        .dim = from->dim,
        .depth = from->depth,
        .expand = from->expand,
        .headdim = from->headdim,
        .d_state = from->d_state,
        .d_conv = 4,
        .mask_expansion = from->mask_expansion,
        .n_fft = 2048,
        .hop = from->hop,
        .sample_rate = 44100,
        .channels = 2,
        .num_stems = 1,
        .stems = {"vocals"},
        .segment = from->segment,
    };
    for (const band_run *run = from->runs; run->count; run++) {
        for (size_t i = 0; i < run->count; i++) {
            config->bands[config->num_bands++] = run->bins;
        }
    }
}

bsm_status bsm_config_preset(const char *name, bsm_config *config, bsm_error *error)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        if (strcmp(name, presets[i].name) == 0) {
            fill_preset(&presets[i], config);
            return BSM_OK;
        }
    }
    return bsm_fail(error, BSM_NOT_FOUND,
                    "%s: no such configuration (there are paper, lite, live and tiny)", name);
}

/* ---- Limits ---- */

/* The limits are far above every published model, and low enough that a product of any three fits
 * into 64 bits. */
enum {
    MAX_DIM = 16384,
    MAX_DEPTH = 256,
    MAX_FACTOR = 64,
    MAX_HEADDIM = 65536,
    MAX_STATE = 4096,
    MAX_TAPS = 64,
    MAX_FFT = 1 << 20,
    MIN_RATE = 8000, /* the longest block that a stream may have */
    MAX_RATE = 192000,
    MAX_SEGMENT = 60,
    MAX_EXPANDER = 120,
};

static bsm_status check_range(const char *name, size_t value, size_t low, size_t high,
                              bsm_error *error)
{
    if (value >= low && value <= high) {
        return BSM_OK;
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "configuration: %s is %zu, not %zu to %zu", name,
                    value, low, high);
}

static bsm_status check_ranges(const bsm_config *c, bsm_error *error)
{
    const struct {
        const char *name;
        size_t value, low, high;
    } ranges[] = {
        {"dim", c->dim, 1, MAX_DIM},
        {"depth", c->depth, 1, MAX_DEPTH},
        {"expand", c->expand, 1, MAX_FACTOR},
        {"headdim", c->headdim, 1, MAX_HEADDIM},
        {"d_state", c->d_state, 1, MAX_STATE},
        {"d_conv", c->d_conv, 1, MAX_TAPS},
        {"mask_expansion", c->mask_expansion, 1, MAX_FACTOR},
        {"num_bands", c->num_bands, 1, BSM_MAX_BANDS},
        {"n_fft", c->n_fft, 2, MAX_FFT},
        {"hop", c->hop, 1, c->n_fft},
        {"sample_rate", c->sample_rate, MIN_RATE, MAX_RATE},
        {"channels", c->channels, 1, BSM_MAX_CHANNELS},
        {"num_stems", c->num_stems, 1, BSM_MAX_STEMS},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (check_range(ranges[i].name, ranges[i].value, ranges[i].low, ranges[i].high, error)) {
            return BSM_INVALID_ARGUMENT;
        }
    }
    return BSM_OK;
}

static bsm_status check_bands(const bsm_config *c, bsm_error *error)
{
    size_t sum = 0;
    for (size_t k = 0; k < c->num_bands; k++) {
        if (check_range("a band", c->bands[k], 1, MAX_FFT, error)) {
            return BSM_INVALID_ARGUMENT;
        }
        sum += c->bands[k];
    }
    if (c->n_fft % 2 || sum != bsm_config_bins(c)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "configuration: the bands hold %zu bins, n_fft %zu has %zu", sum, c->n_fft,
                        bsm_config_bins(c));
    }
    return BSM_OK;
}

/* A stem's name becomes part of a file name. */
static bool is_stem_name(const char name[BSM_MAX_STEM_NAME])
{
    size_t length = strnlen(name, BSM_MAX_STEM_NAME);
    if (length == 0 || length == BSM_MAX_STEM_NAME || name[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && !strchr("_-. +", name[i])) {
            return false;
        }
    }
    return true;
}

static bsm_status check_stems(const bsm_config *c, bsm_error *error)
{
    for (size_t i = 0; i < c->num_stems; i++) {
        if (!is_stem_name(c->stems[i])) {
            return bsm_fail(error, BSM_INVALID_ARGUMENT,
                            "configuration: the name of stem %zu is not made of 1 to %d letters, "
                            "digits and _-.+",
                            i + 1, BSM_MAX_STEM_NAME - 1);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(c->stems[i], c->stems[j]) == 0) {
                return bsm_fail(error, BSM_INVALID_ARGUMENT,
                                "configuration: two stems are named %s", c->stems[i]);
            }
        }
    }
    return BSM_OK;
}

bsm_status bsm_config_validate(const bsm_config *c, bsm_error *error)
{
    if (check_ranges(c, error) || check_bands(c, error) || check_stems(c, error)) {
        return BSM_INVALID_ARGUMENT;
    }
    if (bsm_config_d_inner(c) % c->headdim) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "configuration: headdim %zu does not divide expand * dim = %zu", c->headdim,
                        bsm_config_d_inner(c));
    }
    double shortest = (double)c->n_fft / (double)c->sample_rate;
    if (!(c->segment >= shortest && c->segment <= MAX_SEGMENT)) { /* rejects a NaN, too */
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "configuration: segment is %g s, not %.3g (n_fft / sample_rate) to %d",
                        c->segment, shortest, MAX_SEGMENT);
    }
    if (!(c->expander >= 0 && c->expander <= MAX_EXPANDER)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "configuration: expander is %g dB, not 0 to %d", c->expander, MAX_EXPANDER);
    }
    if (bsm_config_parameters(c) > SIZE_MAX / 2 / sizeof(double)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "configuration: more weights than memory");
    }
    return BSM_OK;
}

bool bsm_config_same_shapes(const bsm_config *a, const bsm_config *b)
{
    return a->dim == b->dim && a->depth == b->depth && a->expand == b->expand &&
           a->headdim == b->headdim && a->d_state == b->d_state && a->d_conv == b->d_conv &&
           a->mask_expansion == b->mask_expansion && a->n_fft == b->n_fft && a->hop == b->hop &&
           a->sample_rate == b->sample_rate && a->channels == b->channels &&
           a->num_stems == b->num_stems && a->num_bands == b->num_bands &&
           memcmp(a->bands, b->bands, a->num_bands * sizeof a->bands[0]) == 0;
}
