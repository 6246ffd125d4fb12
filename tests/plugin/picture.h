/* SPDX-License-Identifier: ISC */
/** Examines what the plugin draws: regions of pixels, whatever the font. */
#ifndef BSM_TESTS_PLUGIN_PICTURE_H
#define BSM_TESTS_PLUGIN_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inline_display.h"

enum { PICTURE_WIDTH = 120, PICTURE_HEIGHT = 60, PICTURE_WORDS = 12 };

/** A copy of a picture of this size; the text is in its first PICTURE_WORDS rows. */
typedef struct picture {
    uint32_t pixels[PICTURE_HEIGHT][PICTURE_WIDTH];
} picture;

void picture_copy(picture *copy, const bsm_inline_picture *drawn);

/** The mean of red, green and blue over a part of a picture, relative to the background: 0 to
 *  255. */
typedef struct light {
    double red, green, blue;
} light;
light picture_light(const picture *p, size_t left, size_t right, size_t top, size_t bottom);
double picture_brightness(light l);

/** Return the light of the vocals' or the instrumental's half below the text, between two
 *  columns. */
light picture_vocals(const picture *p, size_t left, size_t right);
light picture_instrumental(const picture *p, size_t left, size_t right);
light picture_words(const picture *p);
bool picture_same_words(const picture *a, const picture *b);

#endif
