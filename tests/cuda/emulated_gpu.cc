/* SPDX-License-Identifier: ISC */
/* Emulates a GPU on the host: implements everything in gpu.h with plain loops, graphs included.
 *
 * The "GPU's memory" is accessible only while queued work runs, so that the device's own code
 * cannot read or write it by mistake. It starts out as NaN. Networks may be used from several
 * threads; only one piece of work runs at a time. */
#include "emulated_gpu.h"

#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <vector>

#include "exec_stream.h"
#include "gpu.h"
#include "value.h"

static emulated_gpu two_gpus()
{
    emulated_gpu played = {};
    played.gpus = 2;
    return played;
}

emulated_gpu the_emulated_gpu = two_gpus();

struct bsm_gpu {
    bsm_precision precision;
    bsm_exec_stream stream;
    bool failed;
    bool cannot_record; /* set if what is being captured now cannot be captured */
};

struct bsm_gpu_graph {
    std::vector<std::function<void()>> work;
};

namespace
{

std::recursive_mutex turn; /* guards everything below, running work, and the_emulated_gpu */
std::map<void *, size_t> mappings;
int inside; /* nesting depth of running work */

using my_turn = std::lock_guard<std::recursive_mutex>;

/* The protection key of the GPU's memory, or -1 where the processor has none. It opens all memory
 * to one thread without a system call, where mprotect has to visit every page. */
const int key = pkey_alloc(0, PKEY_DISABLE_ACCESS);

void set_access(bool open)
{
    if (key >= 0) {
        pkey_set(key, open ? 0 : PKEY_DISABLE_ACCESS);
        return;
    }
    for (const auto &mapping : mappings) {
        mprotect(mapping.first, mapping.second, open ? PROT_READ | PROT_WRITE : PROT_NONE);
    }
}

void protect(bool open)
{
    if (open) {
        turn.lock();
    }
    inside += open ? 1 : -1;
    if (inside == (open ? 1 : 0)) {
        set_access(open);
    }
    if (!open) {
        turn.unlock();
    }
}

/* Queue work, unless an operation has failed or this one is to fail. */
void queue(bsm_gpu *gpu, const std::function<void()> &work)
{
    const my_turn mine(turn);
    the_emulated_gpu.operations++;
    if (the_emulated_gpu.operations == the_emulated_gpu.fail_at) {
        gpu->failed = true;
    }
    if (!gpu->failed) {
        gpu->stream.queue(work);
    }
}

} // namespace

bsm_status bsm_gpu_find(char *text, size_t size, bsm_error *error)
{
    if (the_emulated_gpu.missing) {
        return bsm_fail(error, BSM_NO_DEVICE, "cuda: no GPU to play");
    }
    std::snprintf(text, size, "played by the host");
    return BSM_OK;
}

bsm_status bsm_gpu_take(size_t, size_t processes, bsm_error *error)
{
    return processes <= the_emulated_gpu.gpus
               ? BSM_OK
               : bsm_fail(error, BSM_INVALID_ARGUMENT, "cuda: %zu processes, %zu emulated GPUs",
                          processes, the_emulated_gpu.gpus);
}

bsm_status bsm_gpu_new(bsm_precision precision, bsm_gpu **gpu, bsm_error *error)
{
    char text[64];
    bsm_status status = bsm_gpu_find(text, sizeof text, error);
    if (!status) {
        *gpu = new bsm_gpu{precision, {}, false, false};
        (*gpu)->stream.around = protect;
    }
    return status;
}

void bsm_gpu_free(bsm_gpu *gpu)
{
    delete gpu;
}

void bsm_gpu_use(bsm_gpu *) {}

bsm_kernel_queue bsm_gpu_queue(const bsm_gpu *gpu)
{
    return {const_cast<bsm_exec_stream *>(&gpu->stream), gpu->precision == BSM_PRECISION_BFLOAT16};
}

bsm_status bsm_gpu_allocate(bsm_gpu *, size_t bytes, const char *what, void **memory,
                            bsm_error *error)
{
    const my_turn mine(turn);
    if (the_emulated_gpu.memory && the_emulated_gpu.used + bytes > the_emulated_gpu.memory) {
        return bsm_fail(error, BSM_NO_MEMORY, "cuda: no memory for %s", what);
    }
    *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (*memory == MAP_FAILED) {
        return bsm_fail(error, BSM_NO_MEMORY, "cuda: no memory for %s", what);
    }
    std::memset(*memory, 0xff, bytes);
    if (key >= 0) {
        pkey_mprotect(*memory, bytes, PROT_READ | PROT_WRITE, key);
    } else {
        mprotect(*memory, bytes, PROT_NONE);
    }
    mappings[*memory] = bytes;
    the_emulated_gpu.used += bytes;
    return BSM_OK;
}

bsm_status bsm_gpu_allocate_host(bsm_gpu *, size_t bytes, void **memory, bsm_error *error)
{
    *memory = std::malloc(bytes);
    return *memory ? BSM_OK : bsm_fail(error, BSM_NO_MEMORY, "no memory");
}

