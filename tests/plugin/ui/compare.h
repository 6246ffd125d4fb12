/* SPDX-License-Identifier: ISC */
/** Pictures beside each other. */
#ifndef BSM_TESTS_UI_COMPARE_H
#define BSM_TESTS_UI_COMPARE_H

#include <cairo.h>

#include "face.h"

/** A face as the window draws it, at a scale and a size in units. */
cairo_surface_t *picture_of(const bsm_face *face, double scale, double width, double height);

/** The part of the pixels that are clearly unlike each other; 1 for other sizes. Both are
 * destroyed. */
double difference_of(cairo_surface_t *a, cairo_surface_t *b);

#endif
