/* SPDX-License-Identifier: ISC */
#include "device/differences.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "noise.h"

/* Step sizes. Functions are rounded to float32, so that a small step measures the rounding. A large
 * step measures the curvature, although the fourth-order formula removes most of it. The best
 * result counts. */
static const double STEPS[] = {0.03, 0.01, 0.003, 0.001};
enum { NUM_STEPS = 4, DIRECTIONS = 2 };

typedef struct random_line {
    const differences_input *input;
    const float *start, *direction;
} random_line;

static double function_at(differences_function *function, void *user, const random_line *line,
                          double way)
{
    for (size_t i = 0; i < line->input->count; i++) {
        line->input->values[i] = (float)((double)line->start[i] + way * (double)line->direction[i]);
    }
    return function(user);
}

static double slope(differences_function *function, void *user, const random_line *line,
                    double step)
{
    double near =
        function_at(function, user, line, step) - function_at(function, user, line, -step);
    double far =
        function_at(function, user, line, 2 * step) - function_at(function, user, line, -2 * step);
    memcpy(line->input->values, line->start, line->input->count * sizeof *line->start);
    return (8 * near - far) / (12 * step);
}

static void check_line(const char *what, differences_function *function, void *user,
                       const random_line *line, double noise)
{
    const double *gradient = line->input->gradient;
    double component = 0, norm = 0, best = INFINITY;
    for (size_t i = 0; i < line->input->count; i++) {
        component += gradient[i] * (double)line->direction[i];
        norm += gradient[i] * gradient[i];
    }
    for (size_t i = 0; i < NUM_STEPS; i++) {
        double off = fabs(slope(function, user, line, STEPS[i]) - component);
        best = off < best ? off : best; /* false for a NaN */
    }
    if (!(best <= 1e-4 * sqrt(norm) + noise)) {
        fail_msg("%s by %s: off by %.3g, the gradient's norm is %.3g", what, line->input->name,
                 best, sqrt(norm));
    }
}

void differences_check(const char *what, differences_function *function, void *user,
                       const differences_input *inputs, size_t num_inputs, double noise)
{
    uint64_t seed = 17;
    for (size_t i = 0; i < num_inputs; i++) {
        size_t bytes = inputs[i].count * sizeof(float);
        float *start = malloc(bytes), *direction = malloc(bytes);
        assert_non_null(start);
        assert_non_null(direction);
        memcpy(start, inputs[i].values, bytes);
        for (size_t d = 0; d < DIRECTIONS; d++) {
            noise_fill(&seed, direction, inputs[i].count);
            check_line(what, function, user, &(random_line){&inputs[i], start, direction}, noise);
        }
        free(direction);
        free(start);
    }
}
