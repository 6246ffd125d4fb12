/* SPDX-License-Identifier: ISC */
/** A rectangle of the window in units, which are pixels of a small window at scale 1. */
#ifndef BSM_PLUGIN_UI_LAYOUT_H
#define BSM_PLUGIN_UI_LAYOUT_H

#include <stdbool.h>

#include "face.h"

/* ---- A rectangle of the window, in units: pixels of a small window at scale 1 ---- */

typedef struct bsm_box {
    double x, y, w, h;
} bsm_box;

static inline bool bsm_box_has(bsm_box box, double x, double y)
{
    return x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h;
}

static inline bsm_box bsm_box_inset(bsm_box box, double x, double y)
{
    return (bsm_box){box.x + x, box.y + y, box.w - 2 * x, box.h - 2 * y};
}

/** Cut a piece off one side of a box, which becomes smaller. */
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
    BSM_MIN_WIDTH = 480, /**< units */
    BSM_MIN_HEIGHT = 300,
    BSM_START_WIDTH = 760,
    BSM_START_HEIGHT = 440,
};

typedef struct bsm_layout {
    double width, height; /**< units */
    bsm_box header, title, model, bypass, footer, more;
    bsm_box strip[BSM_NUM_PARTS], heading[BSM_NUM_PARTS], scale[BSM_NUM_PARTS];
    bsm_box fader[BSM_NUM_PARTS], meters[BSM_NUM_PARTS];
    bsm_box value[BSM_NUM_PARTS], mute[BSM_NUM_PARTS], solo[BSM_NUM_PARTS];
    bsm_box right; /**< shared by these, as bsm_fit_sentence says: */
    bsm_box spectrum, sentence;
    bsm_box latency, load, misses;
    bsm_box popup, popup_title, close, list; /**< zero if no popup is open */
} bsm_layout;

/** Return the pixels per unit of a window: `scale`, or more in large windows. */
double bsm_unit(int width, int height, double scale);

void bsm_lay_out(const bsm_face *face, double width, double height, bsm_layout *layout);

/** Return the box of a row, which may lie outside of the list's box, and the height of all rows. */
bsm_box bsm_row_box(const bsm_face *face, const bsm_layout *layout, size_t row);
double bsm_rows_height(const bsm_face *face, const bsm_layout *layout);

/** A setting of "more", and the button of one of its choices. */
bsm_box bsm_setting_box(const bsm_layout *layout, int setting);
bsm_box bsm_choice_box(const bsm_layout *layout, int setting, int choice);
int bsm_num_choices(int setting);

/** Make room for a sentence of this many lines below the spectrum, which is hidden if it would
 *  become too low. */
void bsm_make_room(bsm_layout *layout, size_t lines);
enum { BSM_LINE = 16, BSM_SMALL_LINE = 14 };

/** Return the control at a position. */
bsm_target bsm_target_at(const bsm_face *face, const bsm_layout *layout, double x, double y);

/** Convert a gain to the position of a fader's knob, from 0 at the bottom to 1, and back. */
double bsm_fader_place(double db);
double bsm_fader_db(double place);

#endif
