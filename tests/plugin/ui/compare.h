/* SPDX-License-Identifier: ISC */
/** Compares pictures. */
#ifndef BSM_TESTS_UI_COMPARE_H
#define BSM_TESTS_UI_COMPARE_H

#include <cairo.h>

#include "face.h"

/** Return a face as the window draws it, at a scale and a size in units. */
cairo_surface_t *picture_of(const bsm_face *face, double scale, double width, double height);

/** Return the fraction of the pixels that differ clearly; 1 if the sizes differ. Destroys both
 *  pictures. */
double difference_of(cairo_surface_t *a, cairo_surface_t *b);

#endif
