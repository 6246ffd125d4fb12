/* SPDX-License-Identifier: ISC */
/* Draws the picture in Ardour's mixer strip. */
#include "display.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cairo.h>

#include "news.h"

enum { LINE = 12, MIN_HEIGHT = 30, MAX_HEIGHT = 60, FLOOR_DB = -60 };

typedef struct colour {
    double red, green, blue;
} colour;

static const colour background = {0.09, 0.10, 0.12};
static const colour vocals_bright = {0.98, 0.65, 0.20}, vocals_dim = {0.36, 0.25, 0.12};
static const colour rest_bright = {0.30, 0.72, 0.86}, rest_dim = {0.13, 0.27, 0.32};
static const colour words = {0.88, 0.88, 0.88}, alarm_words = {1.00, 0.45, 0.40};

void bsm_display_free(bsm_display *display)
{
    if (display->surface) {
        cairo_surface_destroy(display->surface);
    }
}

static bool resize(bsm_display *display, int width, int height)
{
    if (display->surface && display->picture.width == width && display->picture.height == height) {
        return true;
    }
    bsm_display_free(display);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) {
        cairo_surface_destroy(surface);
        *display = (bsm_display){0};
        return false;
    }
    display->surface = surface;
    display->picture = (bsm_inline_picture){.data = cairo_image_surface_get_data(surface),
                                            .width = width,
                                            .height = height,
                                            .stride = cairo_image_surface_get_stride(surface)};
    return true;
}

static void set_colour(cairo_t *cr, const colour *c)
{
    cairo_set_source_rgb(cr, c->red, c->green, c->blue);
}

/* Draws a bar of up to `room` from the middle line, upwards if `room` is negative. */
static void draw_bar(cairo_t *cr, const colour *c, double x, double middle, double room, float peak)
{
    const double part = 1 - 20 * log10((double)peak + 1e-6) / FLOOR_DB;
    set_colour(cr, c);
    cairo_rectangle(cr, x, middle, 1, room * fmin(fmax(part, 0), 1));
    cairo_fill(cr);
}

static void draw_levels(cairo_t *cr, const bsm_remix *remix, int width, double top, double height)
{
    double middle = top + height / 2, room = height / 2;
    const uint64_t columns = bsm_remix_columns(remix);
    for (int x = 0; x < width; x++) { /* the newest column is on the right */
        bsm_levels levels = bsm_remix_levels(remix, columns - (uint64_t)(width - x));
        draw_bar(cr, &vocals_dim, x, middle, -room, levels.separated[BSM_VOCALS]);
        draw_bar(cr, &vocals_bright, x, middle, -room, levels.heard[BSM_VOCALS]);
        draw_bar(cr, &rest_dim, x, middle, room, levels.separated[BSM_INSTRUMENTAL]);
        draw_bar(cr, &rest_bright, x, middle, room, levels.heard[BSM_INSTRUMENTAL]);
    }
}

/* There is room for only a few words, so a failure is shown as the reason, and then the file's name
 * without its folder. */
static void put_failure(const char *status, char *text, size_t size)
{
    const char *path = strchr(status, ' '), *end = path ? strstr(path, ": ") : NULL;
    if (!end) {
        snprintf(text, size, "%s", status);
        return;
    }
    const char *name = end;
    while (name > path + 1 && name[-1] != '/') {
        name--;
    }
    snprintf(text, size, "%s: %.*s", end + 2, (int)(end - name), name);
}

static void draw_words(cairo_t *cr, const char *status)
{
    char text[BSM_STATUS_SIZE];
    if (!strncmp(status, "failed: ", 8)) {
        put_failure(status, text, sizeof text);
    } else {
        snprintf(text, sizeof text, "%s", status);
    }
    bool good = !strncmp(status, "ready", 5) || !strncmp(status, "loading", 7);
    set_colour(cr, good ? &words : &alarm_words);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, LINE - 3);
    cairo_move_to(cr, 2, LINE - 3);
    cairo_show_text(cr, text);
}

bsm_inline_picture *bsm_display_render(bsm_display *display, const bsm_remix *remix,
                                       const char *status, uint32_t width, uint32_t max_height)
{
    uint32_t height = width / 2 < MIN_HEIGHT ? MIN_HEIGHT : width / 2;
    height = height > MAX_HEIGHT ? MAX_HEIGHT : height;
    height = height > max_height ? max_height : height;
    if (width == 0 || width > INT16_MAX || height <= LINE ||
        !resize(display, (int)width, (int)height)) {
        return NULL;
    }
    cairo_t *cr = cairo_create(display->surface);
    cairo_set_antialias(cr, CAIRO_ANTIALIAS_NONE);
    set_colour(cr, &background);
    cairo_paint(cr);
    draw_levels(cr, remix, (int)width, LINE, (double)height - LINE);
    draw_words(cr, status);
    cairo_destroy(cr);
    cairo_surface_flush(display->surface);
    return &display->picture;
}
