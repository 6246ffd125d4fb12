/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_LANES_KERNELS set by meson.
 *
 * A frame of even length n is transformed as n / 2 complex values, whose real parts are the even
 * samples and whose imaginary parts are the odd ones. The complex transform is Cooley and Tukey's,
 * decimated in time and recursive, so that short transforms stay in the first-level cache. */
#include "signal/lanes.h"

#include <stdbool.h>
#include <string.h>

#include "base/vector.h"

extern const bsm_lanes_kernels BSM_LANES_KERNELS;

/* One complex value of every frame. */
typedef struct value {
    vector re, im;
} value;

enum { VALUE = 2 * VECTOR };

static inline value get(const float *values, size_t index)
{
    const float *at = values + index * VALUE;
    return (value){load_vector(at), load_vector(at + VECTOR)};
}

static inline void put(float *values, size_t index, value z)
{
    float *at = values + index * VALUE;
    store_vector(at, z.re);
    store_vector(at + VECTOR, z.im);
}

static inline value plus(value a, value b)
{
    return (value){a.re + b.re, a.im + b.im};
}

static inline value minus(value a, value b)
{
    return (value){a.re - b.re, a.im - b.im};
}

static inline value times(value a, const float factor[2])
{
    return (value){a.re * factor[0] - a.im * factor[1], a.re * factor[1] + a.im * factor[0]};
}

static inline value conjugate(value a)
{
    return (value){a.re, -a.im};
}

/* i a */
static inline value turned(value a)
{
    return (value){-a.im, a.re};
}

/* ---- Complex transforms ---- */

/* One level of the recursion: it combines `factor` transforms of `m` values, stored one after the
 * other. */
typedef struct level {
    size_t factor, m;
    const float *twiddles;
    size_t step; /* distance of this level's twiddles, whose unit is 1 / (factor * m) */
    size_t points;
} level;

static inline void put_four(float *out, size_t at, size_t m, value a, value b, value c, value d)
{
    const value sum = plus(a, c), difference = minus(a, c);
    const value others = plus(b, d), turn = turned(minus(b, d));
    put(out, at, plus(sum, others));
    put(out, at + m, minus(difference, turn));
    put(out, at + 2 * m, minus(sum, others));
    put(out, at + 3 * m, plus(difference, turn));
}

static void join_four(const level *l, float *out)
{
    const size_t m = l->m, step = 2 * l->step;
    for (size_t j = 0; j < m; j++) {
        const float *twiddle = l->twiddles + j * step;
        const value b = times(get(out, j + m), twiddle);
        const value c = times(get(out, j + 2 * m), l->twiddles + 2 * j * step);
        const value d = times(get(out, j + 3 * m), l->twiddles + 3 * j * step);
        put_four(out, j, m, get(out, j), b, c, d);
    }
}

static void join_two(const level *l, float *out)
{
    const size_t m = l->m;
    for (size_t j = 0; j < m; j++) {
        const value a = get(out, j), b = times(get(out, j + m), l->twiddles + 2 * j * l->step);
        put(out, j, plus(a, b));
        put(out, j + m, minus(a, b));
    }
}

/* A stage of any factor, by the definition of the transform. */
static void join_any(const level *l, float *out, float *inputs)
{
    const size_t m = l->m, p = l->factor;
    for (size_t j = 0; j < m; j++) {
        for (size_t q = 0; q < p; q++) {
            put(inputs, q, times(get(out, j + q * m), l->twiddles + 2 * j * q * l->step));
        }
        for (size_t r = 0; r < p; r++) {
            value sum = get(inputs, 0);
            for (size_t q = 1; q < p; q++) {
                const size_t turn = q * r % p * m * l->step;
                sum = plus(sum, times(get(inputs, q), l->twiddles + 2 * turn));
            }
            put(out, j + r * m, sum);
        }
    }
}

static void join(const level *l, float *out, float *inputs)
{
    if (l->factor == 4) {
        join_four(l, out);
    } else if (l->factor == 2) {
        join_two(l, out);
    } else {
        join_any(l, out, inputs);
    }
}

