/* SPDX-License-Identifier: ISC */
/* Packed products by AMX. Compiled for AMX, and run only if packed_dispatch.c finds it. */
#include <immintrin.h>

#include "device/cpu/packed_tile.h"

extern const bsm_packed_kernels bsm_packed_amx;

/* Tiles 0 to 3 are the sums, 2 by 2; 4 and 5 hold rows, 6 and 7 outputs. */
enum { SPAN = 2 * BSM_TILE, BAND = 2 * SPAN };

typedef struct tile_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_shapes;

/* The operands of 1 or 2 by 1 or 2 tiles of sums. */
typedef struct block {
    const char *a, *b;
    size_t lda, next_b;         /* bytes from row to row, and to the next 16 outputs */
    size_t depth;               /* in tiles */
    size_t rows[2], outputs[2]; /* of both tiles; 0: there is no second one */
} block;

static block block_at(size_t row, size_t column, size_t m, size_t n, size_t depth)
{
    block x = {.next_b = depth * BSM_TILE_BYTES, .depth = depth};
    for (size_t i = 0; i < 2; i++) {
        size_t r = row + i * BSM_TILE, c = column + i * BSM_TILE;
        x.rows[i] = r < m ? tile_end(r, m) : 0;
        x.outputs[i] = c < n ? tile_end(c, n) : 0;
    }
    return x;
}

/* Configure tiles for exactly the rows and outputs that exist, so that nothing past them is read
 * or written. Does nothing if `now` has that shape already. */
static void shape_tiles(const block *x, block *now)
{
    if (now->rows[0] == x->rows[0] && now->rows[1] == x->rows[1] &&
        now->outputs[0] == x->outputs[0] && now->outputs[1] == x->outputs[1]) {
        return;
    }
    tile_shapes shapes = {.palette = 1};
    for (size_t i = 0; i < 2; i++) {
        const uint8_t rows = (uint8_t)(x->rows[i] ? x->rows[i] : BSM_TILE);
        const uint16_t bytes = (uint16_t)(x->outputs[i] ? 4 * x->outputs[i] : BSM_TILE_ROW);
        shapes.rows[2 * i] = shapes.rows[2 * i + 1] = shapes.rows[4 + i] = rows;
        shapes.row_bytes[i] = shapes.row_bytes[2 + i] = shapes.row_bytes[6 + i] = bytes;
        shapes.row_bytes[4 + i] = BSM_TILE_ROW;
        shapes.rows[6 + i] = BSM_TILE;
    }
    __asm__ volatile("" ::: "memory"); /* because the intrinsics do not declare what they read */
    _tile_loadconfig(&shapes);
    *now = *x;
}

#define MULTIPLY_BLOCK(instruction)                                                                \
    for (size_t k = 0; k < x->depth; k++) {                                                        \
        const char *a = x->a + k * BSM_TILE_ROW, *b = x->b + k * BSM_TILE_BYTES;                   \
        _tile_loadd(4, a, x->lda);                                                                 \
        _tile_loadd(6, b, BSM_TILE_ROW);                                                           \
        instruction(0, 4, 6);                                                                      \
        if (x->outputs[1]) {                                                                       \
            _tile_loadd(7, b + x->next_b, BSM_TILE_ROW);                                           \
            instruction(1, 4, 7);                                                                  \
        }                                                                                          \
        if (x->rows[1]) {                                                                          \
            _tile_loadd(5, a + BSM_TILE * x->lda, x->lda);                                         \
            instruction(2, 5, 6);                                                                  \
        }                                                                                          \
        if (x->rows[1] && x->outputs[1]) {                                                         \
            instruction(3, 5, 7);                                                                  \
        }                                                                                          \
    }

