/* SPDX-License-Identifier: ISC */
/* Stands in for cuFFT, together with fake_cuda.cc, so that the real cuda/fft.c can be tested on the
 * host. It has the functions that fft.c calls, with their real declarations, and they do what their
 * documentation says. The program aborts if it does what they forbid: if a plan is used before it
 * is complete, without its work area, or in the wrong direction, and if plans are left over at the
 * end. */
#include <cufft.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "exec_stream.h"

extern "C" {
#include "signal/fft.h"
}

namespace
{

enum { WORK_BYTES = 1000 };

struct plan {
    bool own_memory = true; /* cuFFT allocates the work area itself */
    bsm_fft *fft = nullptr;
    long long length = 0, batch = 0;
    cufftType type = CUFFT_C2C;
    bsm_exec_stream *stream = nullptr;
    void *work = nullptr;
};

void require(bool right, const char *what)
{
    if (!right) {
        std::fprintf(stderr, "fake cuFFT: %s\n", what);
        std::abort();
    }
}

/* Plans by handle; all have to be destroyed. */
struct plan_table {
    std::map<cufftHandle, plan> plans;
    cufftHandle next = 1;
    ~plan_table()
    {
        require(plans.empty(), "a plan was not given back");
    }
} table;

plan &plan_of(cufftHandle handle)
{
    require(table.plans.count(handle) == 1, "not a plan");
    return table.plans[handle];
}

/* Return a plan that is ready to run in this direction. */
plan &ready(cufftHandle handle, cufftType type)
{
    plan &p = plan_of(handle);
    require(p.fft && p.type == type, "a plan of another kind");
    require(p.stream && p.work, "a plan without a stream or a work area");
    return p;
}

void touch_work(const plan &p)
{
    static_cast<char *>(p.work)[WORK_BYTES - 1] = 1;
}

} // namespace

cufftResult cufftCreate(cufftHandle *handle)
{
    *handle = table.next++;
    table.plans[*handle] = plan{};
    return CUFFT_SUCCESS;
}

cufftResult cufftDestroy(cufftHandle handle)
{
    bsm_fft_free(plan_of(handle).fft);
    table.plans.erase(handle);
    return CUFFT_SUCCESS;
}

cufftResult cufftSetAutoAllocation(cufftHandle handle, int automatic)
{
    require(!plan_of(handle).fft, "auto-allocation is set after the plan is made");
    plan_of(handle).own_memory = automatic != 0;
    return CUFFT_SUCCESS;
}

cufftResult cufftMakePlanMany64(cufftHandle handle, int rank, long long int *n,
                                long long int *inembed, long long int, long long int,
                                long long int *onembed, long long int, long long int,
                                cufftType type, long long int batch, size_t *bytes)
{
    plan &p = plan_of(handle);
    require(rank == 1 && !inembed && !onembed, "only whole rows next to each other are known");
    require(!p.own_memory, "the plan would allocate by itself");
    p.length = n[0];
    p.batch = batch;
    p.type = type;
    *bytes = WORK_BYTES;
    return bsm_fft_new((size_t)n[0], type == CUFFT_C2R, &p.fft, nullptr) ? CUFFT_ALLOC_FAILED
                                                                         : CUFFT_SUCCESS;
}

cufftResult cufftSetStream(cufftHandle handle, cudaStream_t stream)
{
    plan_of(handle).stream = reinterpret_cast<bsm_exec_stream *>(stream);
    return CUFFT_SUCCESS;
}

cufftResult cufftSetWorkArea(cufftHandle handle, void *work)
{
    require(work != nullptr, "no work area");
    plan_of(handle).work = work;
    return CUFFT_SUCCESS;
}

cufftResult cufftExecR2C(cufftHandle handle, cufftReal *in, cufftComplex *out)
{
    const plan p = ready(handle, CUFFT_R2C);
    p.stream->queue([=]() {
        touch_work(p);
        for (long long i = 0; i < p.batch; i++) {
            bsm_fft_forward(p.fft, in + i * p.length,
                            reinterpret_cast<float *>(out + i * (p.length / 2 + 1)));
        }
    });
    return CUFFT_SUCCESS;
}

cufftResult cufftExecC2R(cufftHandle handle, cufftComplex *in, cufftReal *out)
{
    const plan p = ready(handle, CUFFT_C2R);
    p.stream->queue([=]() {
        touch_work(p);
        for (long long i = 0; i < p.batch; i++) {
            bsm_fft_inverse(p.fft, reinterpret_cast<float *>(in + i * (p.length / 2 + 1)),
                            out + i * p.length);
        }
    });
    return CUFFT_SUCCESS;
}
