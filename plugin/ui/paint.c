/* SPDX-License-Identifier: ISC */
/* Draws boxes and words. */
#include "draw.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const unsigned char bsm_inks[BSM_NUM_INKS][3] = {
    [BSM_INK_GROUND] = {0x12, 0x14, 0x18},  [BSM_INK_PANEL] = {0x1e, 0x21, 0x27},
    [BSM_INK_CONTROL] = {0x2e, 0x33, 0x3b}, [BSM_INK_HOT] = {0x3b, 0x41, 0x4b},
    [BSM_INK_TRACK] = {0x0c, 0x0d, 0x10},   [BSM_INK_LINE] = {0x4a, 0x51, 0x5c},
    [BSM_INK_TEXT] = {0xec, 0xee, 0xf1},    [BSM_INK_DIM] = {0xb4, 0xbc, 0xc7},
    [BSM_INK_DARK] = {0x0c, 0x0d, 0x10},    [BSM_INK_VOCALS] = {0xff, 0xa8, 0x3d},
    [BSM_INK_REST] = {0x55, 0xc4, 0xe8},    [BSM_INK_GOOD] = {0x7b, 0xd8, 0x8f},
    [BSM_INK_BUSY] = {0xf5, 0xd0, 0x6b},    [BSM_INK_BAD] = {0xff, 0x8f, 0x85},
};

void bsm_paint_ink(cairo_t *cr, bsm_ink ink)
{
    const unsigned char *c = bsm_inks[ink];
    cairo_set_source_rgb(cr, c[0] / 255.0, c[1] / 255.0, c[2] / 255.0);
}

/* ---- Boxes ---- */

static void snap(cairo_t *cr, double *x, double *y)
{
    cairo_user_to_device(cr, x, y);
    *x = round(*x);
    *y = round(*y);
    cairo_device_to_user(cr, x, y);
}

static void outline(cairo_t *cr, bsm_box box, double radius)
{
    const double r = fmin(radius, fmin(box.w, box.h) / 2);
    double left = box.x, top = box.y, right = box.x + box.w, bottom = box.y + box.h;
    snap(cr, &left, &top);
    snap(cr, &right, &bottom);
    if (r <= 0) {
        cairo_rectangle(cr, left, top, right - left, bottom - top);
        return;
    }
    cairo_new_sub_path(cr);
    cairo_arc(cr, right - r, top + r, r, -M_PI / 2, 0);
    cairo_arc(cr, right - r, bottom - r, r, 0, M_PI / 2);
    cairo_arc(cr, left + r, bottom - r, r, M_PI / 2, M_PI);
    cairo_arc(cr, left + r, top + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(cr);
}

void bsm_paint_box(cairo_t *cr, bsm_box box, double radius, bsm_ink ink)
{
    bsm_paint_ink(cr, ink);
    outline(cr, box, radius);
    cairo_fill(cr);
}

void bsm_paint_frame(cairo_t *cr, bsm_box box, double radius, bsm_ink ink)
{
    bsm_paint_ink(cr, ink);
    cairo_set_line_width(cr, 1.5);
    outline(cr, bsm_box_inset(box, 0.75, 0.75), radius);
    cairo_stroke(cr);
}

bool bsm_paint_shows(cairo_t *cr, bsm_box box)
{
    double left, top, right, bottom;
    cairo_clip_extents(cr, &left, &top, &right, &bottom);
    return box.x < right && box.x + box.w > left && box.y < bottom && box.y + box.h > top;
}

/* ---- Words ---- */

enum { TEXT_SIZE = 1024 };

static void set_style(cairo_t *cr, bsm_style style)
{
    static const double sizes[] = {12, 12, 10.5, 15};
    const bool bold = style == BSM_BOLD || style == BSM_TITLE;
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, sizes[style]);
}

/* The number of bytes of the character at `text`; 0 if it is not valid UTF-8 or a control
 * character. */
