/* SPDX-License-Identifier: ISC */
/* Draws three spectrograms with cairo. */
#include "picture.h"

#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANGE = 70, BAR_LEFT = DRAW_LEFT + DRAW_PANEL + 24, BAR_WIDTH = 14, TEXT = 12, TICK = 4 };

typedef struct drawing {
    const spectrogram *s;
    cairo_t *cr;
    double top; /* dB that the brightest colour stands for */
} drawing;

/* ---- Colours ---- */

typedef struct colour {
    double red, green, blue;
} colour;

static const colour background = {0.09, 0.10, 0.12}, words = {0.88, 0.88, 0.88};

/* Colours become steadily brighter from silence to the loudest, so that they differ in grey, too.
 */
static const colour ramp[] = {{0.00, 0.00, 0.02}, {0.11, 0.07, 0.30}, {0.33, 0.10, 0.48},
                              {0.60, 0.17, 0.45}, {0.85, 0.30, 0.32}, {0.98, 0.55, 0.22},
                              {1.00, 0.82, 0.40}, {1.00, 1.00, 0.86}};

/* Return the colour for 0 (darkest) to 1 (brightest); values beyond are clipped. */
static colour colour_of(double brightness)
{
    const size_t last = sizeof ramp / sizeof ramp[0] - 1;
    const double at = fmin(fmax(brightness, 0), 1) * (double)last;
    const size_t low = at < (double)last ? (size_t)at : last - 1;
    const double part = at - (double)low;
    const colour *a = &ramp[low], *b = &ramp[low + 1];
    return (colour){a->red + part * (b->red - a->red), a->green + part * (b->green - a->green),
                    a->blue + part * (b->blue - a->blue)};
}

static uint32_t pixel_of(colour c)
{
    return (uint32_t)lround(255 * c.red) << 16 | (uint32_t)lround(255 * c.green) << 8 |
           (uint32_t)lround(255 * c.blue);
}

static void set_colour(cairo_t *cr, colour c)
{
    cairo_set_source_rgb(cr, c.red, c.green, c.blue);
}

/* ---- Panels ---- */

/* Return the power at a pixel of a panel, counted from its left and lower edges. */
static double power_at(const spectrogram *s, spectrogram_part part, int x, size_t row)
{
    const double seconds = spectrogram_seconds(s);
    return spectrogram_power(s, part, row, seconds * x / DRAW_PANEL,
                             seconds * (x + 1) / DRAW_PANEL);
}

static double find_top(const spectrogram *s)
{
    double loudest = 0;
    for (int x = 0; x < DRAW_PANEL; x++) {
        for (size_t row = 0; row < SPECTROGRAM_ROWS; row++) {
            loudest = fmax(loudest, power_at(s, SPECTROGRAM_MIXTURE, x, row));
        }
    }
    return loudest > 0 ? 10 * ceil(log10(loudest)) : 0;
}

static int panel_top(spectrogram_part part)
{
    return DRAW_TOP + DRAW_STEP * (int)part;
}

static void fill_panel(const drawing *d, spectrogram_part part)
{
    cairo_surface_t *surface = cairo_get_target(d->cr);
    cairo_surface_flush(surface);
    unsigned char *data = cairo_image_surface_get_data(surface);
    const int stride = cairo_image_surface_get_stride(surface);
    for (size_t row = 0; row < SPECTROGRAM_ROWS; row++) {
        const int y = panel_top(part) + SPECTROGRAM_ROWS - 1 - (int)row;
        unsigned char *line = data + (ptrdiff_t)y * stride;
        for (int x = 0; x < DRAW_PANEL; x++) {
            const double power = power_at(d->s, part, x, row);
            const double level = power > 0 ? 10 * log10(power) : -INFINITY;
            const uint32_t pixel = pixel_of(colour_of((level - d->top) / RANGE + 1));
            memcpy(line + sizeof pixel * (size_t)(DRAW_LEFT + x), &pixel, sizeof pixel);
        }
    }
    cairo_surface_mark_dirty(surface);
}

/* ---- Words ---- */

typedef enum alignment { LEFT, CENTRE, RIGHT } alignment;

static void write_at(cairo_t *cr, double x, double y, alignment align, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    const double width = extents.x_advance;
    cairo_move_to(cr, align == LEFT ? x : align == RIGHT ? x - width : x - width / 2, y);
    cairo_show_text(cr, text);
}

