/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_TRIANGLE set by meson. */
#include "device/cpu/kernels.h"

#include <stdbool.h>
#include <string.h>

#include "device/cpu/kernels_vector.h"

extern const bsm_triangle_kernels BSM_KERNELS_TRIANGLE;

/* How many results are summed at a time: enough to hide the latency of an addition, and few enough
 * for the registers. */
enum { TALL = 8, FLAT = 6, WIDTH = 2 * VECTOR, DEPTH = 64 };

static inline size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- A triangle times a matrix ---- */

/* Value k of row i of the triangle, or of its transpose, is at[i * row + k * step]. */
typedef struct side {
    const float *at;
    size_t row, step;
} side;

/* Sum FLAT rows and WIDTH columns of the product over k from `from` to `to`. */
static inline __attribute__((always_inline)) void
flat_tile(const side *L, size_t from, size_t to, const float *x, size_t ld, vector sum[FLAT][2])
{
    vector acc[FLAT][2] = {0};
    const float *l = L->at + from * L->step;
    size_t row = L->row;
    x += from * ld;
    for (size_t k = from; k < to; k++, l += L->step, x += ld) {
        vector left = load_vector(x), right = load_vector(x + VECTOR);
        for (size_t i = 0; i < FLAT; i++) {
            acc[i][0] += l[i * row] * left;
            acc[i][1] += l[i * row] * right;
        }
    }
    memcpy(sum, acc, sizeof acc);
}

static inline void store_tile(size_t rows, size_t columns, float beta, const vector sum[FLAT][2],
                              float *y, size_t ld)
{
    for (size_t i = 0; i < rows; i++, y += ld) {
        float row[WIDTH];
        memcpy(row, sum[i], sizeof row);
        for (size_t j = 0; beta != 0 && j < columns; j++) {
            row[j] += y[j];
        }
        if (columns == WIDTH) { /* with a fixed size the compiler needs no loop */
            memcpy(y, row, sizeof row);
        } else {
            memcpy(y, row, columns * sizeof *y);
        }
    }
}

/* Copy the first `columns` of a matrix, padded with zeros. */
static void widen(size_t rows, size_t columns, const float *x, size_t ld,
                  float panel[BSM_CHUNK][WIDTH])
{
    memset(panel, 0, rows * sizeof *panel);
    for (size_t r = 0; r < rows; r++) {
        memcpy(panel[r], x + r * ld, columns * sizeof *x);
    }
}

/* The first row of the tile for row `r`. The last tile is moved back so that it is a whole one, if
 * there are enough rows. */
static inline size_t tile_at(size_t rows, size_t r)
{
    return r + FLAT > rows && rows >= FLAT ? rows - FLAT : r;
}

/* One strip of columns of y. */
static void times_strip(size_t rows, size_t columns, const float *L, const float *x, size_t ld,
                        float beta, float *y, size_t ld_y)
{
    vector sum[FLAT][2];
    for (size_t r = 0; r < rows; r += FLAT) {
        size_t some = min(FLAT, rows - r), first = tile_at(rows, r);
        side own = {.at = L + first * BSM_CHUNK, .row = BSM_CHUNK, .step = 1};
        flat_tile(&own, 0, r + some, x, ld, sum);
        store_tile(some, columns, beta, sum + (r - first), y + r * ld_y, ld_y);
    }
}

static void transposed_times_strip(size_t rows, size_t columns, const float *L, const float *x,
                                   size_t ld, float beta, float *y, size_t ld_y)
{
    vector sum[FLAT][2];
    for (size_t r = 0; r < rows; r += FLAT) {
        size_t some = min(FLAT, rows - r), first = tile_at(rows, r);
        side own = {.at = L + first, .row = 1, .step = BSM_CHUNK};
        flat_tile(&own, first, rows, x, ld, sum);
        store_tile(some, columns, beta, sum + (r - first), y + r * ld_y, ld_y);
    }
}

typedef void strip(size_t rows, size_t columns, const float *L, const float *x, size_t ld,
                   float beta, float *y, size_t ld_y);

static inline void in_strips(strip *run, size_t rows, size_t n, const float *L, const float *x,
                             size_t ld, float beta, float *y, size_t ld_y)
{
    size_t c = 0;
    for (; c + WIDTH <= n; c += WIDTH) {
        run(rows, WIDTH, L, x + c, ld, beta, y + c, ld_y);
    }
    if (c < n) {
        float panel[BSM_CHUNK][WIDTH];
        widen(rows, n - c, x + c, ld, panel);
        run(rows, n - c, L, panel[0], WIDTH, beta, y + c, ld_y);
    }
}

