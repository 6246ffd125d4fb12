/* SPDX-License-Identifier: ISC */
/** The interface of the LV2 extension with which a plugin draws in Ardour's mixer strip. Debian has
 *  no header for it. */
#ifndef BSM_PLUGIN_INLINE_DISPLAY_H
#define BSM_PLUGIN_INLINE_DISPLAY_H

#include <stdint.h>

#include <lv2/core/lv2.h>

#define BSM_INLINE_DISPLAY "http://harrisonconsoles.com/lv2/inlinedisplay#"
#define BSM_INLINE_DISPLAY_INTERFACE BSM_INLINE_DISPLAY "interface"
#define BSM_INLINE_DISPLAY_QUEUE_DRAW BSM_INLINE_DISPLAY "queue_draw"

/** A picture in cairo's format ARGB32, which is premultiplied. */
typedef struct bsm_inline_picture {
    unsigned char *data;
    int width, height, stride;
} bsm_inline_picture;

/** The plugin's part. It is not called in the audio thread. */
typedef struct bsm_inline_interface {
    bsm_inline_picture *(*render)(LV2_Handle instance, uint32_t width, uint32_t max_height);
} bsm_inline_interface;

/** The host's part. `queue_draw` may be called in the audio thread. */
typedef struct bsm_inline_host {
    void *handle;
    void (*queue_draw)(void *handle);
} bsm_inline_host;

#endif
