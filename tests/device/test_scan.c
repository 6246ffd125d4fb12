/* SPDX-License-Identifier: ISC */
/* Tests the scan alone against the golden cases, sequentially and in chunks, on every instruction
 * set; and in bfloat16 against itself in float32. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/mixer.h"
#include "device/reference/modules.h"
#include "device/scan_case.h"
#include "noise.h"

static void run_sequential(const scan_case *c, float *y, float *state)
{
    size_t inner = c->config.dim, heads = bsm_config_heads(&c->config), N = c->config.d_state;
    memcpy(state, c->state_in.data, c->state_in.count * sizeof *state);
    for (size_t b = 0; b < c->batch; b++) {
        for (size_t t = b * c->steps; t < (b + 1) * c->steps; t++) {
            bsm_reference_scan_step(&c->config, c->x.data + t * inner, c->dt.data + t * heads,
                                    c->A.data, c->B.data + t * N, c->C.data + t * N, c->D.data,
                                    state + b * inner * N, y + t * inner);
        }
    }
}

/* Load x | B | C of some steps, as the convolution leaves them. */
static void load_chunk(const scan_case *c, size_t first, size_t rows, float *xbc)
{
    size_t inner = c->config.dim, N = c->config.d_state;
    for (size_t t = first; t < first + rows; t++, xbc += bsm_cpu_ld(inner + 2 * N)) {
        memcpy(xbc, c->x.data + t * inner, inner * sizeof *xbc);
        memcpy(xbc + inner, c->B.data + t * N, N * sizeof *xbc);
        memcpy(xbc + inner + N, c->C.data + t * N, N * sizeof *xbc);
    }
}

/* Return the inverse of softplus, because the kernel applies softplus itself. */
static float *inverse_softplus(const golden_tensor *dt)
{
    float *raw = malloc(dt->count * sizeof *raw);
    assert_non_null(raw);
    for (size_t i = 0; i < dt->count; i++) {
        raw[i] = (float)log(expm1((double)dt->data[i]));
    }
    return raw;
}

static void transpose(size_t rows, size_t columns, const float *in, size_t ld_in, float *out,
                      size_t ld_out)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t c = 0; c < columns; c++) {
            out[c * ld_out + r] = in[r * ld_in + c];
        }
    }
}

static void run_chunks_of(const scan_case *c, const bsm_cpu_tile *tile, size_t b, const float *raw,
                          bsm_cpu_state *state, float *y)
{
    size_t inner = c->config.dim, heads = bsm_config_heads(&c->config);
    float no_bias[64] = {0};
    assert_true(heads <= 64);
    for (size_t t = 0; t < c->steps; t += BSM_CHUNK) {
        size_t rows = c->steps - t < BSM_CHUNK ? c->steps - t : BSM_CHUNK;
        size_t first = b * c->steps + t;
        load_chunk(c, first, rows, tile->xbc);
        tile->kernels->decays(rows, heads, raw + first * heads, heads, no_bias, c->A.data,
                              &tile->decay);
        bsm_cpu_scan_chunk(tile, rows, c->D.data, state, false, y + first * inner);
    }
}

static void run_chunked(const scan_case *c, const bsm_kernels *kernels, float *y, float *state_out)
{
    size_t inner = c->config.dim, N = c->config.d_state;
    void *memory = aligned_alloc(64, bsm_cpu_tile_size(&c->config));
    float *state_memory = calloc(bsm_cpu_state_size(&c->config), sizeof *state_memory);
    assert_non_null(memory);
    assert_non_null(state_memory);
    /* NaN, because nothing may be read before it is written */
    memset(memory, 0xff, bsm_cpu_tile_size(&c->config));
    bsm_cpu_tile tile = bsm_cpu_tile_at(&c->config, kernels, memory);
    float *raw = inverse_softplus(&c->dt);
    for (size_t b = 0; b < c->batch; b++) {
        bsm_cpu_state state = bsm_cpu_state_at(&c->config, state_memory);
        transpose(inner, N, c->state_in.data + b * inner * N, N, state.S, bsm_cpu_ld(inner));
        run_chunks_of(c, &tile, b, raw, &state, y);
        transpose(N, inner, state.S, bsm_cpu_ld(inner), state_out + b * inner * N, N);
    }
    free(raw);
    free(state_memory);
    free(memory);
}

