/* SPDX-License-Identifier: ISC */
/* Stands in for the CUDA runtime and cuBLAS, so that the real cuda/gpu.c can be tested on the host.
 * It has the functions that gpu.c calls, with their real declarations, and they do what their
 * documentation says. cuBLAS's products are written for column-major matrices, as in BLAS, so that
 * the tests show whether gpu.c passes its row-major matrices correctly. The program aborts if it
 * does what CUDA forbids (waiting for a stream that is being captured, allocating meanwhile, a row
 * shorter than its matrix, a call for a stream that no longer exists), and if memory is left over
 * at the end. */
#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "exec_stream.h"

struct CUgraph_st {
    std::vector<std::function<void()>> work;
};

struct CUgraphExec_st {
    std::vector<std::function<void()>> work;
};

struct cublasContext {
    cudaStream_t stream;
    void *workspace;
    int mode;
};

namespace
{

std::set<void *> things; /* everything that has to be given back */
size_t launches;         /* launches of graphs */
bool capturing;

void require(bool right, const char *what)
{
    if (!right) {
        std::fprintf(stderr, "fake CUDA: %s\n", what);
        std::abort();
    }
}

template <class T> T *keep(T *thing)
{
    require(!capturing, "something is made while a stream is captured");
    things.insert(thing);
    return thing;
}

void give_back(void *thing)
{
    require(!thing || things.erase(thing) == 1, "something is given back that is not there");
}

bsm_exec_stream *stream_of(cudaStream_t stream)
{
    require(things.count(stream) == 1, "not a stream");
    return reinterpret_cast<bsm_exec_stream *>(stream);
}

struct last_check {
    ~last_check()
    {
        require(things.empty(), "something was not given back");
        require(launches > 0 || std::getenv("BSM_FAKE_WITHOUT_GRAPHS"),
                "no graph was ever launched");
    }
} at_exit;

cudaError_t allocate(void **memory, size_t bytes)
{
    *memory = keep(std::malloc(bytes));
    std::memset(*memory, 0xff, bytes);
    return cudaSuccess;
}

cudaError_t release(void *memory)
{
    require(!capturing, "memory is freed while a stream is captured");
    give_back(memory);
    std::free(memory);
    return cudaSuccess;
}

} // namespace

/* ---- The runtime ---- */

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 3;
    return cudaSuccess;
}

/* The first GPU is too old, and so must not be chosen. */
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *gpu, int device)
{
    *gpu = cudaDeviceProp{};
    std::snprintf(gpu->name, sizeof gpu->name, "fake GPU %d", device);
    gpu->major = device == 0 ? 7 : 9;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    const char *expected = std::getenv("BSM_FAKE_GPU");
    require(device == (expected ? std::atoi(expected) : 1), "the wrong GPU");
    return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t)
{
    return "an error";
}

cudaError_t cudaMemGetInfo(size_t *left, size_t *all)
{
    *left = *all = 0;
    return cudaSuccess;
}

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    return allocate(memory, bytes);
}

cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
    return allocate(memory, bytes);
}

cudaError_t cudaFree(void *memory)
{
    return release(memory);
}

cudaError_t cudaFreeHost(void *memory)
{
    return release(memory);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int)
{
    *stream = reinterpret_cast<cudaStream_t>(keep(new bsm_exec_stream));
    return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    delete stream_of(stream);
    give_back(stream);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    require(!stream_of(stream)->capturing, "waiting for a stream that is captured");
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    static unsigned int asked;
    stream_of(stream);
    return ++asked % 3 ? cudaErrorNotReady : cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind,
                            cudaStream_t stream)
{
    stream_of(stream)->queue([=]() { std::memcpy(to, from, bytes); });
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream)
{
    stream_of(stream)->queue([=]() { std::memset(memory, value, bytes); });
    return cudaSuccess;
}

