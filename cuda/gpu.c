/* SPDX-License-Identifier: ISC */
/* Implements gpu.h with CUDA and cuBLAS. */
#include "gpu.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* CUBLAS_MEMORY: bytes of workspace for cuBLAS, which must not allocate any itself during a
 * capture. OLDEST_MAJOR: the oldest major compute capability that is supported. */
enum { CUBLAS_MEMORY = 32 << 20, OLDEST_MAJOR = 8 };

struct bsm_gpu {
    cudaStream_t stream;
    cublasHandle_t cublas;
    void *cublas_memory;
    bsm_precision precision;
    bool capturing;
    bsm_error failure; /* the first failure; its status is BSM_OK if there was none */
};

struct bsm_gpu_graph {
    cudaGraphExec_t executable;
};

/* ---- Which GPU ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int chosen = -1;
static size_t wanted; /* how many usable GPUs before the chosen one are left to other processes */

static void describe(const struct cudaDeviceProp *gpu, char *text, size_t size)
{
    bsm_format_line(text, size, "%s, compute capability %d.%d, %.0f GB", gpu->name, gpu->major,
                    gpu->minor, (double)gpu->totalGlobalMem * 1e-9);
}

/* Choose GPU number `place` of those that are new enough, and describe it in `text`. If there are
 * fewer, *usable is their number, and `text` describes the last GPU of the machine. */
static bsm_status look_for(int count, size_t place, size_t *usable, char *text, size_t size,
                           bsm_error *error)
{
    *usable = 0;
    for (int i = 0; i < count; i++) {
        struct cudaDeviceProp gpu;
        cudaError_t status = cudaGetDeviceProperties(&gpu, i);
        if (status) {
            return bsm_fail(error, BSM_NO_DEVICE, "cuda: GPU %d: %s", i,
                            cudaGetErrorString(status));
        }
        describe(&gpu, text, size);
        *usable += gpu.major >= OLDEST_MAJOR;
        if (*usable > place) {
            chosen = i;
            return BSM_OK;
        }
    }
    return *usable ? BSM_OK
                   : bsm_fail(error, BSM_NO_DEVICE, "cuda: %s: too old, %d.0 is needed", text,
                              OLDEST_MAJOR);
}

static bsm_status count_gpus(int *count, bsm_error *error)
{
    *count = 0;
    cudaError_t status = cudaGetDeviceCount(count);
    if (status) {
        cudaGetLastError(); /* the next caller of cudaGetLastError must not find it again */
        return bsm_fail(error, BSM_NO_DEVICE, "cuda: no GPU: %s", cudaGetErrorString(status));
    }
    return *count ? BSM_OK : bsm_fail(error, BSM_NO_DEVICE, "cuda: no GPU");
}

bsm_status bsm_gpu_find(char *text, size_t size, bsm_error *error)
{
    int count;
    size_t usable;
    bsm_status status = count_gpus(&count, error);
    if (!status) {
        pthread_mutex_lock(&lock);
        status = look_for(count, wanted, &usable, text, size, error);
        pthread_mutex_unlock(&lock);
    }
    return status;
}

