/* SPDX-License-Identifier: ISC */
/* Measures how long a GPU takes for the scan of one mixer along time, for every band of the paper's
 * model: step by step with one launch for each operation on whole arrays, like a loop in Python;
 * step by step with all operations of a step in one launch; step by step in one launch, with the
 * state in registers; and as the device does it, in one kernel. All of them use the same numbers,
 * and their results must agree. (The last one also computes the convolution of x.)
 *
 *      scan_times [SECONDS] */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "kernels.h"
#include "steps.h"
#include "value.h"

enum { BANDS = 62, HEADS = 16, P = 64, N = 128, TAPS = 4, INNER = HEADS * P, CONV = INNER + 2 * N };
enum { THREADS = 128, REPEATS = 10, SKIPPED = 77 };

static void check(cudaError_t status, const char *what)
{
    if (status) {
        std::printf("%s: %s\n", what, cudaGetErrorString(status));
        std::exit(1);
    }
}

template <class T> static T *on_gpu(size_t count)
{
    void *memory = nullptr;
    check(cudaMalloc(&memory, count * sizeof(T)), "memory");
    check(cudaMemset(memory, 0, count * sizeof(T)), "memory");
    return static_cast<T *>(memory);
}

static float *noise_on_gpu(size_t count, float low, float high)
{
    std::vector<float> numbers(count);
    for (float &x : numbers) {
        x = low + (high - low) * (float)std::rand() / (float)RAND_MAX;
    }
    float *memory = on_gpu<float>(count);
    check(cudaMemcpy(memory, numbers.data(), count * sizeof(float), cudaMemcpyHostToDevice),
          "copying");
    return memory;
}

/* The input of all scans. */
struct scan_data {
    uint32_t steps, chunks;
    bsm_fused_scan fused;
    bsm_naive_scan naive;
    const float *x; /* after the convolution, [sequence][chunk][head][step][P] */
    const float *BC;
    const float *dt; /* after softplus, [sequence][chunk][head][step] */
    float *state;    /* [sequence][N][INNER] */
    float *y;        /* [sequence][step][INNER] */
};

/* A channel's states in memory, interleaved with those of its neighbours. */
struct distant {
    float *first;
    __device__ float &operator[](uint32_t n) const
    {
        return first[(size_t)n * INNER];
    }
};

/* The channel of a thread, and the numbers of its step. */
struct channel_step {
    uint32_t sequence, channel, head;
    const float *B, *C;
    float x, dt;

    __device__ channel_step(const scan_data &d, uint32_t step, uint32_t index)
        : sequence(index / INNER), channel(index % INNER), head(channel / P)
    {
        const uint32_t i = step % BSM_MAX_CHUNK;
        const size_t chunk = (size_t)sequence * d.chunks + step / BSM_MAX_CHUNK;
        const size_t at = (chunk * HEADS + head) * BSM_MAX_CHUNK + i;
        B = d.BC + (chunk * BSM_MAX_CHUNK + i) * 2 * N, C = B + N;
        x = d.x[at * P + channel % P], dt = d.dt[at];
    }
    __device__ distant states(const scan_data &d) const
    {
        return {d.state + (size_t)sequence * N * INNER + channel};
    }
    __device__ float *y(const scan_data &d, uint32_t step) const
    {
        return d.y + ((size_t)sequence * d.steps + step) * INNER + channel;
    }
};

/* ---- All operations in one launch, for a step and for all steps ---- */

/* Compute one step of a channel; S: the type of its states. */
template <class S> __device__ static void scan_step(const scan_data &d, uint32_t step, S states)
{
    const channel_step c(d, step, blockIdx.x * blockDim.x + threadIdx.x);
    const float decay = expf(c.dt * d.fused.A[c.head]);
    float y = d.fused.D[c.head] * c.x;
#pragma unroll
    for (uint32_t n = 0; n < N; n++) {
        const float S_n = decay * states[n] + c.dt * c.x * c.B[n];
        states[n] = S_n;
        y += c.C[n] * S_n;
    }
    *c.y(d, step) = y;
}

static __global__ void one_step(scan_data d, uint32_t step)
{
    scan_step(d, step, channel_step(d, step, blockIdx.x * blockDim.x + threadIdx.x).states(d));
}

static __global__ void all_steps(scan_data d)
{
    float states[N] = {};
    for (uint32_t step = 0; step < d.steps; step++) {
        scan_step<float *>(d, step, states);
    }
}