/* ---- Graphs ---- */

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    require(mode == cudaStreamCaptureModeThreadLocal && !capturing, "capturing");
    capturing = stream_of(stream)->capturing = true;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    require(stream_of(stream)->capturing, "ending what is not captured");
    capturing = stream_of(stream)->capturing = false;
    *graph = keep(new CUgraph_st{std::move(stream_of(stream)->recorded)});
    stream_of(stream)->recorded.clear();
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long)
{
    *exec = keep(new CUgraphExec_st{graph->work});
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    give_back(graph);
    delete graph;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    launches++;
    stream_of(stream)->queue([=]() {
        for (const auto &work : exec->work) {
            work();
        }
    });
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    give_back(exec);
    delete exec;
    return cudaSuccess;
}

/* ---- cuBLAS ---- */

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle)
{
    *handle = keep(new cublasContext{});
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle)
{
    give_back(handle);
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

/* As in cuBLAS, this forgets the workspace. */
cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream)
{
    handle->stream = stream;
    handle->workspace = nullptr;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void *workspace, size_t)
{
    handle->workspace = workspace;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode)
{
    handle->mode = (int)mode;
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusString(cublasStatus_t)
{
    return "a status";
}

namespace
{

float number_at(const void *matrix, long long index, cudaDataType type)
{
    if (type == CUDA_R_32F) {
        return static_cast<const float *>(matrix)[index];
    }
    const uint32_t bits = (uint32_t) static_cast<const uint16_t *>(matrix)[index] << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/* Store a number; bfloat16 is rounded to the nearest number, ties to even. */
void set_number(void *matrix, long long index, cudaDataType type, float value)
{
    if (type == CUDA_R_32F) {
        static_cast<float *>(matrix)[index] = value;
        return;
    }
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    static_cast<uint16_t *>(matrix)[index] = (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

struct operand {
    const void *numbers;
    cudaDataType type;
    cublasOperation_t operation;
    long long leading, stride;

    /* `row` and `column` count after the operation. */
    float at(long long batch, long long row, long long column) const
    {
        const long long in_column = operation == CUBLAS_OP_N ? row : column;
        const long long of_column = operation == CUBLAS_OP_N ? column : row;
        return number_at(numbers, batch * stride + of_column * leading + in_column, type);
    }
};

} // namespace

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t op_a,
                                          cublasOperation_t op_b, int m, int n, int k,
                                          const void *alpha, const void *a, cudaDataType a_type,
                                          int lda, long long stride_a, const void *b,
                                          cudaDataType b_type, int ldb, long long stride_b,
                                          const void *beta, void *c, cudaDataType c_type, int ldc,
                                          long long stride_c, int batches,
                                          cublasComputeType_t compute, cublasGemmAlgo_t)
{
    require(handle->workspace != nullptr, "cuBLAS would allocate its own workspace");
    require(lda >= (op_a == CUBLAS_OP_N ? m : k) && ldb >= (op_b == CUBLAS_OP_N ? k : n) &&
                ldc >= m,
            "a column is longer than from one to the next");
    require(a_type == b_type && (c_type == CUDA_R_32F || c_type == a_type), "types");
    require(a_type == CUDA_R_32F || compute == CUBLAS_COMPUTE_32F, "sums are not float32");
    require((handle->mode & CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION) != 0,
            "parts of a sum may be added up in the result's type");
    require((handle->mode & 0xf) == CUBLAS_DEFAULT_MATH, "a mode overrides the products' type");
    const float factor = *static_cast<const float *>(alpha);
    const float kept = *static_cast<const float *>(beta);
    const operand left = {a, a_type, op_a, lda, stride_a}, right = {b, b_type, op_b, ldb, stride_b};
    stream_of(handle->stream)->queue([=]() {
        for (long long batch = 0; batch < batches; batch++) {
            for (long long row = 0; row < m; row++) {
                for (long long column = 0; column < n; column++) {
                    double sum = 0;
                    for (long long i = 0; i < k; i++) {
                        sum += (double)left.at(batch, row, i) * (double)right.at(batch, i, column);
                    }
                    const long long at = batch * stride_c + column * ldc + row;
                    const float before = kept == 0 ? 0 : kept * number_at(c, at, c_type);
                    set_number(c, at, c_type, factor * (float)sum + before);
                }
            }
        }
    });
    return CUBLAS_STATUS_SUCCESS;
}
