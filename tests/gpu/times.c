/* SPDX-License-Identifier: ISC */
/* Measures how long the CUDA device takes: windows of 1, 4 and 8 s, windows of 30 s, which whole
 * songs may be cut into, live blocks, and live blocks of two streams at once, in each precision.
 * (bsm-bench reports more, but needs more libraries.)
 *
 *      times [PRESET [PRECISION]] */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bsm/network.h"
#include "device_under_test.h"
#include "noise.h"

enum { REPEATS = 20, LONG_REPEATS = 5, LONG_FRAMES = 1000, WARM = 3 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What is timed: `commit` 0 is a window. */
typedef struct timed_call {
    bsm_precision precision;
    const char *precision_name;
    size_t frames, commit;
} timed_call;

/* The samples that a block's frames cover, input and output, stereo. */
typedef struct buffers {
    size_t plane; /* samples of a channel */
    float *in, *out;
} buffers;

static bsm_status run_call(bsm_network *network, const timed_call *c, const buffers *b,
                           bsm_error *error)
{
    const float *audio[2] = {b->in, b->in + b->plane};
    float *planes[2] = {b->out, b->out + b->plane};
    float *const *stems[BSM_MAX_STEMS] = {planes};
    const bsm_block block = {.frames = c->frames,
                             .wanted = c->commit ? c->commit : c->frames,
                             .commit = c->commit,
                             .audio = audio,
                             .stems = stems};
    return bsm_network_run(network, &block, error);
}

/* A network's calls, one after the other. */
typedef struct timed_run {
    const timed_call *call;
    bsm_network *network;
    buffers buffers;
    pthread_barrier_t *start; /* waits before the timed calls; NULL: no other run */
    uint64_t seed;
    size_t repeats;
    double times[REPEATS];
    bsm_status status;
    bsm_error error;
} timed_run;

static void open_timed(bsm_model *model, const timed_call *c, timed_run *r)
{
    const bsm_config *config = bsm_model_config(model);
    const bsm_network_options options = {.device = BSM_DEVICE_CUDA,
                                         .precision = c->precision,
                                         .max_frames = c->frames,
                                         .streaming = c->commit > 0};
    *r = (timed_run){
        .call = c, .seed = 1, .repeats = c->frames > LONG_FRAMES ? LONG_REPEATS : REPEATS};
    buffers *b = &r->buffers;
    b->plane = (c->frames - 1) * config->hop + config->n_fft;
    b->in = malloc(2 * b->plane * sizeof *b->in);
    b->out = calloc(2 * b->plane, sizeof *b->out);
    r->status = b->in && b->out ? bsm_network_new(model, &options, &r->network, &r->error)
                                : bsm_fail(&r->error, BSM_NO_MEMORY, "no memory");
}

static void close_timed(timed_run *r)
{
    expect(!r->status, "%s", r->error.message);
    bsm_network_free(r->network);
    free(r->buffers.in);
    free(r->buffers.out);
}

/* Run on a thread of its own. After a failure it still waits for the other threads. */
static void *run_timed(void *run)
{
    timed_run *r = run;
    for (size_t i = 0; i < WARM + r->repeats; i++) {
        if (i == WARM && r->start) {
            pthread_barrier_wait(r->start);
        }
        noise_fill(&r->seed, r->buffers.in, 2 * r->buffers.plane);
        double start = now();
        if (!r->status) {
            r->status = run_call(r->network, r->call, &r->buffers, &r->error);
        }
        r->times[i < WARM ? 0 : i - WARM] = now() - start;
    }
    qsort(r->times, r->repeats, sizeof *r->times, ascending);
    return NULL;
}

static void report(const timed_run *r, const bsm_config *config, const char *note)
{
    const timed_call *c = r->call;
    size_t new_frames = c->commit ? c->commit : c->frames;
    double audio = (double)(new_frames * config->hop) / (double)config->sample_rate;
    double median = r->times[r->repeats / 2];
    printf("%-9s %4zu frames%s%s: median %8.2f ms, best %8.2f ms, %7.1f times real time\n",
           c->precision_name, c->frames, c->commit ? ", live" : "", note, 1e3 * median,
           1e3 * r->times[0], audio / median);
}

static void time_calls(bsm_model *model, const timed_call *c)
{
    timed_run r;
    open_timed(model, c, &r);
    if (!r.status) {
        run_timed(&r);
    }
    if (!r.status) {
        report(&r, bsm_model_config(model), "");
    }
    close_timed(&r);
}

/* Two streams on one GPU: measure each block while the other stream's blocks are computed, too. */
static void time_two(bsm_model *model, const timed_call *c)
{
    enum { STREAMS = 2 };
    timed_run runs[STREAMS];
    pthread_t threads[STREAMS];
    pthread_barrier_t start;
    size_t started = 0;
    pthread_barrier_init(&start, NULL, STREAMS);
    for (size_t i = 0; i < STREAMS; i++) {
        open_timed(model, c, &runs[i]);
        runs[i].start = &start;
    }
    while (started < STREAMS &&
           !pthread_create(&threads[started], NULL, run_timed, &runs[started])) {
        started++;
    }
    if (started < STREAMS) { /* those that run would wait for ever */
        puts("no threads");
        exit(1);
    }
    for (size_t i = 0; i < STREAMS; i++) {
        pthread_join(threads[i], NULL);
        if (!runs[i].status) {
            report(&runs[i], bsm_model_config(model), ", one of two");
        }
        close_timed(&runs[i]);
    }
    pthread_barrier_destroy(&start);
}

int main(int argc, char **argv)
{
    static const struct {
        bsm_precision precision;
        const char *name;
    } precisions[] = {
        {BSM_PRECISION_FLOAT32, "float32"},
        {BSM_PRECISION_TF32, "tf32"},
        {BSM_PRECISION_BFLOAT16, "bfloat16"},
    };
    static const size_t windows[] = {101, 401, 801, 3001}; /* 1, 4, 8 and 30 s of the presets */
    if (!device_under_test()) {
        return TEST_SKIPPED;
    }
    bsm_config config;
    bsm_error error = {0};
    bsm_model *model = NULL;
    if (bsm_config_preset(argc > 1 ? argv[1] : "paper", &config, &error) ||
        bsm_model_new_untrained(&config, &model, &error)) {
        puts(error.message);
        return 1;
    }
    for (size_t i = 0; i < sizeof precisions / sizeof *precisions; i++) {
        timed_call c = {.precision = precisions[i].precision, .precision_name = precisions[i].name};
        if (argc > 2 && strcmp(argv[2], c.precision_name) != 0) {
            continue;
        }
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
            c.frames = windows[w];
            time_calls(model, &c);
        }
        c.frames = 50;
        c.commit = 25;
        time_calls(model, &c);
        time_two(model, &c);
    }
    bsm_model_free(model);
    return failures() ? 1 : 0;
}
