/* SPDX-License-Identifier: ISC */
#include "compare.h"

#include <stdlib.h>

#include "draw.h"

/* This is for the leak sanitizer: fontconfig keeps its fonts until the end. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

cairo_surface_t *picture_of(const bsm_face *face, double scale, double width, double height)
{
    const int w = (int)(scale * width), h = (int)(scale * height);
    const double unit = bsm_unit(w, h, scale);
    cairo_surface_t *picture = cairo_image_surface_create(CAIRO_FORMAT_RGB24, w, h);
    cairo_t *cr = cairo_create(picture);
    bsm_layout layout;
    cairo_scale(cr, unit, unit);
    bsm_lay_out(face, w / unit, h / unit, &layout);
    bsm_fit_sentence(cr, face, &layout);
    bsm_draw_face(cr, face, &layout);
    cairo_destroy(cr);
    cairo_surface_flush(picture);
    return picture;
}

static int distance(const unsigned char *a, const unsigned char *b)
{
    int most = 0;
    for (int c = 0; c < 3; c++) {
        const int by = abs(a[c] - b[c]);
        most = by > most ? by : most;
    }
    return most;
}

double difference_of(cairo_surface_t *a, cairo_surface_t *b)
{
    enum { UNLIKE = 60 }; /* letters of another font differ more */
    const int width = cairo_image_surface_get_width(a), height = cairo_image_surface_get_height(a);
    double unlike = 1;
    if (width == cairo_image_surface_get_width(b) && height == cairo_image_surface_get_height(b)) {
        int count = 0;
        for (int y = 0; y < height; y++) {
            const unsigned char *row_a =
                cairo_image_surface_get_data(a) + y * cairo_image_surface_get_stride(a);
            const unsigned char *row_b =
                cairo_image_surface_get_data(b) + y * cairo_image_surface_get_stride(b);
            for (int x = 0; x < width; x++) {
                count += distance(row_a + 4 * x, row_b + 4 * x) > UNLIKE;
            }
        }
        unlike = (double)count / ((double)width * height);
    }
    cairo_surface_destroy(a);
    cairo_surface_destroy(b);
    return unlike;
}
