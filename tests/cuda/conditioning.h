/* SPDX-License-Identifier: ISC */
/** What a low precision may be off by, whatever the network. Small random networks are often
 *  ill-conditioned: what rounding does to a weight or a sample may reach the result a hundredfold.
 *  So errors are compared with how far `reference`'s own result moves when its weights and what
 *  goes in are disturbed by as much as rounding them would. */
#ifndef BSM_TESTS_CUDA_CONDITIONING_H
#define BSM_TESTS_CUDA_CONDITIONING_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "device_under_test.h"
#include "model/weight_vector.h"
#include "noise.h"

/** What moves little in one direction may move far in another, so of several moves the largest
 *  counts: of 1083 right results in bfloat16 and TF32, 10 were off by more than four times a single
 *  move, none by more than four times the largest of four. */
enum { DISTURBANCES = 4 };

typedef struct disturbance {
    int bits;        /**< significant ones of the precision */
    uint64_t number; /**< each disturbs otherwise */
} disturbance;

/** Each number by half a unit in the last place, at most. Another salt disturbs otherwise. */
static inline void disturb(const disturbance *d, uint64_t salt, float *numbers, size_t count)
{
    const float size = ldexpf(1, -d->bits);
    uint64_t seed = (d->number << 32) + salt;
    for (size_t i = 0; i < count; i++) {
        numbers[i] *= 1 + size * noise_float(&seed);
    }
}

/** A copy with every weight disturbed; NULL, after a line that says why, without memory. */
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

/** Below 1, by which a result of zeros is off. */
static inline double allowed_error(double tolerance, double move)
{
    return fmax(tolerance, fmin(4 * move, 0.9));
}

/** Errors, each relative to its move, over many cases. */
typedef struct typical_error {
    double logs;
    size_t cases;
} typical_error;

static inline void add_error(typical_error *t, double error, double move)
{
    t->logs += log(error / move);
    t->cases++;
}

/** One case may be off by several times its move, but not most of them: right code is typically off
 *  by 0.6 to 1 of it, code that truncates what it should round by 1.2 to 1.9. Of a few cases, one
 *  that is ill-conditioned would decide. */
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
