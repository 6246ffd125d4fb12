/* SPDX-License-Identifier: ISC */
/** Draws the window. */
#ifndef BSM_UI_DRAW_H
#define BSM_UI_DRAW_H

#include "layout.h"
#include "paint.h"

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
