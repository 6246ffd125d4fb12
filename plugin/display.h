/* SPDX-License-Identifier: ISC */
/** The picture in Ardour's mixer strip: vocals upwards and the instrumental downwards, bright what
 * is heard and dim what is taken out, with the state in words above. */
#ifndef BSM_PLUGIN_DISPLAY_H
#define BSM_PLUGIN_DISPLAY_H

#include "bsm/remix.h"
#include "inline_display.h"

typedef struct bsm_display {
    bsm_inline_picture picture; /**< the drawing thread's own */
    void *surface;              /**< cairo_surface_t */
} bsm_display;

void bsm_display_free(bsm_display *display);

/** Draw; NULL if there is no room or no memory. */
bsm_inline_picture *bsm_display_render(bsm_display *display, const bsm_remix *remix,
                                       const char *status, uint32_t width, uint32_t max_height);

#endif
