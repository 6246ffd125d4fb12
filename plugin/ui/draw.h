/* SPDX-License-Identifier: ISC */
/** Boxes and words in the window's colours. */
#ifndef BSM_PLUGIN_UI_DRAW_H
#define BSM_PLUGIN_UI_DRAW_H

#include <cairo.h>
#include <stddef.h>

#include "layout.h"

/* ---- Boxes and words in the window's colours ---- */

typedef enum bsm_ink {
    BSM_INK_GROUND,  /**< of the window */
    BSM_INK_PANEL,   /**< of its parts */
    BSM_INK_CONTROL, /**< of what can be moved or pressed */
    BSM_INK_HOT,     /**< the same under the mouse */
    BSM_INK_TRACK,   /**< of faders and meters */
    BSM_INK_LINE,
    BSM_INK_TEXT,
    BSM_INK_DIM,  /**< words of less weight */
    BSM_INK_DARK, /**< words on the bright colours that follow */
    BSM_INK_VOCALS,
    BSM_INK_REST,
    BSM_INK_GOOD,
    BSM_INK_BUSY,
    BSM_INK_BAD,
    BSM_NUM_INKS,
} bsm_ink;

/** Red, green and blue, 0 to 255. */
extern const unsigned char bsm_inks[BSM_NUM_INKS][3];

typedef enum bsm_style { BSM_TEXT, BSM_BOLD, BSM_SMALL, BSM_TITLE } bsm_style;

void bsm_paint_ink(cairo_t *cr, bsm_ink ink);

/** Filled, with edges on whole pixels if they are straight (`radius` 0). */
void bsm_paint_box(cairo_t *cr, bsm_box box, double radius, bsm_ink ink);
void bsm_paint_frame(cairo_t *cr, bsm_box box, double radius, bsm_ink ink);

/** Whether anything of it will be seen. */
bool bsm_paint_shows(cairo_t *cr, bsm_box box);

/** One line in the middle of a box's height, at the part `align` of its width; cut with "..." if it
 * is too long. Gives its width. */
double bsm_paint_line(cairo_t *cr, bsm_box box, double align, bsm_style style, bsm_ink ink,
                      const char *text);

double bsm_text_width(cairo_t *cr, bsm_style style, const char *text);

/** Broken into lines as wide as the box, those that do not fit left out; with BSM_NUM_INKS as ink
 * only counted. Gives how many lines the whole text has. */
size_t bsm_paint_lines(cairo_t *cr, bsm_box box, double line, bsm_style style, bsm_ink ink,
                       const char *text);

/* ---- Draws the window ---- */

/** Measure the sentence and make room for it: when it, or the layout, has changed. */
void bsm_fit_sentence(cairo_t *cr, const bsm_face *face, bsm_layout *layout);

/** The whole window, in units, as far as the clip lets it through. */
void bsm_draw_face(cairo_t *cr, const bsm_face *face, const bsm_layout *layout);

/** Where parts of it are that change often: BSM_DIRTY_METERS, _SPECTRUM, _TEXT; up to
 *  BSM_MAX_PARTS boxes. */
enum { BSM_MAX_PARTS = 6 };
size_t bsm_dirty_boxes(const bsm_layout *layout, unsigned dirty, bsm_box boxes[BSM_MAX_PARTS]);

/** What lies over it: the open popup. */
void bsm_draw_popup(cairo_t *cr, const bsm_face *face, const bsm_layout *layout);

/** A button or a tab that is pressed or not. */
void bsm_draw_button(cairo_t *cr, const bsm_face *face, bsm_target target, bsm_box box, bool on,
                     bsm_ink bright, const char *text);

#endif