static size_t character(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    const size_t length = c[0] < 0x80 ? 1 : c[0] < 0xc2 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    const bool wrong = c[0] < 0x20 || c[0] == 0x7f || c[0] > 0xf4 ||
                       (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
                       (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f);
    return wrong ? 0 : length;
}

/* Replace what is not valid UTF-8, because cairo refuses to draw anything after it; a file's name
 * may contain any bytes. */
static void clean(char copy[TEXT_SIZE], const char *text)
{
    size_t at = 0;
    while (*text && at + 5 < TEXT_SIZE) {
        const size_t length = character(text);
        copy[at] = '?';
        memcpy(copy + at, length ? text : "?", length ? length : 1);
        at += length ? length : 1;
        text += length ? length : 1;
    }
    copy[at] = '\0';
}

static double width_of(cairo_t *cr, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

double bsm_text_width(cairo_t *cr, bsm_style style, const char *text)
{
    char copy[TEXT_SIZE];
    clean(copy, text);
    set_style(cr, style);
    return width_of(cr, copy);
}

static void erase_last(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && ((unsigned char)text[--length] & 0xc0) == 0x80) {
    }
    text[length] = '\0';
}

static void show(cairo_t *cr, double x, double middle, bsm_ink ink, const char *text)
{
    cairo_font_extents_t font;
    cairo_font_extents(cr, &font);
    double y = middle + (font.ascent - font.descent) / 2;
    snap(cr, &x, &y);
    bsm_paint_ink(cr, ink);
    cairo_move_to(cr, x, y);
    cairo_show_text(cr, text);
}

double bsm_paint_line(cairo_t *cr, bsm_box box, double align, bsm_style style, bsm_ink ink,
                      const char *text)
{
    char copy[TEXT_SIZE], cut[TEXT_SIZE + 4];
    clean(copy, text);
    set_style(cr, style);
    snprintf(cut, sizeof cut, "%s", copy);
    double width = width_of(cr, cut);
    while (width > box.w && *copy) {
        erase_last(copy);
        snprintf(cut, sizeof cut, "%s\xe2\x80\xa6", copy);
        width = width_of(cr, cut);
    }
    show(cr, box.x + align * (box.w - width), box.y + box.h / 2, ink, cut);
    return width;
}

/* The number of bytes of `text` in its first line, which has as many words as fit, or a part of a
 * word that is too long. */
static size_t line_length(cairo_t *cr, const char *text, double width)
{
    char line[TEXT_SIZE];
    size_t fits = 0;
    for (size_t end = 0; text[end];) {
        end += strspn(text + end, " ");
        end += strcspn(text + end, " ");
        snprintf(line, sizeof line, "%.*s", (int)end, text);
        if (width_of(cr, line) > width) {
            break;
        }
        fits = end;
    }
    for (size_t end = 0; fits == 0 && text[end];) {
        const size_t next = end + (character(text + end) ? character(text + end) : 1);
        snprintf(line, sizeof line, "%.*s", (int)next, text);
        if (end > 0 && width_of(cr, line) > width) {
            return end;
        }
        end = next;
        if (!text[end]) {
            fits = end;
        }
    }
    return fits;
}

size_t bsm_paint_lines(cairo_t *cr, bsm_box box, double line, bsm_style style, bsm_ink ink,
                       const char *text)
{
    char copy[TEXT_SIZE], part[TEXT_SIZE];
    size_t count = 0;
    clean(copy, text);
    set_style(cr, style);
    for (const char *at = copy + strspn(copy, " "); *at; count++) {
        const size_t length = line_length(cr, at, box.w);
        const bool last = (double)(count + 2) * line > box.h + 1 && at[length];
        if (ink != BSM_NUM_INKS && (double)(count + 1) * line <= box.h + 1) {
            const bsm_box row = {box.x, box.y + (double)count * line, box.w, line};
            snprintf(part, sizeof part, "%.*s%s", (int)length, at, last ? " ..." : "");
            bsm_paint_line(cr, row, 0, style, ink, part);
        }
        at += length;
        at += strspn(at, " ");
    }
    return count;
}
