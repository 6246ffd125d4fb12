/* SPDX-License-Identifier: ISC */
/** Compares gradients with finite differences of the function that they belong to. */
#ifndef BSM_TESTS_DIFFERENCES_H
#define BSM_TESTS_DIFFERENCES_H

#include <stddef.h>
#include <stdint.h>

/** Numbers that a function depends on, and its gradient by these. */
typedef struct differences_input {
    const char *name;
    float *values; /**< changed temporarily */
    const double *gradient;
    size_t count;
} differences_input;

/** The function: returns a number that depends on the inputs. */
typedef double differences_function(void *user);

/** Move each input along random directions. The slope of the function must be the gradient's
 *  component within 1e-4 of the gradient's norm, plus `noise` for the function's rounding. The
 *  inputs should be of the order of 1. Fails the test with the input's name. */
void differences_check(const char *what, differences_function *function, void *user,
                       const differences_input *inputs, size_t num_inputs, double noise);

#endif
