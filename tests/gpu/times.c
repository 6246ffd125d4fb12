/* SPDX-License-Identifier: ISC */
/* How long the CUDA device takes: windows of 1, 4 and 8 s and live blocks, of spectra and of sound,
 * in each precision. (bsm-bench says more, but needs more libraries.)
 *
 *      times [PRESET] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bsm/network.h"
#include "device_under_test.h"
#include "net/sound.h"
#include "noise.h"

enum { REPEATS = 20, WARM = 3 };

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
    bool of_sound;
} timed_call;

/* Frames of spectra or the samples that they cover, in and out, stereo. */
typedef struct buffers {
    size_t count; /* of numbers */
    size_t plane; /* of a channel's samples */
    float *in, *out;
} buffers;

static bsm_status run_call(bsm_network *network, const timed_call *c, const buffers *b,
                           bsm_error *error)
{
    float *stems[BSM_MAX_STEMS] = {b->out};
    if (c->of_sound) {
        const float *audio[2] = {b->in, b->in + b->plane};
        float *planes[2] = {b->out, b->out + b->plane};
        float *const *sums[BSM_MAX_STEMS] = {planes};
        const bsm_block block = {
            .frames = c->frames, .wanted = c->commit ? c->commit : c->frames, .commit = c->commit};
        return bsm_network_sound(network, &block, &(bsm_sound){.audio = audio, .stems = sums},
                                 error);
    }
    return c->commit ? bsm_network_stream(network, b->in, c->frames, c->commit, stems, error)
                     : bsm_network_forward(network, b->in, c->frames, stems, error);
}

static void report(const timed_call *c, const bsm_config *config, double *times)
{
    qsort(times, REPEATS, sizeof *times, ascending);
    size_t new_frames = c->commit ? c->commit : c->frames;
    double audio = (double)(new_frames * config->hop) / (double)config->sample_rate;
    double median = times[REPEATS / 2];
    printf("%-9s %-7s %4zu frames%s: median %8.2f ms, best %8.2f ms, %7.1f times real time\n",
           c->precision_name, c->of_sound ? "sound" : "spectra", c->frames,
           c->commit ? ", live" : "", 1e3 * median, 1e3 * times[0], audio / median);
}

static void time_calls(bsm_model *model, const timed_call *c)
{
    const bsm_config *config = bsm_model_config(model);
    buffers b = {.count = c->frames * bsm_config_features(config),
                 .plane = (c->frames - 1) * config->hop + config->n_fft};
    b.in = malloc(b.count * sizeof *b.in); /* spectra are larger than what they are of */
    b.out = malloc(b.count * sizeof *b.out);
    bsm_network_options options = {.device = BSM_DEVICE_CUDA,
                                   .precision = c->precision,
                                   .max_frames = c->frames,
                                   .streaming = c->commit > 0};
    bsm_network *network = NULL;
    bsm_error error = {0};
    bsm_status status = b.in && b.out ? bsm_network_new(model, &options, &network, &error)
                                      : bsm_fail(&error, BSM_NO_MEMORY, "no memory");
    double times[REPEATS];
    uint64_t seed = 1;
    for (size_t i = 0; i < WARM + REPEATS && !status; i++) {
        noise_fill(&seed, b.in, b.count);
        double start = now();
        status = run_call(network, c, &b, &error);
        times[i < WARM ? 0 : i - WARM] = now() - start;
    }
    expect(!status, "%s", error.message);
    if (!failures()) {
        report(c, config, times);
    }
    bsm_network_free(network);
    free(b.in);
    free(b.out);
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
    static const size_t windows[] = {101, 401, 801}; /* 1, 4 and 8 s of the presets */
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
    for (size_t i = 0; i < 2 * sizeof precisions / sizeof *precisions; i++) {
        timed_call c = {.precision = precisions[i / 2].precision,
                        .precision_name = precisions[i / 2].name,
                        .of_sound = i % 2 == 1};
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
            c.frames = windows[w];
            time_calls(model, &c);
        }
        c.frames = 50;
        c.commit = 25;
        time_calls(model, &c);
    }
    bsm_model_free(model);
    return failures() ? 1 : 0;
}
