/* SPDX-License-Identifier: ISC */
/* Provides the cuBLAS functions that the device uses as very simple kernels, to be preloaded
 * instead of cuBLAS. Under racecheck, cuBLAS's own kernels are reported, and fail to run. */
#pragma GCC visibility push(default)
#include <cublas_v2.h>
#pragma GCC visibility pop
#include <cuda_bf16.h>
#include <cuda_runtime.h>

struct cublasContext {
    cudaStream_t stream;
};

/* A batch of column-major matrices, of float or bfloat16. */
struct matrices {
    void *data;
    bool bf16, transposed;
    long long leading, stride;

    __device__ size_t at(int row, int column, unsigned int batch) const
    {
        return batch * stride + (transposed ? row * leading + column : column * leading + row);
    }
    __device__ float get(int row, int column, unsigned int batch) const
    {
        const size_t i = at(row, column, batch);
        return bf16 ? __bfloat162float(((const __nv_bfloat16 *)data)[i]) : ((const float *)data)[i];
    }
    __device__ void set(int row, int column, unsigned int batch, float value) const
    {
        const size_t i = at(row, column, batch);
        if (bf16) {
            ((__nv_bfloat16 *)data)[i] = __float2bfloat16(value);
        } else {
            ((float *)data)[i] = value;
        }
    }
};

static __global__ void multiply(matrices a, matrices b, matrices c, int m, int n, int k, float beta)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)m * n) {
        return;
    }
    const int row = (int)(i % m), column = (int)(i / m);
    float sum = beta == 0 ? 0 : beta * c.get(row, column, blockIdx.y);
    for (int j = 0; j < k; j++) {
        sum += a.get(row, j, blockIdx.y) * b.get(j, column, blockIdx.y);
    }
    c.set(row, column, blockIdx.y, sum);
}

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t *handle)
{
    *handle = new cublasContext();
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle)
{
    delete handle;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream)
{
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t, void *, size_t)
{
    return CUBLAS_STATUS_SUCCESS;
}

const char *cublasGetStatusString(cublasStatus_t)
{
    return "a plain product failed";
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t transa,
                                          cublasOperation_t transb, int m, int n, int k,
                                          const void *, const void *a, cudaDataType_t type_a,
                                          int lda, long long stride_a, const void *b,
                                          cudaDataType_t type_b, int ldb, long long stride_b,
                                          const void *beta, void *c, cudaDataType_t type_c, int ldc,
                                          long long stride_c, int batches, cublasComputeType_t,
                                          cublasGemmAlgo_t)
{
    enum { THREADS = 128 };
    const matrices of_a = {const_cast<void *>(a), type_a == CUDA_R_16BF, transa != CUBLAS_OP_N, lda,
                           stride_a};
    const matrices of_b = {const_cast<void *>(b), type_b == CUDA_R_16BF, transb != CUBLAS_OP_N, ldb,
                           stride_b};
    const matrices of_c = {c, type_c == CUDA_R_16BF, false, ldc, stride_c};
    const dim3 grid((unsigned int)(((size_t)m * n + THREADS - 1) / THREADS), (unsigned int)batches);
    multiply<<<grid, THREADS, 0, handle->stream>>>(of_a, of_b, of_c, m, n, k,
                                                   *static_cast<const float *>(beta));
    return cudaGetLastError() ? CUBLAS_STATUS_EXECUTION_FAILED : CUBLAS_STATUS_SUCCESS;
}
}
