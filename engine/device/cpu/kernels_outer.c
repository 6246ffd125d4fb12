/* SPDX-License-Identifier: ISC */
/* Compiled once per instruction set, with BSM_KERNELS_OUTER set by meson. A strip of B is packed
 * into the second-level cache and a few columns of A into the first, and a tile of C is summed in
 * registers. */
#include "device/cpu/kernels_backward.h"

#include "device/cpu/kernels_vector.h"

extern void BSM_KERNELS_OUTER(const bsm_product *p, float *space);

/* A tile is as large as the registers allow: AVX-512 has 32, others may have 16. */
enum { TALL = VECTOR == 16 ? 12 : 6, WIDTH = 2 * VECTOR };

static inline size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Pack `depth` rows of `columns` of a matrix, one below the other, each padded to `width`. */
static inline __attribute__((always_inline)) void pack(size_t depth, size_t columns, size_t width,
                                                       const float *from, size_t ld, float *out)
{
    if (columns == width) { /* with a fixed size the compiler needs no loop */
        for (size_t k = 0; k < depth; k++) {
            memcpy(out + k * width, from + k * ld, width * sizeof *out);
        }
        return;
    }
    memset(out, 0, depth * width * sizeof *out);
    for (size_t k = 0; k < depth; k++) {
        memcpy(out + k * width, from + k * ld, columns * sizeof *out);
    }
}

/* A tile's place in C; tiles at the ends have fewer rows or columns. */
typedef struct place {
    size_t rows, columns, ld;
    float *at;
} place;

/* A tile inside C: loops of fixed length keep the sums in registers. */
static inline __attribute__((always_inline)) void add_whole(size_t tall, vector sum[TALL][2],
                                                            const place *c)
{
    for (size_t i = 0; i < tall; i++) {
        float *at = c->at + i * c->ld;
        vector left = load_vector(at) + sum[i][0], right = load_vector(at + VECTOR) + sum[i][1];
        memcpy(at, &left, sizeof left);
        memcpy(at + VECTOR, &right, sizeof right);
    }
}

static void add_part(const vector sum[TALL][2], const place *c)
{
    for (size_t i = 0; i < c->rows; i++) {
        float row[WIDTH];
        memcpy(row, sum[i], sizeof row);
        for (size_t j = 0; j < c->columns; j++) {
            c->at[i * c->ld + j] += row[j];
        }
    }
}

static inline __attribute__((always_inline)) void
add_tile(size_t depth, size_t tall, const float *a, const float *b, const place *c)
{
    vector sum[TALL][2] = {0};
    for (size_t i = 0; i < c->rows; i++) { /* C is not in the cache, but is needed at the end */
        __builtin_prefetch(c->at + i * c->ld, 1);
        __builtin_prefetch(c->at + i * c->ld + c->columns - 1, 1);
    }
    for (size_t k = 0; k < depth; k++, a += TALL, b += WIDTH) {
        vector left = load_vector(b), right = load_vector(b + VECTOR);
        for (size_t i = 0; i < tall; i++) {
            sum[i][0] += a[i] * left;
            sum[i][1] += a[i] * right;
        }
    }
    if (c->rows == tall && c->columns == WIDTH) {
        add_whole(tall, sum, c);
    } else {
        vector part[TALL][2];
        memcpy(part, sum, sizeof part);
        add_part(part, c);
    }
}

/* Add to the rows of C in `c`; the strip has `columns` of them. */
static void add_tiles(size_t depth, const float *a, const float *strip, size_t columns, place c)
{
    for (size_t j = 0; j < columns; j += WIDTH, c.at += WIDTH) {
        c.columns = min(columns - j, WIDTH);
        if (c.rows > TALL / 2) {
            add_tile(depth, TALL, a, strip + j * depth, &c);
        } else { /* half the work is enough */
            add_tile(depth, TALL / 2, a, strip + j * depth, &c);
        }
    }
}

/* Add some of the outer products to some of C's columns. */
static void add_strip(const bsm_product *p, size_t k, size_t depth, size_t n, size_t columns,
                      float *space)
{
    float *strip = space, *a = space + BSM_OUTER_DEPTH * BSM_OUTER_STRIP;
    for (size_t j = 0; j < columns; j += WIDTH) {
        pack(depth, min(columns - j, WIDTH), WIDTH, p->b + k * p->ldb + n + j, p->ldb,
             strip + j * depth);
    }
    for (size_t i = 0; i < p->m; i += TALL) {
        size_t rows = min(p->m - i, TALL);
        pack(depth, rows, TALL, p->a + k * p->lda + i, p->lda, a);
        add_tiles(depth, a, strip, columns,
                  (place){.rows = rows, .ld = p->ldc, .at = p->c + i * p->ldc + n});
    }
}

void BSM_KERNELS_OUTER(const bsm_product *p, float *space)
{
    for (size_t n = 0; n < p->n; n += BSM_OUTER_STRIP) {
        for (size_t k = 0; k < p->k; k += BSM_OUTER_DEPTH) {
            add_strip(p, k, min(p->k - k, BSM_OUTER_DEPTH), n, min(p->n - n, BSM_OUTER_STRIP),
                      space);
        }
    }
}
