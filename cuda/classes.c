/* SPDX-License-Identifier: ISC */
/* Groups neighbouring bands of about the same width into classes. */
#include "weights.h"

/* Widths are multiples of this, so that rows of bfloat16 start at multiples of 16 bytes. */
enum { WIDTH_STEP = 8 };

static size_t padded(size_t features)
{
    return (features + WIDTH_STEP - 1) / WIDTH_STEP * WIDTH_STEP;
}

static size_t features_of(const bsm_config *config, size_t band)
{
    return 2 * config->channels * config->bands[band];
}

/* Return whether padding to the widest band adds at most a quarter to what the narrowest needs. */
static bool fits(size_t narrowest, size_t widest)
{
    return padded(widest) <= padded(narrowest) + padded(narrowest) / 4;
}

static size_t class_at(const bsm_config *config, size_t first, bsm_band_class *class)
{
    size_t narrowest = features_of(config, first), widest = narrowest, end = first + 1;
    for (; end < config->num_bands; end++) {
        size_t features = features_of(config, end);
        size_t low = features < narrowest ? features : narrowest;
        size_t high = features > widest ? features : widest;
        if (!fits(low, high)) {
            break;
        }
        narrowest = low;
        widest = high;
    }
    class->first = first;
    class->count = end - first;
    class->width = padded(widest);
    return end;
}

size_t bsm_classes_of(const bsm_config *config, bsm_band_class *classes, size_t *packed_width)
{
    size_t count = 0;
    *packed_width = 0;
    for (size_t first = 0; first < config->num_bands; count++) {
        first = class_at(config, first, &classes[count]);
        classes[count].before = *packed_width;
        *packed_width += classes[count].count * classes[count].width;
    }
    return count;
}

void bsm_classes_pack(const bsm_config *config, const bsm_band_class *classes, size_t num_classes,
                      bsm_packed_band *bands)
{
    size_t offset = 0;
    for (size_t c = 0; c < num_classes; c++) {
        for (size_t i = 0; i < classes[c].count; i++) {
            size_t band = classes[c].first + i, features = features_of(config, band);
            bands[band] = (bsm_packed_band){
                .offset = (uint32_t)offset,
                .features = (uint32_t)features,
                .width = (uint32_t)classes[c].width,
                .before = (uint32_t)(classes[c].before + i * classes[c].width),
            };
            offset += features;
        }
    }
}