void bsm_gpu_release(void *memory)
{
    if (memory) {
        const my_turn mine(turn);
        the_emulated_gpu.used -= mappings[memory];
        munmap(memory, mappings[memory]);
        mappings.erase(memory);
    }
}

void bsm_gpu_release_host(void *memory)
{
    std::free(memory);
}

void bsm_gpu_upload(bsm_gpu *gpu, void *to, const void *host, size_t bytes)
{
    queue(gpu, [=]() {
        the_emulated_gpu.uploads++;
        std::memcpy(to, host, bytes);
    });
}

void bsm_gpu_download(bsm_gpu *gpu, void *host, const void *from, size_t bytes)
{
    queue(gpu, [=]() {
        the_emulated_gpu.downloads++;
        std::memcpy(host, from, bytes);
    });
}

void bsm_gpu_zero(bsm_gpu *gpu, void *memory, size_t bytes)
{
    queue(gpu, [=]() { std::memset(memory, 0, bytes); });
}

/* ---- Products ---- */

namespace
{

struct product {
    bsm_gpu_sizes sizes;
    bsm_gpu_matrix a, b;
    float beta;
    bsm_gpu_sums c;
};

template <class T> float at(const bsm_gpu_matrix &matrix, size_t batch, size_t row, size_t column)
{
    const size_t index = matrix.transposed ? column * matrix.ld + row : row * matrix.ld + column;
    return bsm_value<T>::to_float(static_cast<const T *>(matrix.at)[batch * matrix.stride + index]);
}

template <class T> float dot(const product &p, size_t batch, size_t i, size_t j)
{
    double sum = 0;
    for (size_t k = 0; k < p.sizes.k; k++) {
        sum += (double)at<T>(p.a, batch, i, k) * (double)at<T>(p.b, batch, k, j);
    }
    return (float)sum;
}

template <class T, class C> void multiply(const product &p)
{
    for (size_t batch = 0; batch < p.sizes.batches; batch++) {
        for (size_t i = 0; i < p.sizes.m; i++) {
            C *row = static_cast<C *>(p.c.at) + batch * p.c.stride + i * p.c.ld;
            for (size_t j = 0; j < p.sizes.n; j++) {
                /* As in BLAS, c is not read if beta is 0. */
                const float before = p.beta == 0 ? 0.0f : p.beta * bsm_value<C>::to_float(row[j]);
                row[j] = bsm_value<C>::from(dot<T>(p, batch, i, j) + before);
            }
        }
    }
}

} // namespace

void bsm_gpu_multiply(bsm_gpu *gpu, bsm_gpu_sizes sizes, bsm_gpu_matrix a, bsm_gpu_matrix b,
                      float beta, bsm_gpu_sums c)
{
    const product p = {sizes, a, b, beta, c};
    const bool bf16 = gpu->precision == BSM_PRECISION_BFLOAT16;
    queue(gpu, [=]() {
        if (!bf16) {
            multiply<float, float>(p);
        } else if (p.c.are_values) {
            multiply<bsm_bf16, bsm_bf16>(p);
        } else {
            multiply<bsm_bf16, float>(p);
        }
    });
}

/* ---- Order ---- */

void bsm_gpu_wait(bsm_gpu *)
{
    const my_turn mine(turn);
    the_emulated_gpu.waits++;
}

bool bsm_gpu_busy(bsm_gpu *gpu)
{
    return the_emulated_gpu.busy && !gpu->failed;
}

bool bsm_gpu_works(const bsm_gpu *gpu)
{
    return !gpu->failed;
}

void bsm_gpu_fail(bsm_gpu *gpu, const char *, const char *)
{
    gpu->failed = true;
}

bsm_status bsm_gpu_status(bsm_gpu *gpu, bsm_error *error)
{
    return gpu->failed ? bsm_fail(error, BSM_DEVICE_FAILED, "cuda: the emulated GPU fails")
                       : BSM_OK;
}

void bsm_gpu_begin_capture(bsm_gpu *gpu)
{
    gpu->cannot_record = the_emulated_gpu.no_recordings;
    gpu->stream.capturing = true;
}

bsm_gpu_graph *bsm_gpu_end_capture(bsm_gpu *gpu)
{
    gpu->stream.capturing = false;
    auto *graph = new bsm_gpu_graph{std::move(gpu->stream.recorded)};
    gpu->stream.recorded.clear();
    if (gpu->cannot_record || gpu->failed) {
        delete graph;
        return nullptr;
    }
    const my_turn mine(turn);
    the_emulated_gpu.graphs++;
    return graph;
}

void bsm_gpu_replay(bsm_gpu *gpu, bsm_gpu_graph *graph)
{
    const my_turn mine(turn);
    the_emulated_gpu.plays++;
    queue(gpu, [=]() {
        for (const auto &work : graph->work) {
            work();
        }
    });
}

void bsm_gpu_graph_free(bsm_gpu_graph *graph)
{
    delete graph;
}
