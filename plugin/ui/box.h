/* SPDX-License-Identifier: ISC */
/** A rectangle of the window, in units: pixels of a small window at scale 1. */
#ifndef BSM_UI_BOX_H
#define BSM_UI_BOX_H

#include <stdbool.h>

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

/** Cut a piece off a side, which gets smaller. */
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

#endif
