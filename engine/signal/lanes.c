/* SPDX-License-Identifier: ISC */
/* Plans a transform in vector lanes and chooses its kernels. */
#include "signal/lanes.h"

#include <math.h>
#include <stdlib.h>

#include "base/machine.h"

extern const bsm_lanes_kernels bsm_lanes_kernels_baseline;
#ifdef BSM_X86_64_KERNELS
extern const bsm_lanes_kernels bsm_lanes_kernels_avx2, bsm_lanes_kernels_avx512;
#endif

static const bsm_lanes_kernels *const sets[] = {
    &bsm_lanes_kernels_baseline,
#ifdef BSM_X86_64_KERNELS
    &bsm_lanes_kernels_avx2,
    &bsm_lanes_kernels_avx512,
#endif
};

const bsm_lanes_kernels *bsm_lanes_kernels_at(size_t index)
{
    return index < bsm_instruction_sets() ? sets[index] : NULL;
}

const bsm_lanes_kernels *bsm_lanes_kernels_get(void)
{
    return sets[bsm_instruction_sets() - 1];
}

static size_t points_of(size_t length)
{
    return length % 2 == 0 ? length / 2 : length;
}

static size_t smallest_odd_factor(size_t number)
{
    size_t factor = 3;
    while (number % factor != 0) {
        factor = factor * factor > number ? number : factor + 2;
    }
    return factor;
}

/* Odd factors come first, then 2, then 4: the last transforms are short and many, and those of 4
 * are the fastest. */
static void factorise(bsm_lanes_plan *plan)
{
    size_t rest = plan->points, fours = 0, odd;
    for (; rest % 4 == 0; rest /= 4) {
        fours++;
    }
    for (odd = rest % 2 == 0 ? rest / 2 : rest; odd > 1;) {
        const size_t factor = smallest_odd_factor(odd);
        plan->factors[plan->num_factors++] = factor;
        odd /= factor;
    }
    if (rest % 2 == 0) {
        plan->factors[plan->num_factors++] = 2;
    }
    while (fours-- > 0) {
        plan->factors[plan->num_factors++] = 4;
    }
}

/* exp(-2 pi i k / length) for k < count */
static float *unit_roots(size_t length, size_t count)
{
    float *roots = malloc(2 * count * sizeof *roots);
    for (size_t k = 0; roots && k < count; k++) {
        const double angle = 2 * M_PI * (double)k / (double)length;
        roots[2 * k] = (float)cos(angle);
        roots[2 * k + 1] = (float)-sin(angle);
    }
    return roots;
}

bsm_status bsm_lanes_plan_init(bsm_lanes_plan *plan, size_t length, bsm_error *error)
{
    *plan = (bsm_lanes_plan){.length = length, .points = points_of(length)};
    factorise(plan);
    plan->twiddles = unit_roots(plan->points, plan->points);
    plan->turns = unit_roots(length, plan->points / 2 + 1);
    if (!plan->twiddles || !plan->turns) {
        bsm_lanes_plan_clear(plan);
        return bsm_fail(error, BSM_NO_MEMORY, "FFT of %zu samples: out of memory", length);
    }
    return BSM_OK;
}

void bsm_lanes_plan_clear(bsm_lanes_plan *plan)
{
    free(plan->twiddles);
    free(plan->turns);
    *plan = (bsm_lanes_plan){0};
}

size_t bsm_lanes_plan_bytes(size_t length)
{
    const size_t points = points_of(length);
    return 2 * (points + points / 2 + 1) * sizeof(float);
}

size_t bsm_lanes_floats(size_t length, const bsm_lanes_kernels *kernels)
{
    bsm_lanes_plan plan = {.points = points_of(length)};
    factorise(&plan);
    /* The inputs of the largest factor's butterfly lie after the results. */
    size_t largest = 0;
    for (size_t i = 0; i < plan.num_factors; i++) {
        largest = plan.factors[i] > largest ? plan.factors[i] : largest;
    }
    return 2 * (plan.points + 1 + largest) * kernels->lanes;
}
