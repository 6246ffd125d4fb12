/* SPDX-License-Identifier: ISC */
/** Draws boxes and words in the window's colours. */
#ifndef BSM_PLUGIN_UI_DRAW_H
#define BSM_PLUGIN_UI_DRAW_H

#include <cairo.h>
#include <stddef.h>

#include "layout.h"

/* ---- Boxes and words in the window's colours ---- */

typedef enum bsm_ink {
    BSM_INK_GROUND,  /**< background of the window */
    BSM_INK_PANEL,   /**< background of its parts */
    BSM_INK_CONTROL, /**< controls that can be moved or pressed */
    BSM_INK_HOT,     /**< such a control under the mouse */
    BSM_INK_TRACK,   /**< background of faders and meters */
    BSM_INK_LINE,
    BSM_INK_TEXT,
    BSM_INK_DIM,  /**< less important words */
    BSM_INK_DARK, /**< words on the bright colours below */
    BSM_INK_VOCALS,
    BSM_INK_REST,
    BSM_INK_GOOD,
    BSM_INK_BUSY,
    BSM_INK_BAD,
    BSM_NUM_INKS,
} bsm_ink;

/** Return red, green and blue, each from 0 to 255. */
extern const unsigned char bsm_inks[BSM_NUM_INKS][3];

typedef enum bsm_style { BSM_TEXT, BSM_BOLD, BSM_SMALL, BSM_TITLE } bsm_style;

void bsm_paint_ink(cairo_t *cr, bsm_ink ink);

/** Fill a box. Straight edges (`radius` 0) lie on whole pixels. */
void bsm_paint_box(cairo_t *cr, bsm_box box, double radius, bsm_ink ink);
void bsm_paint_frame(cairo_t *cr, bsm_box box, double radius, bsm_ink ink);

/** Return true if any part of the box is visible. */
bool bsm_paint_shows(cairo_t *cr, bsm_box box);

/** Write one line in the vertical middle of a box, aligned at the part `align` of its width, and
 *  shortened with "..." if it is too long. Return its width. */
double bsm_paint_line(cairo_t *cr, bsm_box box, double align, bsm_style style, bsm_ink ink,
                      const char *text);

double bsm_text_width(cairo_t *cr, bsm_style style, const char *text);

/** Write a text in lines as wide as the box, without the lines that do not fit. With BSM_NUM_INKS
 *  as ink nothing is drawn. Return the number of lines of the whole text. */
size_t bsm_paint_lines(cairo_t *cr, bsm_box box, double line, bsm_style style, bsm_ink ink,
                       const char *text);

/* ---- Draws the window ---- */

/** Measure the sentence and make room for it. To be called when the sentence or the layout has
 *  changed. */
void bsm_fit_sentence(cairo_t *cr, const bsm_face *face, bsm_layout *layout);

/** Draw the whole window, in units, within the clip. */
void bsm_draw_face(cairo_t *cr, const bsm_face *face, const bsm_layout *layout);

/** List the boxes of the parts that change often (BSM_DIRTY_METERS, _SPECTRUM, _TEXT),
 *  BSM_MAX_PARTS at most. */
enum { BSM_MAX_PARTS = 6 };
size_t bsm_dirty_boxes(const bsm_layout *layout, unsigned dirty, bsm_box boxes[BSM_MAX_PARTS]);

/** Draw the open popup over the window. */
void bsm_draw_popup(cairo_t *cr, const bsm_face *face, const bsm_layout *layout);

/** Draw a button or a tab, pressed or not. */
void bsm_draw_button(cairo_t *cr, const bsm_face *face, bsm_target target, bsm_box box, bool on,
                     bsm_ink bright, const char *text);

#endif
