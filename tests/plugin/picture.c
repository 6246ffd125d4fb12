/* SPDX-License-Identifier: ISC */
#include "picture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MIDDLE = (PICTURE_WORDS + PICTURE_HEIGHT) / 2 };

void picture_copy(picture *copy, const bsm_inline_picture *drawn)
{
    assert_non_null(drawn);
    assert_int_equal(drawn->width, PICTURE_WIDTH);
    assert_int_equal(drawn->height, PICTURE_HEIGHT);
    for (size_t y = 0; y < PICTURE_HEIGHT; y++) {
        memcpy(copy->pixels[y], drawn->data + y * (size_t)drawn->stride, sizeof copy->pixels[y]);
    }
}

static double channel(uint32_t pixel, unsigned shift)
{
    return (pixel >> shift) & 0xff;
}

/* The background is the colour of the lower right corner, which no bar reaches. */
light picture_light(const picture *p, size_t left, size_t right, size_t top, size_t bottom)
{
    uint32_t background = p->pixels[PICTURE_HEIGHT - 1][PICTURE_WIDTH - 1];
    double pixels = (double)((right - left) * (bottom - top));
    light sum = {0};
    for (size_t y = top; y < bottom; y++) {
        for (size_t x = left; x < right; x++) {
            uint32_t pixel = p->pixels[y][x];
            assert_int_equal(pixel >> 24, 0xff); /* the picture is opaque */
            sum.red += (channel(pixel, 16) - channel(background, 16)) / pixels;
            sum.green += (channel(pixel, 8) - channel(background, 8)) / pixels;
            sum.blue += (channel(pixel, 0) - channel(background, 0)) / pixels;
        }
    }
    return sum;
}

double picture_brightness(light l)
{
    return (l.red + l.green + l.blue) / 3;
}

light picture_vocals(const picture *p, size_t left, size_t right)
{
    return picture_light(p, left, right, PICTURE_WORDS + 1, MIDDLE - 1);
}

light picture_instrumental(const picture *p, size_t left, size_t right)
{
    return picture_light(p, left, right, MIDDLE + 1, PICTURE_HEIGHT - 1);
}

light picture_words(const picture *p)
{
    return picture_light(p, 0, PICTURE_WIDTH, 0, PICTURE_WORDS);
}

bool picture_same_words(const picture *a, const picture *b)
{
    return !memcmp(a->pixels, b->pixels, PICTURE_WORDS * sizeof a->pixels[0]);
}
