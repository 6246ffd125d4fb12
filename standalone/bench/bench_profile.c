/* SPDX-License-Identifier: ISC */
/* Reports how near each module comes to the processor's peak. */
#include <stdlib.h>

#include "bench.h"
#include "device/cpu/matrix.h"
#include "net/place.h"

enum { ROWS = BSM_CHUNK, IN = 256, OUT = 1024, TIMES = 200 };

/* Return the precision that is really used on this processor (bsm_cpu_device_for). */
static bsm_precision own_precision(bsm_precision precision)
{
    if (precision == BSM_PRECISION_INT8 && bsm_packed_int8()) {
        return precision;
    }
    const bool rounds = precision == BSM_PRECISION_INT8 || precision == BSM_PRECISION_BFLOAT16;
    return rounds && bsm_packed_bf16() ? BSM_PRECISION_BFLOAT16 : BSM_PRECISION_FLOAT32;
}

/* Return the least time of a product that stays in the cache, including the rounding of its rows.
 */
static double least_time(const bsm_cpu_matrix *matrix, const bsm_row_space *space, const float *x,
                         float *y)
{
    double least = 1e9;
    const bsm_thread_mode mode = bsm_cpu_enter_thread();
    for (size_t i = 0; i < TIMES; i++) {
        const double start = bench_now();
        bsm_cpu_multiply(bsm_kernels_get(), space, ROWS, x, matrix, 0, y, OUT);
        const double time = bench_now() - start;
        least = time < least ? time : least;
    }
    bsm_cpu_leave_thread(mode);
    return least;
}

static double peak_of_memory(float *values, void *memory, bsm_precision precision)
{
    const bsm_matrix_source source = {
        .values = values, .in = IN, .out = OUT, .in_step = OUT, .out_step = 1};
    bsm_carver carver = {.block = memory};
    const bsm_cpu_matrix matrix = bsm_cpu_matrix_pack(&carver, &source, precision);
    const bsm_row_space space = bsm_row_space_carve(&carver, IN);
    float *y = bsm_carve_floats(&carver, ROWS * OUT);
    for (size_t i = 0; i < IN * OUT; i++) {
        values[i] = (float)(i % 7) / 8;
    }
    return 2e-9 * ROWS * IN * OUT / least_time(&matrix, &space, values, y);
}

bsm_status bench_peak(size_t threads, bsm_precision precision, double *gflops, bsm_error *error)
{
    enum { BYTES = 8 << 20 }; /* more than a product needs */
    bsm_status status = bsm_threads_resolve(threads, &threads, error);
    if (status) {
        return status;
    }
    float *values = calloc(IN * OUT, sizeof *values);
    void *memory = aligned_alloc(BSM_CARVE_ALIGNMENT, BYTES);
    if (!values || !memory) {
        status = bsm_fail(error, BSM_NO_MEMORY, "no memory to measure the processor's peak with");
    } else {
        *gflops = (double)threads * peak_of_memory(values, memory, own_precision(precision));
    }
    free(values);
    free(memory);
    return status;
}
