/* SPDX-License-Identifier: ISC */
/* How long the CUDA device takes, without waveforms: windows of 1, 4 and 8 s and live blocks, in
 * each precision. (bsm-bench says more, but needs more libraries.)
 *
 *      times [PRESET] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bsm/network.h"
#include "device_under_test.h"
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

/* `commit` 0: windows. */
static void time_calls(bsm_model *model, bsm_precision precision, const char *name, size_t frames,
                       size_t commit)
{
    const bsm_config *config = bsm_model_config(model);
    size_t count = frames * bsm_config_features(config);
    float *spectrum = malloc(count * sizeof *spectrum), *out = malloc(count * sizeof *out);
    bsm_network_options options = {.device = BSM_DEVICE_CUDA,
                                   .precision = precision,
                                   .max_frames = frames,
                                   .streaming = commit > 0};
    bsm_network *network = NULL;
    bsm_error error = {0};
    bsm_status status = bsm_network_new(model, &options, &network, &error);
    double times[REPEATS];
    uint64_t seed = 1;
    for (size_t i = 0; spectrum && out && i < WARM + REPEATS && !status; i++) {
        float *stems[BSM_MAX_STEMS] = {out};
        noise_fill(&seed, spectrum, count);
        double start = now();
        status = commit ? bsm_network_stream(network, spectrum, frames, commit, stems, &error)
                        : bsm_network_forward(network, spectrum, frames, stems, &error);
        times[i < WARM ? 0 : i - WARM] = now() - start;
    }
    expect(!status && spectrum && out, "%s", error.message);
    if (!failures()) {
        qsort(times, REPEATS, sizeof *times, ascending);
        size_t new_frames = commit ? commit : frames;
        double audio = (double)(new_frames * config->hop) / (double)config->sample_rate;
        double median = times[REPEATS / 2];
        printf("%-9s %4zu frames%s: median %8.2f ms, best %8.2f ms, %7.1f times real time\n", name,
               frames, commit ? ", live" : "", 1e3 * median, 1e3 * times[0], audio / median);
    }
    bsm_network_free(network);
    free(spectrum);
    free(out);
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
    for (size_t p = 0; p < sizeof precisions / sizeof *precisions; p++) {
        for (size_t w = 0; w < sizeof windows / sizeof *windows; w++) {
            time_calls(model, precisions[p].precision, precisions[p].name, windows[w], 0);
        }
        time_calls(model, precisions[p].precision, precisions[p].name, 50, 25);
    }
    bsm_model_free(model);
    return failures() ? 1 : 0;
}