static void clear_sums(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

static void load_sums(const block *x, const float *c, size_t ldc)
{
    const size_t step = ldc * sizeof *c;
    _tile_loadd(0, c, step);
    if (x->outputs[1]) {
        _tile_loadd(1, c + BSM_TILE, step);
    }
    if (x->rows[1]) {
        _tile_loadd(2, c + BSM_TILE * ldc, step);
    }
    if (x->rows[1] && x->outputs[1]) {
        _tile_loadd(3, c + BSM_TILE * ldc + BSM_TILE, step);
    }
}

static void store_sums(const block *x, void *c, size_t step)
{
    char *at = c;
    _tile_stored(0, at, step);
    if (x->outputs[1]) {
        _tile_stored(1, at + BSM_TILE_ROW, step);
    }
    if (x->rows[1]) {
        _tile_stored(2, at + BSM_TILE * step, step);
    }
    if (x->rows[1] && x->outputs[1]) {
        _tile_stored(3, at + BSM_TILE * step + BSM_TILE_ROW, step);
    }
}

static void bf16_block(const bsm_bf16_product *p, size_t row, size_t column, block *now)
{
    block own = block_at(row, column, p->m, p->n, (p->k + BSM_BF16_DEPTH - 1) / BSM_BF16_DEPTH);
    const block *x = &own;
    own.a = (const char *)(p->a + row * p->lda);
    own.lda = p->lda * sizeof *p->a;
    own.b = (const char *)p->b + column / BSM_TILE * own.next_b;
    float *c = p->c + row * p->ldc + column;
    shape_tiles(x, now);
    if (p->beta != 0) {
        load_sums(x, c, p->ldc);
    } else {
        clear_sums();
    }
    MULTIPLY_BLOCK(_tile_dpbf16ps)
    store_sums(x, c, p->ldc * sizeof *c);
}

static void int8_block(const bsm_int8_product *p, size_t row, size_t column, block *now)
{
    block own = block_at(row, column, p->m, p->n, (p->k + BSM_INT8_DEPTH - 1) / BSM_INT8_DEPTH);
    const block *x = &own;
    own.a = (const char *)(p->a + row * p->lda);
    own.lda = p->lda;
    own.b = (const char *)p->b + column / BSM_TILE * own.next_b;
    int32_t sums[SPAN][SPAN];
    shape_tiles(x, now);
    clear_sums();
    MULTIPLY_BLOCK(_tile_dpbusd)
    store_sums(x, sums, sizeof *sums);
    finish_int8(p, row, column, SPAN, sums[0], SPAN);
    if (own.outputs[1]) {
        finish_int8(p, row, column + BSM_TILE, SPAN, sums[0] + BSM_TILE, SPAN);
    }
}

/* Prefetch C. If it is kept for long, it is far away, and it is read row by row rather than as one
 * stream. */
static void fetch_sums(const bsm_bf16_product *p, size_t row, size_t column)
{
    for (size_t i = row; column < p->n && i < p->m && i < row + SPAN; i++) {
        const float *c = p->c + i * p->ldc + column;
        __builtin_prefetch(c, 1);
        __builtin_prefetch(c + BSM_TILE, 1);
    }
}

/* Works on some rows at a time, so that their sums stay in the cache, and the outputs' tiles stay
 * from block to block. Between products the tiles are released, so that a thread switch need not
 * save them. */
static void bf16(const bsm_bf16_product *p)
{
    block now = {0};
    for (size_t first = 0; first < p->m; first += BAND) {
        const size_t end = p->m - first < BAND ? p->m : first + BAND;
        for (size_t column = 0; column < p->n; column += SPAN) {
            for (size_t row = first; row < end; row += SPAN) {
                if (p->beta != 0 || p->far) {
                    fetch_sums(p, row, column + SPAN);
                }
                bf16_block(p, row, column, &now);
            }
        }
    }
    _tile_release();
}

static void int8(const bsm_int8_product *p)
{
    block now = {0};
    for (size_t column = 0; column < p->n; column += SPAN) {
        for (size_t row = 0; row < p->m; row += SPAN) {
            int8_block(p, row, column, &now);
        }
    }
    _tile_release();
}

const bsm_packed_kernels bsm_packed_amx = {.name = "AMX", .bf16 = bf16, .int8 = int8};
