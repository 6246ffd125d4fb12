/* SPDX-License-Identifier: ISC */
/** The error that a low precision may have, whatever the network. Small random networks are often
 *  ill-conditioned: the rounding of a weight or a sample may change the result a hundred times as
 *  much. So errors are compared with how far `reference`'s own result moves when its weights and
 *  its input are disturbed by as much as rounding them would. */
#ifndef BSM_TESTS_CUDA_CONDITIONING_H
#define BSM_TESTS_CUDA_CONDITIONING_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "device_under_test.h"
#include "model/weight_vector.h"
#include "noise.h"

/** An input that moves the result little in one direction may move it far in another, so the
 *  largest of several moves counts: of 1083 correct results in bfloat16 and TF32, 10 were off by
 *  more than four times a single move, none by more than four times the largest of four. */
enum { DISTURBANCES = 4 };

typedef struct disturbance {
    int bits;        /**< significant bits of the precision */
    uint64_t number; /**< each number gives a different disturbance */
} disturbance;

/** Change each number by at most half a unit in the last place. Another salt gives a different
 *  disturbance. */
static inline void disturb(const disturbance *d, uint64_t salt, float *numbers, size_t count)
{
    const float size = ldexpf(1, -d->bits);
    uint64_t seed = (d->number << 32) + salt;
    for (size_t i = 0; i < count; i++) {
        numbers[i] *= 1 + size * noise_float(&seed);
    }
}

/** Return a copy with every weight disturbed. Without memory, print a line that says so and return
 *  NULL. */
static inline bsm_model *disturbed_model(const bsm_model *model, const disturbance *d)
{
    bsm_model *copy = NULL;
    float *weights = NULL;
    bsm_error error = {0};
    if (bsm_vector_model_new(bsm_model_config(model), "disturbed", "disturbed", &copy, &weights,
                             &error)) {
        expect(false, "%s", error.message);
        return NULL;
    }
    size_t size = 0;
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        size += bsm_vector_padded(bsm_model_tensor(model, i)->count);
    }
    bsm_vector_read(model, weights);
    disturb(d, 0, weights, size);
    return copy;
}

/** Return the error that is allowed. It is below 1, because a result of zeros has an error of 1. */
static inline double allowed_error(double tolerance, double move)
{
    return fmax(tolerance, fmin(4 * move, 0.9));
}

/** Errors of many cases, each relative to its move. */
typedef struct typical_error {
    double logs;
    size_t cases;
} typical_error;

static inline void add_error(typical_error *t, double error, double move)
{
    t->logs += log(error / move);
    t->cases++;
}

/** Check the geometric mean of the errors. One case may be off by several times its move, but not
 *  most of them: correct code is typically off by 0.6 to 1 of it, code that truncates instead of
 *  rounding by 1.2 to 1.9. Fewer than four cases are not checked, because a single ill-conditioned
 *  one would decide. */
static inline void check_typical_error(const typical_error *t, const char *precision)
{
    enum { FEWEST = 4 };
    const double typical = exp(t->logs / (double)t->cases);
    if (t->cases >= FEWEST) {
        printf("%s: typically off by %.2f of what rounding moves\n", precision, typical);
        expect(typical < 1.15, "%s: more than rounding explains", precision);
    }
}

#endif
