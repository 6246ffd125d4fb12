/* SPDX-License-Identifier: ISC */
/** Drawing with cairo: boxes and words in the colours of the window, and the window itself. Lengths
 *  are in units (layout.h). */
#ifndef BSM_PLUGIN_UI_DRAW_H
#define BSM_PLUGIN_UI_DRAW_H

#include <cairo.h>
#include <stddef.h>

#include "layout.h"

/* ---- Boxes and words ---- */

typedef enum bsm_ink {
    BSM_INK_GROUND,  /**< background of the window */
    BSM_INK_PANEL,   /**< background of its parts */
    BSM_INK_CONTROL, /**< things that can be moved or pressed */
    BSM_INK_HOT,     /**< the same under the mouse */
    BSM_INK_TRACK,   /**< background of faders and meters */
    BSM_INK_LINE,
    BSM_INK_TEXT,
    BSM_INK_DIM,  /**< less important text */
    BSM_INK_DARK, /**< text on the bright colours that follow */
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

/** Set the colour to draw with. */
void bsm_paint_ink(cairo_t *cr, bsm_ink ink);

/** Fill a box that has corners of this radius. Straight edges lie on whole pixels. */
void bsm_paint_box(cairo_t *cr, bsm_box box, double radius, bsm_ink ink);

/** Draw the frame of such a box. */
void bsm_paint_frame(cairo_t *cr, bsm_box box, double radius, bsm_ink ink);

/** Whether any part of a box lies inside the clip. */
bool bsm_paint_shows(cairo_t *cr, bsm_box box);

/** Draw one line of text, vertically centred in a box. A text that is too long is cut off and ends
 *  with an ellipsis.
 *  @param align  horizontal position: 0 left, 0.5 centred, 1 right
 *  @return the width of the line */
double bsm_paint_line(cairo_t *cr, bsm_box box, double align, bsm_style style, bsm_ink ink,
                      const char *text);

/** Return the width of a text in one line. */
double bsm_text_width(cairo_t *cr, bsm_style style, const char *text);

/** Draw a text, broken into lines as wide as the box. Lines for which the box is not high enough
 *  are left out. With BSM_NUM_INKS as the ink, nothing is drawn.
 *  @param line  height of a line
 *  @return the number of lines that the whole text has */
size_t bsm_paint_lines(cairo_t *cr, bsm_box box, double line, bsm_style style, bsm_ink ink,
                       const char *text);

/* ---- The window ---- */

/** Measure the sentence and make room for it in the layout. Call it when either has changed. */
void bsm_fit_sentence(cairo_t *cr, const bsm_face *face, bsm_layout *layout);

/** Draw the whole window, as far as the clip allows. */
void bsm_draw_face(cairo_t *cr, const bsm_face *face, const bsm_layout *layout);

enum { BSM_MAX_PARTS = 6 };

/** Get the boxes of the parts that change often, for the flags BSM_DIRTY_METERS, BSM_DIRTY_SPECTRUM
 *  and BSM_DIRTY_TEXT.
 *  @return the number of boxes, at most BSM_MAX_PARTS */
size_t bsm_dirty_boxes(const bsm_layout *layout, unsigned dirty, bsm_box boxes[BSM_MAX_PARTS]);

/** Draw the open popup, if there is one, over the window. */
void bsm_draw_popup(cairo_t *cr, const bsm_face *face, const bsm_layout *layout);

/** Draw a button. If it is `on`, it has the colour `bright`. */
void bsm_draw_button(cairo_t *cr, const bsm_face *face, bsm_target target, bsm_box box, bool on,
                     bsm_ink bright, const char *text);

#endif