/* Transform `points` values with a distance of `step`. */
static void transform(const bsm_lanes_plan *plan, size_t depth, size_t points, const float *in,
                      size_t step, float *out, float *inputs)
{
    if (depth == plan->num_factors) {
        put(out, 0, get(in, 0));
        return;
    }
    const size_t p = plan->factors[depth], m = points / p;
    if (points == 4) {
        put_four(out, 0, 1, get(in, 0), get(in, step), get(in, 2 * step), get(in, 3 * step));
        return;
    }
    for (size_t q = 0; q < p; q++) {
        transform(plan, depth + 1, m, in + q * step * VALUE, step * p, out + q * m * VALUE, inputs);
    }
    const level l = {.factor = p, .m = m, .twiddles = plan->twiddles, .step = step};
    join(&l, out, inputs);
}

static void transform_all(const bsm_lanes_plan *plan, const float *in, float *out)
{
    transform(plan, 0, plan->points, in, 1, out, out + (plan->points + 1) * VALUE);
}

/* ---- Real transforms ---- */

static bool is_even(const bsm_lanes_plan *plan)
{
    return plan->length % 2 == 0;
}

/* Turn the transform of (even samples + i odd samples) into bins. */
static void separate_halves(const bsm_lanes_plan *plan, float *bins)
{
    const size_t points = plan->points;
    const value first = get(bins, 0);
    put(bins, 0, (value){first.re + first.im, (vector){0}});
    put(bins, points, (value){first.re - first.im, (vector){0}});
    for (size_t k = 1; 2 * k <= points; k++) {
        const value z = get(bins, k), mirror = conjugate(get(bins, points - k));
        const value sum = plus(z, mirror), difference = turned(minus(mirror, z));
        const value turn = times(difference, plan->turns + 2 * k);
        const value low = plus(sum, turn), high = minus(sum, turn);
        put(bins, k, (value){0.5f * low.re, 0.5f * low.im});
        put(bins, points - k, (value){0.5f * high.re, -0.5f * high.im});
    }
}

static void forward(const bsm_lanes_plan *plan, const float *samples, float *bins)
{
    transform_all(plan, samples, bins);
    if (is_even(plan)) {
        separate_halves(plan, bins);
    }
}

/* The inverse transform is the forward one with real and imaginary parts exchanged before and
 * after it; `sample_place` does the exchange after it. */
static void put_exchanged(float *values, size_t index, value z)
{
    put(values, index, (value){z.im, z.re});
}

/* Twice the inverse of separate_halves. */
static void unite_halves(const bsm_lanes_plan *plan, float *bins)
{
    const size_t points = plan->points;
    const vector zero = get(bins, 0).re, half = get(bins, points).re;
    put_exchanged(bins, 0, (value){zero + half, zero - half});
    for (size_t k = 1; 2 * k <= points; k++) {
        const float back[2] = {plan->turns[2 * k], -plan->turns[2 * k + 1]};
        const value z = get(bins, k), mirror = conjugate(get(bins, points - k));
        const value sum = plus(z, mirror), difference = times(minus(z, mirror), back);
        put_exchanged(bins, k, plus(sum, turned(difference)));
        put_exchanged(bins, points - k, plus(conjugate(sum), turned(conjugate(difference))));
    }
}

/* The bins of a real signal, and their mirror images. */
static void add_mirrored(const bsm_lanes_plan *plan, float *bins)
{
    put_exchanged(bins, 0, (value){get(bins, 0).re, (vector){0}});
    for (size_t k = 1; 2 * k < plan->length; k++) {
        const value z = get(bins, k);
        put_exchanged(bins, k, z);
        put_exchanged(bins, plan->length - k, conjugate(z));
    }
}

static void inverse(const bsm_lanes_plan *plan, float *bins, float *samples)
{
    if (is_even(plan)) {
        unite_halves(plan, bins);
    } else {
        add_mirrored(plan, bins);
    }
    transform_all(plan, bins, samples);
}

/* Where sample `index` of all frames is, before a forward or after an inverse transform. */
static inline size_t sample_place(const bsm_lanes_plan *plan, size_t index, bool exchanged)
{
    const size_t place = is_even(plan) ? index : 2 * index;
    return (exchanged ? place ^ 1 : place) * VECTOR;
}

/* ---- Frames ---- */

static inline size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Load four samples from the frames of four lanes; unused lanes repeat the last frame. */
static void load_tile(const bsm_lanes_plan *plan, const bsm_lanes_frames *frames, const float *from,
                      size_t lane, size_t index, float *values)
{
    const quad window = load_quad(frames->window + index);
    quad tile[4];
    for (size_t i = 0; i < 4; i++) {
        tile[i] = load_quad(from + min(lane + i, frames->count - 1) * frames->hop + index) * window;
    }
    transpose_4x4(tile);
    for (size_t i = 0; i < 4; i++) {
        store_quad(values + sample_place(plan, frames->left + index + i, false) + lane, tile[i]);
    }
}

