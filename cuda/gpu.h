/* SPDX-License-Identifier: ISC */
/** All that the device asks of CUDA and cuBLAS, but for the kernels: memory, copies, matrix
 *  products and graphs, in the order of one stream. gpu.c does it on a GPU; the tests have the
 *  host play one (tests/cuda/emulated_gpu.cc).
 *
 *  What is queued returns nothing. After a failure nothing more is done, and bsm_gpu_status says
 *  what failed first. Any thread, one at a time. */
#ifndef BSM_CUDA_GPU_H
#define BSM_CUDA_GPU_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/device.h"
#include "bsm/status.h"
#include "kernels.h"

BSM_BEGIN_DECLS

typedef struct bsm_gpu bsm_gpu;

/** One line on the GPU in use, "NVIDIA H100 80GB HBM3, compute capability 9.0, 81 GB" and the
 *  like. BSM_NO_DEVICE: there is no GPU that this module can use, and why. */
bsm_status bsm_gpu_find(char *text, size_t size, bsm_error *error);

/** From now on the GPU in use is number `place` of those that can be used. As
 *  bsm_device_take_gpu. */
bsm_status bsm_gpu_take(size_t place, size_t processes, bsm_error *error);

/** A stream of work, with products of the given precision. BSM_NO_DEVICE, BSM_NO_MEMORY,
 *  BSM_DEVICE_FAILED. */
bsm_status bsm_gpu_new(bsm_precision precision, bsm_gpu **gpu, bsm_error *error);

/** Waits for what is queued. */
void bsm_gpu_free(bsm_gpu *gpu);

/** Make the GPU the calling thread's. Before anything else of a call from outside. */
void bsm_gpu_use(bsm_gpu *gpu);

/** Where kernels are to be queued, and the products' precision. */
bsm_kernel_queue bsm_gpu_queue(const bsm_gpu *gpu);

/** Memory of the GPU, aligned to 256 bytes; `what` is for the message. BSM_NO_MEMORY. */
bsm_status bsm_gpu_allocate(bsm_gpu *gpu, size_t bytes, const char *what, void **memory,
                            bsm_error *error);

/** Memory of the host that the GPU can read and write. BSM_NO_MEMORY. */
bsm_status bsm_gpu_allocate_host(bsm_gpu *gpu, size_t bytes, void **memory, bsm_error *error);

/** Free memory of either kind, which no queued work uses; NULL is allowed. */
void bsm_gpu_release(void *memory);
void bsm_gpu_release_host(void *memory);

/** Copies; the host's memory is of bsm_gpu_allocate_host. */
void bsm_gpu_upload(bsm_gpu *gpu, void *to, const void *host, size_t bytes);
void bsm_gpu_download(bsm_gpu *gpu, void *host, const void *from, size_t bytes);
void bsm_gpu_zero(bsm_gpu *gpu, void *memory, size_t bytes);

/** c = a b + beta c for each of a batch of row-major matrices; a is m x k, b is k x n as they are
 *  after the transpositions. a and b hold values (kernels.h). */
typedef struct bsm_gpu_product {
    size_t m, n, k, batches;
    const void *a, *b;
    void *c;
    size_t lda, ldb, ldc;                /**< from row to row, in numbers */
    size_t stride_a, stride_b, stride_c; /**< from matrix to matrix, in numbers */
    bool transpose_a, transpose_b;
    bool c_is_values; /**< else float32 */
    float beta;
} bsm_gpu_product;
void bsm_gpu_multiply(bsm_gpu *gpu, const bsm_gpu_product *product);

/** Wait until all that was queued is done. */
void bsm_gpu_wait(bsm_gpu *gpu);

/** True while something that was queued is not done; false after a failure. */
bool bsm_gpu_busy(bsm_gpu *gpu);

/** Nothing has failed so far. */
bool bsm_gpu_works(const bsm_gpu *gpu);

/** Something that gpu.h does not know of has failed. */
void bsm_gpu_fail(bsm_gpu *gpu, const char *what, const char *why);

/** BSM_OK, or BSM_DEVICE_FAILED and what failed first. */
bsm_status bsm_gpu_status(bsm_gpu *gpu, bsm_error *error);

/** Record what is queued from here on instead of doing it. */
void bsm_gpu_begin_capture(bsm_gpu *gpu);

/** End the capture. NULL if something could not be captured, which is forgotten with it. */
typedef struct bsm_gpu_graph bsm_gpu_graph;
bsm_gpu_graph *bsm_gpu_end_capture(bsm_gpu *gpu);
void bsm_gpu_replay(bsm_gpu *gpu, bsm_gpu_graph *graph);
void bsm_gpu_graph_free(bsm_gpu_graph *graph);

BSM_END_DECLS

#endif