bsm_status bsm_gpu_take(size_t place, size_t processes, bsm_error *error)
{
    int count;
    size_t usable;
    char text[160];
    bsm_status status = count_gpus(&count, error);
    if (status) {
        return status;
    }
    pthread_mutex_lock(&lock);
    status = look_for(count, processes - 1, &usable, text, sizeof text, error);
    if (!status && usable < processes) {
        status = bsm_fail(error, BSM_INVALID_ARGUMENT,
                          "cuda: %zu processes on this machine, and %zu of its GPUs to be used: "
                          "each needs one of its own",
                          processes, usable);
    }
    if (!status) {
        wanted = place;
        status = look_for(count, place, &usable, text, sizeof text, error);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

static int chosen_gpu(void)
{
    pthread_mutex_lock(&lock);
    int gpu = chosen;
    pthread_mutex_unlock(&lock);
    return gpu;
}

/* ---- Failures ---- */

void bsm_gpu_fail(bsm_gpu *gpu, const char *what, const char *why)
{
    if (!gpu->failure.status) {
        bsm_fail(&gpu->failure, BSM_DEVICE_FAILED, "cuda: %s: %s", what, why);
    }
}

bool bsm_gpu_works(const bsm_gpu *gpu)
{
    return !gpu->failure.status;
}

static void check(bsm_gpu *gpu, cudaError_t status, const char *what)
{
    if (status) {
        bsm_gpu_fail(gpu, what, cudaGetErrorString(status));
    }
}

static void check_cublas(bsm_gpu *gpu, cublasStatus_t status, const char *what)
{
    if (status != CUBLAS_STATUS_SUCCESS) {
        bsm_gpu_fail(gpu, what, cublasGetStatusString(status));
    }
}

/* Launching a kernel returns no status; errors of launches are found here. */
bsm_status bsm_gpu_status(bsm_gpu *gpu, bsm_error *error)
{
    check(gpu, cudaGetLastError(), "a kernel");
    return gpu->failure.status ? bsm_fail(error, gpu->failure.status, "%s", gpu->failure.message)
                               : BSM_OK;
}

/* ---- Opening ---- */

void bsm_gpu_use(bsm_gpu *gpu)
{
    check(gpu, cudaSetDevice(chosen_gpu()), "choosing the GPU");
}

/* If a product's result is bfloat16, cuBLAS may by default add up partial results in bfloat16, too;
 * this mode forbids it. TF32 is chosen for each product (multiply_some), never by this mode. */
static void open_cublas(bsm_gpu *gpu)
{
    const int mode = CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
    check_cublas(gpu, cublasCreate(&gpu->cublas), "opening cuBLAS");
    if (bsm_gpu_works(gpu)) {
        check_cublas(gpu, cublasSetMathMode(gpu->cublas, (cublasMath_t)mode), "cuBLAS's sums");
        check_cublas(gpu, cublasSetStream(gpu->cublas, gpu->stream), "cuBLAS's stream");
        check_cublas(gpu, cublasSetWorkspace(gpu->cublas, gpu->cublas_memory, CUBLAS_MEMORY),
                     "cuBLAS's memory");
    }
}

bsm_status bsm_gpu_new(bsm_precision precision, bsm_gpu **out, bsm_error *error)
{
    char text[160];
    bsm_status status = bsm_gpu_find(text, sizeof text, error);
    if (status) {
        return status;
    }
    bsm_gpu *gpu = calloc(1, sizeof *gpu);
    if (!gpu) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a GPU");
    }
    gpu->precision = precision;
    bsm_gpu_use(gpu);
    if (bsm_gpu_works(gpu)) {
        check(gpu, cudaStreamCreateWithFlags(&gpu->stream, cudaStreamNonBlocking), "a stream");
    }
    if (bsm_gpu_works(gpu)) {
        status = bsm_gpu_allocate(gpu, CUBLAS_MEMORY, "cuBLAS", &gpu->cublas_memory, error);
    }
    if (!status && bsm_gpu_works(gpu)) {
        open_cublas(gpu);
    }
    status = status ? status : bsm_gpu_status(gpu, error);
    if (status) {
        bsm_gpu_free(gpu);
        return status;
    }
    *out = gpu;
    return BSM_OK;
}

void bsm_gpu_free(bsm_gpu *gpu)
{
    if (!gpu) {
        return;
    }
    cudaSetDevice(chosen_gpu());
    if (gpu->stream) {
        cudaStreamSynchronize(gpu->stream);
    }
    if (gpu->cublas) {
        cublasDestroy(gpu->cublas);
    }
    bsm_gpu_release(gpu->cublas_memory);
    if (gpu->stream) {
        cudaStreamDestroy(gpu->stream);
    }
    cudaGetLastError(); /* errors of a broken GPU must not outlive it */
    free(gpu);
}

bsm_kernel_queue bsm_gpu_queue(const bsm_gpu *gpu)
{
    return (bsm_kernel_queue){.stream = gpu->stream,
                              .bf16 = gpu->precision == BSM_PRECISION_BFLOAT16};
}

/* ---- Memory ---- */

/* Running out of memory does not harm the GPU, so the error is cleared. */
static bsm_status allocation_failed(cudaError_t status, size_t bytes, const char *what,
                                    bsm_error *error)
{
    size_t left = 0, all = 0;
    cudaGetLastError();
    if (status != cudaErrorMemoryAllocation) {
        return bsm_fail(error, BSM_DEVICE_FAILED, "cuda: memory for %s: %s", what,
                        cudaGetErrorString(status));
    }
    if (cudaMemGetInfo(&left, &all)) {
        cudaGetLastError();
    }
    return bsm_fail(error, BSM_NO_MEMORY,
                    "cuda: no memory for %s: %zu MB needed, %zu MB of %zu MB left", what,
                    bytes / 1000000, left / 1000000, all / 1000000);
}

bsm_status bsm_gpu_allocate(bsm_gpu *gpu, size_t bytes, const char *what, void **memory,
                            bsm_error *error)
{
    (void)gpu;
    *memory = NULL;
    cudaError_t status = cudaMalloc(memory, bytes);
    return status ? allocation_failed(status, bytes, what, error) : BSM_OK;
}

bsm_status bsm_gpu_allocate_host(bsm_gpu *gpu, size_t bytes, void **memory, bsm_error *error)
{
    (void)gpu;
    *memory = NULL;
    cudaError_t status = cudaMallocHost(memory, bytes);
    return status ? allocation_failed(status, bytes, "the host's side", error) : BSM_OK;
}

/* This needs no bsm_gpu_use, because CUDA knows which GPU memory belongs to. A GPU that has failed
 * cannot free memory; that error is dropped. */
void bsm_gpu_release(void *memory)
{
    if (memory && cudaFree(memory)) {
        cudaGetLastError();
    }
}

void bsm_gpu_release_host(void *memory)
{
    if (memory && cudaFreeHost(memory)) {
        cudaGetLastError();
    }
}

void bsm_gpu_upload(bsm_gpu *gpu, void *to, const void *host, size_t bytes)
{
    if (bsm_gpu_works(gpu)) {
        check(gpu, cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, gpu->stream),
              "copying to the GPU");
    }
}

