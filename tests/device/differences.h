/* SPDX-License-Identifier: ISC */
/** Gradients against finite differences of the function that they belong to. */
#ifndef BSM_TESTS_DIFFERENCES_H
#define BSM_TESTS_DIFFERENCES_H

#include <stddef.h>
#include <stdint.h>

/** What a function depends on, and its gradient by that. */
typedef struct differences_input {
    const char *name;
    float *values; /**< moved about, and put back */
    const double *gradient;
    size_t count;
} differences_input;

/** The function: a number that follows from the inputs' values. */
typedef double differences_function(void *user);

/** Move each input along random directions: the function's slope must be the gradient's component,
 *  within 1e-4 of the gradient's norm and `noise`, which the function's rounding makes. Values
 *  should be of the order of 1. Fails the test with the input's name. */
void differences_check(const char *what, differences_function *function, void *user,
                       const differences_input *inputs, size_t num_inputs, double noise);

#endif