static void draw_line(cairo_t *cr, double x, double y, double dx, double dy)
{
    cairo_move_to(cr, x, y);
    cairo_rel_line_to(cr, dx, dy);
    cairo_stroke(cr);
}

/* '?' replaces bytes that are no UTF-8, after which cairo would refuse to draw anything. */
static void copy_valid(const char *text, char *valid, size_t size)
{
    bsm_format_line(valid, size, "%s", text);
    for (unsigned char *c = (unsigned char *)valid; *c;) {
        size_t length = *c < 0x80 ? 1 : *c >= 0xf0 ? 4 : *c >= 0xe0 ? 3 : 2, have = 1;
        while (have < length && (c[have] & 0xc0) == 0x80) {
            have++;
        }
        const bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90) ||
                              (c[0] == 0xed && c[1] > 0x9f) || (c[0] == 0xf4 && c[1] > 0x8f);
        if (have < length || overlong || (*c >= 0x80 && *c < 0xc2) || *c > 0xf4) {
            *c = '?';
            length = 1;
        }
        c += length;
    }
}

static void draw_title(const drawing *d, const char *path)
{
    char name[512];
    const char *slash = strrchr(path, '/');
    copy_valid(slash ? slash + 1 : path, name, sizeof name);
    cairo_save(d->cr);
    cairo_rectangle(d->cr, DRAW_LEFT, 0, DRAW_PANEL, DRAW_TOP);
    cairo_clip(d->cr);
    cairo_set_font_size(d->cr, TEXT + 3);
    write_at(d->cr, DRAW_LEFT, DRAW_TOP - 14, LEFT, name);
    cairo_restore(d->cr);
}

static void draw_name(const drawing *d, spectrogram_part part)
{
    static const char *const names[] = {"mixture", "vocals", "instrumental"};
    cairo_text_extents_t extents;
    cairo_text_extents(d->cr, names[part], &extents);
    cairo_set_source_rgba(d->cr, 0, 0, 0, 0.6);
    cairo_rectangle(d->cr, DRAW_LEFT, panel_top(part), extents.x_advance + 12, TEXT + 8);
    cairo_fill(d->cr);
    cairo_set_source_rgb(d->cr, 1, 1, 1);
    write_at(d->cr, DRAW_LEFT + 6, panel_top(part) + TEXT + 2, LEFT, names[part]);
}

/* ---- Axes ---- */

/* Return how far above the panel's lower edge a frequency lies; negative if it is above the upper
 * edge. */
static double height_of(const spectrogram *s, double hertz)
{
    for (size_t row = 0; row < SPECTROGRAM_ROWS; row++) {
        const double low = spectrogram_edge(s, row), high = spectrogram_edge(s, row + 1);
        if (hertz <= high) {
            return (double)row + (hertz - low) / (high - low);
        }
    }
    return -1;
}

static void draw_frequencies(const drawing *d, spectrogram_part part)
{
    static const double marks[] = {200, 500, 1000, 2000, 4000, 8000, 16000};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        const double height = height_of(d->s, marks[i] * 0.9999); /* 16 kHz is the upper edge */
        if (height >= 0) {
            char text[16];
            const double y = panel_top(part) + SPECTROGRAM_ROWS - height;
            snprintf(text, sizeof text, marks[i] < 1000 ? "%g Hz" : "%g kHz",
                     marks[i] < 1000 ? marks[i] : marks[i] / 1000);
            draw_line(d->cr, DRAW_LEFT - TICK, y, TICK, 0);
            write_at(d->cr, DRAW_LEFT - TICK - 3, y + TEXT / 3.0, RIGHT, text);
        }
    }
}

/* Return the smallest usual step that leaves room for the labels, of which there are 12 at most. */
static double time_step(double seconds)
{
    static const double steps[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,  0.2,
                                   0.5,   1,     2,     5,    10,   15,   30,   60,
                                   120,   300,   600,   900,  1800, 3600, 7200, 10800};
    size_t i = 0;
    while (i + 1 < sizeof steps / sizeof steps[0] && seconds / steps[i] > 12) {
        i++;
    }
    const double step = steps[i], doublings = ceil(log2(fmax(seconds / step / 12, 1)));
    return step * exp2(doublings);
}