static void load(const bsm_lanes_plan *plan, const bsm_lanes_frames *frames, const float *from,
                 float *values)
{
    if (frames->width < plan->length || !is_even(plan)) {
        memset(values, 0, plan->points * VALUE * sizeof *values);
    }
    size_t i = 0;
    for (; i + 4 <= frames->width; i += 4) {
        for (size_t lane = 0; lane < VECTOR; lane += 4) {
            load_tile(plan, frames, from, lane, i, values);
        }
    }
    for (; i < frames->width; i++) {
        float *to = values + sample_place(plan, frames->left + i, false);
        for (size_t lane = 0; lane < VECTOR; lane++) {
            const float *frame = from + min(lane, frames->count - 1) * frames->hop;
            to[lane] = frame[i] * frames->window[i];
        }
    }
}

static void add_tile(const bsm_lanes_plan *plan, const bsm_lanes_frames *frames,
                     const float *values, size_t lane, size_t index, float *to)
{
    const quad window = load_quad(frames->window + index);
    quad tile[4];
    for (size_t i = 0; i < 4; i++) {
        tile[i] = load_quad(values + sample_place(plan, frames->left + index + i, true) + lane);
    }
    transpose_4x4(tile);
    for (size_t i = 0; i < 4 && lane + i < frames->count; i++) {
        float *frame = to + (lane + i) * frames->hop + index;
        store_quad(frame, load_quad(frame) + tile[i] * window);
    }
}

static void add(const bsm_lanes_plan *plan, const bsm_lanes_frames *frames, const float *values,
                float *to)
{
    size_t i = 0;
    for (; i + 4 <= frames->width; i += 4) {
        for (size_t lane = 0; lane < frames->count; lane += 4) {
            add_tile(plan, frames, values, lane, i, to);
        }
    }
    for (; i < frames->width; i++) {
        const float *from = values + sample_place(plan, frames->left + i, true);
        for (size_t lane = 0; lane < frames->count; lane++) {
            to[lane * frames->hop + i] += from[lane] * frames->window[i];
        }
    }
}

/* ---- Bins ---- */

/* How many moduli are summed in single precision before the sum goes on in double. */
enum { PIECE = 32 };

static vector normalise_piece(size_t bins, float scale, float *values)
{
    const float tiny = 1.2e-38f; /* about the smallest normal number */
    vector sum = {0};
    for (size_t k = 0; k < bins; k++) {
        const value z = get(values, k);
        const vector square = z.re * z.re + z.im * z.im, over = inverse_root(square + tiny);
        sum += square * over;
        put(values, k, (value){z.re * (scale * over), z.im * (scale * over)});
    }
    return sum;
}

static double normalise(size_t bins, size_t frames, float scale, float *values)
{
    double sum = 0;
    for (size_t k = 0; k < bins; k += PIECE) {
        const vector piece = normalise_piece(min(PIECE, bins - k), scale, values + k * VALUE);
        for (size_t lane = 0; lane < frames; lane++) {
            sum += (double)piece[lane];
        }
    }
    return sum;
}

static void store_bins(const bsm_lanes_bins *bins, size_t frames, float scale, const float *values,
                       float *spectrum)
{
    for (size_t k = 0; k < bins->count; k++, values += VALUE) {
        float *bin = spectrum + k * bins->bin_step;
        for (size_t lane = 0; lane < frames; lane++, bin += bins->frame_step) {
            bin[0] = scale * values[lane];
            bin[1] = scale * values[VECTOR + lane];
        }
    }
}

static void load_bins(const bsm_lanes_bins *bins, size_t frames, float scale, const float *spectrum,
                      float *values)
{
    for (size_t k = 0; k < bins->count; k++, values += VALUE) {
        const float *bin = spectrum + k * bins->bin_step;
        for (size_t lane = 0; lane < frames; lane++, bin += bins->frame_step) {
            values[lane] = scale * bin[0];
            values[VECTOR + lane] = scale * bin[1];
        }
    }
}

const bsm_lanes_kernels BSM_LANES_KERNELS = {
    .lanes = VECTOR,
    .load = load,
    .forward = forward,
    .inverse = inverse,
    .add = add,
    .normalise = normalise,
    .store_bins = store_bins,
    .load_bins = load_bins,
};