static void times(size_t rows, size_t n, const float *L, const float *x, size_t ld, float beta,
                  float *y, size_t ld_y)
{
    in_strips(times_strip, rows, n, L, x, ld, beta, y, ld_y);
}

static void transposed_times(size_t rows, size_t n, const float *L, const float *x, size_t ld,
                             float *y, size_t ld_y)
{
    in_strips(transposed_times_strip, rows, n, L, x, ld, 0, y, ld_y);
}

/* ---- A triangle of products ---- */

/* b^T for `depth` of its columns; zeros stand for rows past the last one. */
static void transpose_rows(size_t rows, size_t depth, const float *b, size_t ldb,
                           float panel[DEPTH][BSM_CHUNK])
{
    static const float zeros[DEPTH];
    size_t wide = (rows + VECTOR - 1) / VECTOR * VECTOR;
    for (size_t j = 0; j < wide; j += 4) {
        const float *four[4], *at[4];
        for (size_t i = 0; i < 4; i++) {
            four[i] = j + i < rows ? b + (j + i) * ldb : zeros;
        }
        size_t k = 0;
        for (; k + 4 <= depth; k += 4) {
            for (size_t i = 0; i < 4; i++) {
                at[i] = four[i] + k;
            }
            transpose_quads(at, &panel[k][j], BSM_CHUNK);
        }
        for (; k < depth; k++) {
            for (size_t i = 0; i < 4; i++) {
                panel[k][j + i] = four[i][k];
            }
        }
    }
}

static inline __attribute__((always_inline)) void tall_tile(size_t depth, size_t vectors,
                                                            const float *const a[TALL],
                                                            const float *panel, vector sum[TALL][2])
{
    vector acc[TALL][2] = {0}; /* one or two vectors from each row */
    for (size_t k = 0; k < depth; k++, panel += BSM_CHUNK) {
        vector left = load_vector(panel), right = vectors > 1 ? load_vector(panel + VECTOR) : left;
        for (size_t i = 0; i < TALL; i++) {
            acc[i][0] += a[i][k] * left;
            if (vectors > 1) {
                acc[i][1] += a[i][k] * right;
            }
        }
    }
    memcpy(sum, acc, sizeof acc);
}

static inline void put(bool add, const vector *sum, float *to)
{
    vector v = *sum;
    if (add) {
        v += load_vector(to);
    }
    memcpy(to, &v, sizeof v);
}

static void add_products(size_t rows, size_t depth, const float *a, size_t lda, bool add,
                         float panel[DEPTH][BSM_CHUNK], float *L)
{
    vector sum[TALL][2];
    for (size_t r = 0; r < rows; r += TALL) {
        size_t some = min(TALL, rows - r);
        const float *own[TALL];
        for (size_t i = 0; i < TALL; i++) {
            own[i] = a + min(r + i, rows - 1) * lda;
        }
        for (size_t c = 0, vectors; c < r + some; c += vectors * VECTOR) {
            vectors = c + VECTOR < r + some ? 2 : 1;
            if (vectors > 1) {
                tall_tile(depth, 2, own, panel[0] + c, sum);
            } else {
                tall_tile(depth, 1, own, panel[0] + c, sum);
            }
            for (size_t i = 0; i < some; i++) {
                float *to = L + (r + i) * BSM_CHUNK + c;
                put(add, &sum[i][0], to);
                if (vectors > 1) {
                    put(add, &sum[i][1], to + VECTOR);
                }
            }
        }
    }
}

static void of_products(size_t rows, size_t k, const float *a, size_t lda, const float *b,
                        size_t ldb, float *L)
{
    float panel[DEPTH][BSM_CHUNK];
    for (size_t first = 0; first < k; first += DEPTH) {
        size_t depth = min(DEPTH, k - first);
        transpose_rows(rows, depth, b + first, ldb, panel);
        add_products(rows, depth, a + first, lda, first > 0, panel, L);
    }
}

const bsm_triangle_kernels BSM_KERNELS_TRIANGLE = {
    .times = times,
    .transposed_times = transposed_times,
    .of_products = of_products,
};
