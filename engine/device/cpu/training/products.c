/* SPDX-License-Identifier: ISC */
/* Products of training: in float32 as elsewhere, or in bfloat16 by blocks, both sides of which are
 * rounded and packed while they stay in the cache. */
#include "device/cpu/training/products.h"

#include "device/cpu/kernels.h"

/* The largest block, and the row distance of its left side: at a multiple of 4 KB all rows would
 * share a few sets of the cache. */
enum { ROWS = 320, COLUMNS = 256, DEPTH = 512, LD = DEPTH + BSM_BF16_DEPTH };

size_t bsm_products_space(bool bf16)
{
    return bf16 ? (ROWS * LD + COLUMNS * DEPTH) * sizeof(uint16_t)
                : BSM_OUTER_SPACE * sizeof(float);
}

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The start and the size of a block. */
typedef struct block {
    size_t row, column, depth;
    size_t rows, columns, deep;
} block;

static void round_left(const bsm_products *x, const bsm_product *p, const block *b, uint16_t *left)
{
    if (p->transpose_a) {
        x->kernels->pack->columns(b->deep, b->rows, p->a + b->depth * p->lda + b->row, p->lda, left,
                                  LD);
    } else {
        x->kernels->rows->to_bf16(b->rows, b->deep, p->a + b->row * p->lda + b->depth, p->lda, left,
                                  LD);
    }
}

static void round_right(const bsm_products *x, const bsm_product *p, const block *b,
                        uint16_t *right)
{
    if (p->transpose_b) {
        x->kernels->pack->transposed(b->deep, b->columns, p->b + b->column * p->ldb + b->depth,
                                     p->ldb, right);
    } else {
        x->kernels->pack->matrix(b->deep, b->columns, p->b + b->depth * p->ldb + b->column, p->ldb,
                                 right);
    }
}

static void multiply_rounded(const bsm_products *x, const bsm_product *p, const block *b,
                             const uint16_t *left, const uint16_t *right)
{
    x->bf16->bf16(&(bsm_bf16_product){.m = b->rows,
                                      .n = b->columns,
                                      .k = b->deep,
                                      .a = left,
                                      .lda = LD,
                                      .b = right,
                                      .beta = b->depth ? 1 : p->beta,
                                      .c = p->c + b->row * p->ldc + b->column,
                                      .ldc = p->ldc,
                                      .far = true});
}

/* Compute all columns and rows for a part of the depth. */
static void run_slab(const bsm_products *x, const bsm_product *p, block b)
{
    uint16_t *left = (uint16_t *)(void *)x->space, *right = left + (size_t)ROWS * LD;
    for (b.column = 0; b.column < p->n; b.column += COLUMNS) {
        b.columns = min(p->n - b.column, COLUMNS);
        round_right(x, p, &b, right);
        for (b.row = 0; b.row < p->m; b.row += ROWS) {
            b.rows = min(p->m - b.row, ROWS);
            if (b.column == 0 || p->m > ROWS) { /* otherwise it is still there */
                round_left(x, p, &b, left);
            }
            multiply_rounded(x, p, &b, left, right);
        }
    }
}

void bsm_products_run(const bsm_products *products, const bsm_product *p)
{
    if (!products->bf16) {
        bsm_cpu_product(products->kernels, p);
        return;
    }
    for (size_t k = 0; k < p->k; k += DEPTH) {
        run_slab(products, p, (block){.depth = k, .deep = min(p->k - k, DEPTH)});
    }
}
