/* SPDX-License-Identifier: ISC */
/* Times the audio thread's call, and plays audio in real time. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

/* Buffers of the largest block, filled with quiet noise. */
typedef struct buffers {
    float in[2][BSM_STREAM_MAX_BLOCK], vocals[2][BSM_STREAM_MAX_BLOCK],
        instrumental[2][BSM_STREAM_MAX_BLOCK];
} buffers;

static buffers *new_buffers(bsm_error *error)
{
    unsigned int seed = 1;
    buffers *b = calloc(1, sizeof *b);
    if (!b) {
        bsm_fail(error, BSM_NO_MEMORY, "no memory for audio");
        return NULL;
    }
    for (size_t i = 0; i < BSM_STREAM_MAX_BLOCK; i++) {
        b->in[0][i] = 0.1f * ((float)rand_r(&seed) / (float)RAND_MAX - 0.5f);
        b->in[1][i] = b->in[0][i];
    }
    return b;
}

static void process(bsm_stream *stream, buffers *b, size_t count)
{
    bsm_stream_process(stream, (const float *[]){b->in[0], b->in[1]},
                       (float *[]){b->vocals[0], b->vocals[1]},
                       (float *[]){b->instrumental[0], b->instrumental[1]}, count);
}

/* ---- The call ---- */

static void *spin(void *over)
{
    while (!atomic_load((_Atomic bool *)over)) {
    }
    return NULL;
}

static void time_calls(bsm_stream *stream, buffers *b, size_t count, double *times, size_t calls)
{
    for (size_t i = 0; i < calls; i++) {
        double start = bench_now();
        process(stream, b, count);
        times[i] = bench_now() - start;
    }
}

bsm_status bench_calls(bsm_model *model, const bsm_stream_options *options, size_t block,
                       size_t calls, bench_call_result *result, bsm_error *error)
{
    _Atomic bool over = false;
    pthread_t other;
    bsm_stream *stream = NULL;
    bsm_status status = bsm_stream_new(model, options, &stream, error);
    if (status) {
        return status;
    }
    double *times = malloc(calls * sizeof *times);
    buffers *b = new_buffers(error);
    if (!times || !b || pthread_create(&other, NULL, spin, &over)) {
        status = bsm_fail(error, BSM_NO_MEMORY, "no memory for %zu calls", calls);
    } else {
        time_calls(stream, b, block, times, calls);
        atomic_store(&over, true);
        pthread_join(other, NULL);
        *result = (bench_call_result){.calls = calls, .median = bench_median(times, calls)};
        result->worst = times[calls - 1];
    }
    free(times);
    free(b);
    bsm_stream_free(stream);
    return status;
}

/* ---- Real time ---- */

static void sleep_until(double time)
{
    struct timespec until = {(time_t)time, (long)(1e9 * (time - (double)(time_t)time))};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void play(bsm_stream *stream, buffers *b, size_t block, double period, double seconds)
{
    double start = bench_now();
    for (double at = 0; at < seconds; at += period) {
        sleep_until(start + at);
        process(stream, b, block);
    }
}

bsm_status bench_play(bsm_model *model, const bsm_stream_options *options, size_t block,
                      double seconds, bench_play_result *result, bsm_error *error)
{
    bsm_stream *stream = NULL;
    buffers *b = new_buffers(error);
    bsm_status status = b ? bsm_stream_new(model, options, &stream, error) : BSM_NO_MEMORY;
    if (!status) {
        play(stream, b, block, (double)block / (double)options->sample_rate, seconds);
        *result = (bench_play_result){.block = block, .seconds = seconds};
        bsm_stream_get_stats(stream, &result->stats);
        bsm_stream_device_name(stream, result->device, sizeof result->device);
    }
    bsm_stream_free(stream);
    free(b);
    return status;
}