void bsm_gpu_download(bsm_gpu *gpu, void *host, const void *from, size_t bytes)
{
    if (bsm_gpu_works(gpu)) {
        check(gpu, cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, gpu->stream),
              "copying from the GPU");
    }
}

void bsm_gpu_zero(bsm_gpu *gpu, void *memory, size_t bytes)
{
    if (bsm_gpu_works(gpu)) {
        check(gpu, cudaMemsetAsync(memory, 0, bytes, gpu->stream), "zeroing memory");
    }
}

/* ---- Products ---- */

static size_t bytes_of(cudaDataType_t type)
{
    return type == CUDA_R_16BF ? 2 : sizeof(float);
}

static const void *matrix_at(bsm_gpu_matrix matrix, size_t index, cudaDataType_t type)
{
    return (const unsigned char *)matrix.at + index * matrix.stride * bytes_of(type);
}

/* Multiply the batch's matrices from `first` on. cuBLAS expects column-major matrices, so it
 * computes the transposed product: c' = b' a'. */
static void multiply_some(bsm_gpu *gpu, bsm_gpu_sizes sizes, size_t first, bsm_gpu_matrix a,
                          bsm_gpu_matrix b, float beta, bsm_gpu_sums c)
{
    const float one = 1;
    bool bf16 = gpu->precision == BSM_PRECISION_BFLOAT16;
    cudaDataType_t values = bf16 ? CUDA_R_16BF : CUDA_R_32F;
    cudaDataType_t c_type = c.are_values ? values : CUDA_R_32F;
    cublasStatus_t status = cublasGemmStridedBatchedEx(
        gpu->cublas, b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
        a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N, (int)sizes.n, (int)sizes.m, (int)sizes.k, &one,
        matrix_at(b, first, values), values, (int)b.ld, (long long)b.stride,
        matrix_at(a, first, values), values, (int)a.ld, (long long)a.stride, &beta,
        (unsigned char *)c.at + first * c.stride * bytes_of(c_type), c_type, (int)c.ld,
        (long long)c.stride, (int)sizes.batches,
        gpu->precision == BSM_PRECISION_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
        CUBLAS_GEMM_DEFAULT);
    check_cublas(gpu, status, "a matrix product");
}

