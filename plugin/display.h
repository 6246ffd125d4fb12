/* SPDX-License-Identifier: ISC */
/** The picture in Ardour's mixer strip. Levels of the vocals point upwards and those of the
 *  instrumental downwards; what is heard is bright, and what is taken out is dim. The status is
 *  written above them. */
#ifndef BSM_PLUGIN_DISPLAY_H
#define BSM_PLUGIN_DISPLAY_H

#include "bsm/remix.h"
#include "inline_display.h"

typedef struct bsm_display {
    bsm_inline_picture picture; /**< used by the drawing thread alone */
    void *surface;              /**< cairo_surface_t */
} bsm_display;

void bsm_display_free(bsm_display *display);

/** Draw the picture. Return NULL if there is no room or no memory. */
bsm_inline_picture *bsm_display_render(bsm_display *display, const bsm_remix *remix,
                                       const char *status, uint32_t width, uint32_t max_height);

#endif