static scan_data new_data(uint32_t steps)
{
    scan_data d = {};
    const uint32_t chunks = (steps + BSM_MAX_CHUNK - 1) / BSM_MAX_CHUNK;
    const size_t rows = (size_t)BANDS * steps, padded = (size_t)BANDS * chunks * BSM_MAX_CHUNK;
    bsm_prepare p = {};
    p.steps = {BANDS, steps, steps, 1, false, BSM_MAX_CHUNK, chunks, steps, chunks};
    p.shape = {HEADS, P, N, TAPS};
    const float *numbers = noise_on_gpu(rows * (INNER + CONV), -1, 1);
    bsm_bf16 *values = on_gpu<bsm_bf16>(rows * (INNER + CONV));
    bsm_kernel_to_bf16(nullptr, rows * (INNER + CONV), numbers, values);
    p.zxBC = numbers;
    p.raw_dt = noise_on_gpu(rows * HEADS, -1, 1);
    p.dt_bias = noise_on_gpu(HEADS, -5, -2);
    p.A = noise_on_gpu(HEADS, -16, -1);
    p.weight = noise_on_gpu(CONV * TAPS, -1, 1);
    p.bias = noise_on_gpu(CONV, -1, 1);
    p.decays = {on_gpu<float>(padded * HEADS), on_gpu<double>(padded * HEADS),
                on_gpu<float>(padded * HEADS), on_gpu<float>(padded * HEADS),
                on_gpu<float>(padded * HEADS)};
    p.x = on_gpu<float>(padded * INNER);
    p.BC = on_gpu<float>(padded * 2 * N);
    bsm_kernel_decays({nullptr, false}, &p);
    bsm_kernel_convolution({nullptr, false}, &p);
    d.steps = steps, d.chunks = chunks;
    d.x = (const float *)p.x, d.BC = (const float *)p.BC, d.dt = p.decays.dt;
    d.state = on_gpu<float>((size_t)BANDS * N * INNER);
    d.y = on_gpu<float>(rows * INNER);
    p.zxBC = values;
    p.only_BC = true;
    p.BC = on_gpu<bsm_bf16>(padded * 2 * N);
    bsm_kernel_convolution({nullptr, true}, &p);
    d.fused = {p.steps,
               p.shape,
               values,
               p.raw_dt,
               p.dt_bias,
               p.A,
               noise_on_gpu(HEADS, 0.9f, 1.1f),
               p.weight,
               p.bias,
               nullptr,
               p.BC,
               nullptr,
               nullptr,
               nullptr,
               on_gpu<bsm_bf16>(rows * INNER),
               nullptr};
    d.naive = {p.steps,
               p.shape,
               d.dt,
               d.x,
               d.BC,
               p.A,
               d.fused.D,
               d.state,
               on_gpu<float>((size_t)BANDS * N * INNER),
               on_gpu<float>((size_t)BANDS * INNER),
               d.y};
    check(cudaDeviceSynchronize(), "preparing");
    return d;
}

static void by_operations(const scan_data &d)
{
    check(cudaMemsetAsync(d.state, 0, sizeof(float) * BANDS * N * INNER), "zeroing");
    bsm_kernel_naive_scan({nullptr, false}, &d.naive);
}

static void step_by_step(const scan_data &d)
{
    check(cudaMemsetAsync(d.state, 0, sizeof(float) * BANDS * N * INNER), "zeroing");
    for (uint32_t step = 0; step < d.steps; step++) {
        one_step<<<BANDS * INNER / THREADS, THREADS>>>(d, step);
    }
}

static void in_one_launch(const scan_data &d)
{
    all_steps<<<BANDS * INNER / THREADS, THREADS>>>(d);
}

static void fused(const scan_data &d)
{
    bsm_kernel_fused_scan({nullptr, true}, &d.fused);
}

/* Return the median in milliseconds. */
static double time_of(const scan_data &d, void (*scan)(const scan_data &))
{
    std::vector<float> times(REPEATS);
    cudaEvent_t start, end;
    check(cudaEventCreate(&start), "an event");
    check(cudaEventCreate(&end), "an event");
    scan(d);
    for (float &time : times) {
        check(cudaEventRecord(start), "an event");
        scan(d);
        check(cudaEventRecord(end), "an event");
        check(cudaEventSynchronize(end), "a scan");
        check(cudaEventElapsedTime(&time, start, end), "an event");
    }
    check(cudaGetLastError(), "a scan");
    std::sort(times.begin(), times.end());
    return times[REPEATS / 2];
}

/* Return the relative difference between the results of the single kernel and of the steps. */
static double difference(const scan_data &d)
{
    const size_t count = (size_t)BANDS * d.steps * INNER;
    std::vector<float> expected(count);
    std::vector<bsm_bf16> actual(count);
    check(cudaMemcpy(expected.data(), d.y, count * sizeof(float), cudaMemcpyDeviceToHost),
          "copying");
    check(cudaMemcpy(actual.data(), d.fused.y, count * 2, cudaMemcpyDeviceToHost), "copying");
    double square = 0, all = 0;
    for (size_t i = 0; i < count; i++) {
        const double off = bsm_value<bsm_bf16>::to_float(actual[i]) - expected[i];
        square += off * off;
        all += (double)expected[i] * expected[i];
    }
    return std::sqrt(square / all);
}

int main(int argc, char **argv)
{
    int gpus = 0;
    if (cudaGetDeviceCount(&gpus) || gpus == 0) {
        std::puts("no GPU");
        return SKIPPED;
    }
    const double seconds = argc > 1 ? std::atof(argv[1]) : 4;
    const scan_data d = new_data(1 + (uint32_t)(seconds * 100));
    const double ours = time_of(d, fused);
    std::printf("%u steps of %d sequences: one kernel by chunks %.3f ms\n", d.steps, BANDS, ours);
    const struct {
        const char *name;
        void (*scan)(const scan_data &);
    } others[] = {{"a launch per operation", by_operations},
                  {"a launch per step", step_by_step},
                  {"all steps in one launch", in_one_launch}};
    double off = 0;
    for (const auto &other : others) {
        const double time = time_of(d, other.scan), away = difference(d);
        std::printf("%-23s %7.2f ms: %4.0f times; off by %.2g\n", other.name, time, time / ours,
                    away);
        off = std::max(off, away);
    }
    return off < 1e-2 ? 0 : 1;
}