void bsm_gpu_multiply(bsm_gpu *gpu, bsm_gpu_sizes sizes, bsm_gpu_matrix a, bsm_gpu_matrix b,
                      float beta, bsm_gpu_sums c)
{
    enum { MOST_BATCHES = 32768 }; /* the third dimension of a grid has at most 65535 blocks */
    const size_t batches = sizes.batches;
    for (size_t first = 0; first < batches && bsm_gpu_works(gpu); first += MOST_BATCHES) {
        sizes.batches = batches - first < MOST_BATCHES ? batches - first : MOST_BATCHES;
        multiply_some(gpu, sizes, first, a, b, beta, c);
    }
}

/* ---- Order ---- */

void bsm_gpu_wait(bsm_gpu *gpu)
{
    if (bsm_gpu_works(gpu)) {
        check(gpu, cudaStreamSynchronize(gpu->stream), "waiting for the GPU");
    }
}

bool bsm_gpu_busy(bsm_gpu *gpu)
{
    if (!bsm_gpu_works(gpu)) {
        return false;
    }
    cudaError_t status = cudaStreamQuery(gpu->stream);
    if (status == cudaErrorNotReady) {
        cudaGetLastError(); /* not being ready is no failure */
        return true;
    }
    check(gpu, status, "waiting for the GPU");
    return false;
}

/* The mode allows other threads to allocate during the capture. */
void bsm_gpu_begin_capture(bsm_gpu *gpu)
{
    if (bsm_gpu_works(gpu)) {
        check(gpu, cudaStreamBeginCapture(gpu->stream, cudaStreamCaptureModeThreadLocal),
              "capturing");
        gpu->capturing = bsm_gpu_works(gpu);
    }
}

static bsm_gpu_graph *instantiate(cudaGraph_t captured)
{
    bsm_gpu_graph *graph = calloc(1, sizeof *graph);
    if (graph && cudaGraphInstantiate(&graph->executable, captured, 0)) {
        free(graph);
        graph = NULL;
    }
    return graph;
}

/* An error that occurs only because of the capture does not harm the GPU, so it is cleared. */
bsm_gpu_graph *bsm_gpu_end_capture(bsm_gpu *gpu)
{
    cudaGraph_t captured = NULL;
    if (!gpu->capturing) {
        return NULL;
    }
    gpu->capturing = false;
    bool whole = !cudaStreamEndCapture(gpu->stream, &captured) && bsm_gpu_works(gpu);
    bsm_gpu_graph *graph = whole ? instantiate(captured) : NULL;
    if (captured) {
        cudaGraphDestroy(captured);
    }
    cudaGetLastError();
    gpu->failure.status = BSM_OK;
    return graph;
}

void bsm_gpu_replay(bsm_gpu *gpu, bsm_gpu_graph *graph)
{
    if (bsm_gpu_works(gpu)) {
        check(gpu, cudaGraphLaunch(graph->executable, gpu->stream), "replaying a graph");
    }
}

void bsm_gpu_graph_free(bsm_gpu_graph *graph)
{
    if (graph) {
        cudaGraphExecDestroy(graph->executable);
        free(graph);
    }
}
