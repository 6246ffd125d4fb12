/* SPDX-License-Identifier: ISC */
/** The interface to CUDA and cuBLAS for everything but kernels: memory, copies, matrix products and
 *  graphs, in the order of one stream. gpu.c implements it on a GPU; in the tests the host emulates
 *  a GPU (tests/cuda/emulated_gpu.cc).
 *
 *  Functions that queue work return no status. After a failure, further work is skipped, and
 *  bsm_gpu_status reports the first failure. Any thread, one at a time. */
#ifndef BSM_CUDA_GPU_H
#define BSM_CUDA_GPU_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/device.h"
#include "bsm/status.h"
#include "kernels.h"

BSM_BEGIN_DECLS

typedef struct bsm_gpu bsm_gpu;

/** Describe the GPU in use in one line, such as "NVIDIA H100 80GB HBM3, compute capability 9.0, 81
 *  GB". BSM_NO_DEVICE, and why, if there is no GPU that this module can use. */
bsm_status bsm_gpu_find(char *text, size_t size, bsm_error *error);

/** Use GPU number `place` of the usable ones from now on. See bsm_device_take_gpu. */
bsm_status bsm_gpu_take(size_t place, size_t processes, bsm_error *error);

/** Create a stream of work whose products have the given precision. BSM_NO_DEVICE, BSM_NO_MEMORY,
 *  BSM_DEVICE_FAILED. */
bsm_status bsm_gpu_new(bsm_precision precision, bsm_gpu **gpu, bsm_error *error);

/** Wait for the queued work, then free the stream. */
void bsm_gpu_free(bsm_gpu *gpu);

/** Make the GPU current for the calling thread. Every call from outside the device must begin with
 *  this. */
void bsm_gpu_use(bsm_gpu *gpu);

/** The stream that kernels are queued on, and the precision of the products. */
bsm_kernel_queue bsm_gpu_queue(const bsm_gpu *gpu);

/** Allocate memory of the GPU, aligned to 256 bytes; `what` is for the message. BSM_NO_MEMORY. */
bsm_status bsm_gpu_allocate(bsm_gpu *gpu, size_t bytes, const char *what, void **memory,
                            bsm_error *error);

/** Allocate memory of the host that the GPU can read and write. BSM_NO_MEMORY. */
bsm_status bsm_gpu_allocate_host(bsm_gpu *gpu, size_t bytes, void **memory, bsm_error *error);

/** Free memory of either kind, which no queued work may use any more; NULL is allowed. */
void bsm_gpu_release(void *memory);
void bsm_gpu_release_host(void *memory);

/** Queue a copy; the host's memory must come from bsm_gpu_allocate_host. */
void bsm_gpu_upload(bsm_gpu *gpu, void *to, const void *host, size_t bytes);
void bsm_gpu_download(bsm_gpu *gpu, void *host, const void *from, size_t bytes);
void bsm_gpu_zero(bsm_gpu *gpu, void *memory, size_t bytes);

/** Row-major matrices of a batch that a product reads: the first one's numbers, the distance
 *  between rows and that between matrices, in numbers. They hold values (see kernels.h). */
typedef struct bsm_gpu_matrix {
    const void *at;
    size_t ld, stride;
    bool transposed;
} bsm_gpu_matrix;

static inline bsm_gpu_matrix bsm_gpu_in(const void *at, size_t ld, size_t stride)
{
    bsm_gpu_matrix matrix = {at, ld, stride, false};
    return matrix;
}

static inline bsm_gpu_matrix bsm_gpu_transposed(const void *at, size_t ld, size_t stride)
{
    bsm_gpu_matrix matrix = {at, ld, stride, true};
    return matrix;
}

/** Row-major matrices of a batch that a product writes, as bsm_gpu_matrix. */
typedef struct bsm_gpu_sums {
    void *at;
    size_t ld, stride;
    bool are_values; /**< otherwise they are float32 */
} bsm_gpu_sums;

static inline bsm_gpu_sums bsm_gpu_out(float *at, size_t ld, size_t stride)
{
    bsm_gpu_sums sums = {at, ld, stride, false};
    return sums;
}

static inline bsm_gpu_sums bsm_gpu_out_values(void *at, size_t ld, size_t stride)
{
    bsm_gpu_sums sums = {at, ld, stride, true};
    return sums;
}

typedef struct bsm_gpu_sizes {
    size_t m, n, k, batches;
} bsm_gpu_sizes;

/** Queue c = a b + beta c for each matrix of a batch. After the transpositions, a is m x k and b is
 *  k x n. */
void bsm_gpu_multiply(bsm_gpu *gpu, bsm_gpu_sizes sizes, bsm_gpu_matrix a, bsm_gpu_matrix b,
                      float beta, bsm_gpu_sums c);

/** Wait until all queued work is done. */
void bsm_gpu_wait(bsm_gpu *gpu);

/** Return true while queued work is not done; false after a failure. */
bool bsm_gpu_busy(bsm_gpu *gpu);

/** Return true if nothing has failed so far. */
bool bsm_gpu_works(const bsm_gpu *gpu);

/** Report a failure that happened outside this interface. */
void bsm_gpu_fail(bsm_gpu *gpu, const char *what, const char *why);

/** Return BSM_OK, or BSM_DEVICE_FAILED with the first failure. */
bsm_status bsm_gpu_status(bsm_gpu *gpu, bsm_error *error);

/** Capture the work that is queued from here on instead of doing it. */
void bsm_gpu_begin_capture(bsm_gpu *gpu);

/** End the capture and return its graph. NULL if something could not be captured; that failure is
 *  then forgotten. */
typedef struct bsm_gpu_graph bsm_gpu_graph;
bsm_gpu_graph *bsm_gpu_end_capture(bsm_gpu *gpu);
void bsm_gpu_replay(bsm_gpu *gpu, bsm_gpu_graph *graph);
void bsm_gpu_graph_free(bsm_gpu_graph *graph);

BSM_END_DECLS

#endif