static void format_time(double time, double step, char *text, size_t size)
{
    const unsigned long whole = (unsigned long)(time + 0.5 * fmin(step, 1));
    if (step < 1) {
        snprintf(text, size, "%.*f s", step < 0.01 ? 3 : step < 0.1 ? 2 : 1, time);
    } else if (whole < 3600) {
        snprintf(text, size, "%lu:%02lu", whole / 60, whole % 60);
    } else {
        snprintf(text, size, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    }
}

static void draw_times(const drawing *d)
{
    const double seconds = spectrogram_seconds(d->s), step = time_step(seconds);
    const double bottom = panel_top(SPECTROGRAM_PARTS - 1) + SPECTROGRAM_ROWS;
    for (size_t i = 0; (double)i * step <= seconds; i++) {
        char text[32];
        const double x = DRAW_LEFT + DRAW_PANEL * ((double)i * step / seconds);
        format_time((double)i * step, step, text, sizeof text);
        for (int part = 0; part < SPECTROGRAM_PARTS; part++) {
            draw_line(d->cr, x, panel_top((spectrogram_part)part) + SPECTROGRAM_ROWS, 0, TICK);
        }
        write_at(d->cr, x, bottom + TICK + TEXT + 2, CENTRE, text);
    }
}

static void draw_legend(const drawing *d)
{
    const int top = panel_top(SPECTROGRAM_MIXTURE);
    for (int y = 0; y < SPECTROGRAM_ROWS; y++) {
        set_colour(d->cr, colour_of(1 - (y + 0.5) / SPECTROGRAM_ROWS));
        cairo_rectangle(d->cr, BAR_LEFT, top + y, BAR_WIDTH, 1);
        cairo_fill(d->cr);
    }
    set_colour(d->cr, words);
    for (int below = 0; below <= RANGE; below += 10) {
        char text[16];
        const double y = top + (double)(SPECTROGRAM_ROWS * below) / RANGE;
        snprintf(text, sizeof text, "%.0f dB", d->top - below);
        write_at(d->cr, DRAW_WIDTH - 4, y + TEXT / 3.0, RIGHT, text);
    }
}

/* ---- The picture ---- */

static void draw_all(drawing *d, const char *path)
{
    d->top = find_top(d->s);
    set_colour(d->cr, background);
    cairo_paint(d->cr);
    cairo_set_antialias(d->cr, CAIRO_ANTIALIAS_NONE);
    cairo_set_line_width(d->cr, 1);
    cairo_select_font_face(d->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(d->cr, TEXT);
    for (int part = 0; part < SPECTROGRAM_PARTS; part++) {
        fill_panel(d, (spectrogram_part)part);
        draw_name(d, (spectrogram_part)part);
        set_colour(d->cr, words);
        draw_frequencies(d, (spectrogram_part)part);
    }
    draw_times(d);
    draw_title(d, path);
    draw_legend(d);
}

typedef struct sink {
    draw_write *write;
    void *user;
    bsm_error *error;
    bsm_status status;
} sink;

static cairo_status_t take_bytes(void *closure, const unsigned char *data, unsigned int length)
{
    sink *to = closure;
    to->status = to->write(to->user, data, length, to->error);
    return to->status ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

bsm_status draw_supported(bsm_error *error)
{
    (void)error;
    return BSM_OK;
}

bsm_status draw_png(const spectrogram *s, const char *path, draw_write *write, void *user,
                    bsm_error *error)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, DRAW_WIDTH, DRAW_HEIGHT);
    drawing d = {.s = s, .cr = cairo_create(surface)};
    sink to = {.write = write, .user = user, .error = error};
    cairo_status_t result = cairo_status(d.cr);
    if (!result) {
        draw_all(&d, path);
        result = cairo_status(d.cr);
    }
    cairo_destroy(d.cr);
    if (!result) {
        result = cairo_surface_write_to_png_stream(surface, take_bytes, &to);
    }
    cairo_surface_destroy(surface);
    if (result && !to.status) {
        to.status =
            bsm_fail(error, result == CAIRO_STATUS_NO_MEMORY ? BSM_NO_MEMORY : BSM_IO,
                     "%s: cannot draw the picture: %s", path, cairo_status_to_string(result));
    }
    return to.status;
}