static void check_case(const golden *file, char letter)
{
    scan_case c = scan_case_load(file, letter);
    float *y = malloc(c.y.count * sizeof *y);
    float *state = malloc(c.state_out.count * sizeof *state);
    assert_non_null(y);
    assert_non_null(state);

    run_sequential(&c, y, state);
    assert_true(golden_relative_error(y, c.y.data, c.y.count) < 1e-6);
    assert_true(golden_relative_error(state, c.state_out.data, c.state_out.count) < 1e-6);

    for (size_t i = 0; bsm_kernels_at(i); i++) {
        run_chunked(&c, bsm_kernels_at(i), y, state);
        assert_true(golden_relative_error(y, c.y.data, c.y.count) < 2e-6);
        assert_true(golden_relative_error(state, c.state_out.data, c.state_out.count) < 2e-6);
    }
    free(y);
    free(state);
}

static void test_golden_cases(void **unused)
{
    (void)unused;
    golden *file = golden_open("ssd.safetensors");
    for (char letter = 'a'; letter <= 'd'; letter++) {
        check_case(file, letter);
    }
    golden_close(file);
}

/* ---- In bfloat16 ---- */

enum { HEADS = 3, HEADDIM = 32, INNER = HEADS * HEADDIM, STATES = 64, CHUNKS = 5 };

static const size_t chunk_rows[CHUNKS] = {64, 62, 1, 33, 25};

static bsm_config whole_tiles(void)
{
    return (bsm_config){
        .dim = INNER, .expand = 1, .headdim = HEADDIM, .d_state = STATES, .d_conv = 1};
}

/* Carry a state through chunks of noise; the second chunk yields no y. */
static void run_noise(const bsm_kernels *kernels, bool rounds, float *y)
{
    const bsm_config config = whole_tiles();
    const float A[HEADS] = {-1, -4, -16}, D[HEADS] = {1, 0.9f, 1.1f}, no_bias[HEADS] = {0};
    void *memory = aligned_alloc(64, bsm_cpu_tile_size(&config));
    float *state_memory = aligned_alloc(64, (bsm_cpu_state_size(&config) + 15) / 16 * 64);
    assert_non_null(memory);
    assert_non_null(state_memory);
    /* NaN, because nothing may be read before it is written */
    memset(memory, 0xff, bsm_cpu_tile_size(&config));
    memset(state_memory, 0xff, bsm_cpu_state_size(&config) * sizeof *state_memory);
    bsm_cpu_tile tile = bsm_cpu_tile_at(&config, kernels, memory);
    bsm_cpu_state state = bsm_cpu_state_at(&config, state_memory);
    tile.rounds = rounds;
    state.zero = true;
    uint64_t seed = 3;
    for (size_t c = 0; c < CHUNKS; c++) {
        float raw[BSM_CHUNK * HEADS];
        noise_fill(&seed, raw, BSM_CHUNK * HEADS);
        for (size_t i = 0; i < BSM_CHUNK * HEADS; i++) {
            raw[i] = raw[i] * 2 - 3;
        }
        for (size_t r = 0; r < chunk_rows[c]; r++) {
            noise_fill(&seed, tile.xbc + r * bsm_cpu_ld(INNER + 2 * STATES), INNER + 2 * STATES);
        }
        kernels->decays(chunk_rows[c], HEADS, raw, HEADS, no_bias, A, &tile.decay);
        bsm_cpu_scan_chunk(&tile, chunk_rows[c], D, &state, c + 1 == CHUNKS, c == 1 ? NULL : y);
        y += c == 1 ? 0 : chunk_rows[c] * INNER;
    }
    free(memory);
    free(state_memory);
}

static void test_bfloat16(void **unused)
{
    (void)unused;
    enum { COUNT = (64 + 1 + 33 + 25) * INNER };
    static float exact[COUNT], rounded[COUNT];
    if (!bsm_packed_bf16()) {
        print_message("skipped: no products of bfloat16 that are worth it here\n");
        skip();
    }
    for (size_t i = 0; bsm_kernels_at(i); i++) {
        run_noise(bsm_kernels_at(i), false, exact);
        run_noise(bsm_kernels_at(i), true, rounded);
        const double error = golden_relative_error(rounded, exact, COUNT);
        if (!(error > 1e-4 && error < 0.005)) {
            fail_msg("%s: off by %g", bsm_kernels_at(i)->name, error);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_cases),
                                       cmocka_unit_test(test_bfloat16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
