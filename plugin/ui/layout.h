/* SPDX-License-Identifier: ISC */
/** The layout of the window: boxes, and where everything is.
 *
 *  Lengths are in units; a unit is a pixel of a small window at scale 1. */
#ifndef BSM_PLUGIN_UI_LAYOUT_H
#define BSM_PLUGIN_UI_LAYOUT_H

#include <stdbool.h>

#include "face.h"

/* ---- Rectangles of the window, in units ---- */

typedef struct bsm_box {
    double x, y, w, h;
} bsm_box;

static inline bool bsm_box_has(bsm_box box, double x, double y)
{
    return x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h;
}

/** Return the box without a margin of `x` on the left and right and `y` at the top and bottom. */
static inline bsm_box bsm_box_inset(bsm_box box, double x, double y)
{
    return (bsm_box){box.x + x, box.y + y, box.w - 2 * x, box.h - 2 * y};
}

/** Cut a piece off one side of a box, and return the piece. */
static inline bsm_box bsm_box_cut_top(bsm_box *box, double h)
{
    const bsm_box piece = {box->x, box->y, box->w, h};
    box->y += h;
    box->h -= h;
    return piece;
}

static inline bsm_box bsm_box_cut_bottom(bsm_box *box, double h)
{
    box->h -= h;
    return (bsm_box){box->x, box->y + box->h, box->w, h};
}

static inline bsm_box bsm_box_cut_left(bsm_box *box, double w)
{
    const bsm_box piece = {box->x, box->y, w, box->h};
    box->x += w;
    box->w -= w;
    return piece;
}

static inline bsm_box bsm_box_cut_right(bsm_box *box, double w)
{
    box->w -= w;
    return (bsm_box){box->x + box->w, box->y, w, box->h};
}

/* ---- Where everything is ---- */

enum {
    BSM_MIN_WIDTH = 480, /**< the smallest window that is readable */
    BSM_MIN_HEIGHT = 300,
    BSM_START_WIDTH = 760, /**< the window when it opens */
    BSM_START_HEIGHT = 440,
};

typedef struct bsm_layout {
    double width, height; /**< of the window */
    bsm_box header, title, model, bypass, footer, more;
    bsm_box strip[BSM_NUM_PARTS], heading[BSM_NUM_PARTS], scale[BSM_NUM_PARTS];
    bsm_box fader[BSM_NUM_PARTS], meters[BSM_NUM_PARTS];
    bsm_box value[BSM_NUM_PARTS], mute[BSM_NUM_PARTS], solo[BSM_NUM_PARTS];
    bsm_box right; /**< what the next two share; bsm_fit_sentence divides it */
    bsm_box spectrum, sentence;
    bsm_box latency, load, misses;
    bsm_box popup, popup_title, close, list; /**< all zero if no popup is open */
} bsm_layout;

/** Return the pixels per unit of a window with this size in pixels: `scale`, more in a large
 *  window, and less in one that is smaller than the smallest. */
double bsm_unit(int width, int height, double scale);

/** Compute the layout of a window with this size in units, except for `spectrum` and `sentence`. */
void bsm_lay_out(const bsm_face *face, double width, double height, bsm_layout *layout);

/** Return the box of a row of the list, which may lie outside of the list's box. */
bsm_box bsm_row_box(const bsm_face *face, const bsm_layout *layout, size_t row);

/** Return the height of all rows of the list. */
double bsm_rows_height(const bsm_face *face, const bsm_layout *layout);

/** Return the box of a setting in the popup "More". */
bsm_box bsm_setting_box(const bsm_layout *layout, int setting);

/** Return the box of the button for one of its choices. */
bsm_box bsm_choice_box(const bsm_layout *layout, int setting, int choice);

/** Return the number of its choices. */
int bsm_num_choices(int setting);

/** Make room for a sentence of this many lines below the spectrum. If that would leave too little
 *  height for the spectrum, there is none. */
void bsm_make_room(bsm_layout *layout, size_t lines);

/** Heights of lines of text. */
enum { BSM_LINE = 16, BSM_SMALL_LINE = 14 };

/** Return the target at a point. */
bsm_target bsm_target_at(const bsm_face *face, const bsm_layout *layout, double x, double y);

/** Return the position of a fader's knob for a gain in dB, from 0 at the bottom to 1 at the top. */
double bsm_fader_place(double db);

/** Return the gain in dB for the position of a fader's knob. */
double bsm_fader_db(double place);

#endif
