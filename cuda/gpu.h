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

/** c = a b + beta c for each of a batch of row-major matrices. After the transpositions, a is m x k
 *  and b is k x n. a and b hold values (see kernels.h). */
typedef struct bsm_gpu_product {
    size_t m, n, k, batches;
    const void *a, *b;
    void *c;
    size_t lda, ldb, ldc;                /**< distance between rows, in numbers */
    size_t stride_a, stride_b, stride_c; /**< distance between matrices, in numbers */
    bool transpose_a, transpose_b;
    bool c_is_values; /**< otherwise c is float32 */
    float beta;
} bsm_gpu_product;
void bsm_gpu_multiply(bsm_gpu *gpu, const bsm_gpu_product *product);

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
