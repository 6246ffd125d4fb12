/* SPDX-License-Identifier: ISC */
/** The picture in Ardour's mixer strip. From a middle line, the levels of the vocals go up and
 *  those of the instrumental go down. What is heard is bright, what is taken out is dim. The status
 *  is above it in words. */
#ifndef BSM_PLUGIN_DISPLAY_H
#define BSM_PLUGIN_DISPLAY_H

#include "bsm/remix.h"
#include "inline_display.h"

typedef struct bsm_display {
    bsm_inline_picture picture; /**< belongs to the drawing thread, as does `surface` */
    void *surface;              /**< a cairo_surface_t */
} bsm_display;

void bsm_display_free(bsm_display *display);

/** Draw the picture and return it; NULL if there is too little room or memory. Drawing thread. */
bsm_inline_picture *bsm_display_render(bsm_display *display, const bsm_remix *remix,
                                       const char *status, uint32_t width, uint32_t max_height);

#endif
