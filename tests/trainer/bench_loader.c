/* SPDX-License-Identifier: ISC */
/* Measures how many examples a loader makes in a second of processor time: bench_loader SECONDS
 * EXAMPLES CACHE ROOT... , where each root contains vocals, other or both. Uses one worker, first
 * without and then with every augmentation of the vocals. This is not a test. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "data/loader.h"

enum { MAX_ROOTS = 32 };

static void show(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "%s\n", line);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Return 0, or print a line on the standard error and return 1. */
static int run(const char *name, const bsm_data_options *data, const bsm_loader_options *options,
               size_t examples)
{
    bsm_error error = {0};
    bsm_data_loader *loader;
    const double scan = seconds(CLOCK_MONOTONIC);
    bsm_status status = bsm_loader_new(data, options, show, NULL, &loader, &error);
    const double begun = seconds(CLOCK_MONOTONIC), busy = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < examples && !status; i++) {
        const bsm_example *example;
        status = bsm_loader_next(loader, &example, &error);
    }
    if (status) {
        fprintf(stderr, "%s\n", error.message);
        bsm_loader_free(loader);
        return 1;
    }
    const double wall = seconds(CLOCK_MONOTONIC) - begun;
    const bsm_loader_stats stats = bsm_loader_get_stats(loader);
    printf("%-10s %zu tracks, %zu segments, ready after %.2f s; %.1f examples/s, %.1f per second "
           "of processor time\n",
           name, stats.tracks, stats.segments, begun - scan, (double)examples / wall,
           (double)examples / (seconds(CLOCK_PROCESS_CPUTIME_ID) - busy));
    bsm_loader_free(loader);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 4 + MAX_ROOTS) {
        fprintf(stderr, "usage: %s SECONDS EXAMPLES CACHE ROOT...\n", argv[0]);
        return 2;
    }
    bsm_data_root roots[MAX_ROOTS];
    for (int r = 4; r < argc; r++) {
        roots[r - 4] = (bsm_data_root){argv[r], BSM_LAYOUT_AUTO, 1};
    }
    const char *sources[] = {"vocals", "other"};
    const double silent[] = {0.1, 0.1};
    const bsm_augmentation all[] = {{.channel_swap = 1,
                                     .polarity = 1,
                                     .eq = 1,
                                     .pitch = 1,
                                     .semitones = {-4, 4},
                                     .compression = 1,
                                     .reverb = 1,
                                     .doubling = 1,
                                     .pan = 1},
                                    {.channel_swap = 0.5, .polarity = 0.5}};
    bsm_data_options data = {.roots = roots,
                             .num_roots = (size_t)argc - 4,
                             .sources = sources,
                             .num_sources = 2,
                             .random_mix = 1,
                             .silent_prob = silent,
                             .loudness = {0.5, 1.5},
                             .level = {-15, 5},
                             .sad = {true, 8, 10, 0.15, 1e-3, 0.5},
                             .segments_cache = argv[3]};
    const bsm_config model = {
        .sample_rate = 44100, .channels = 2, .num_stems = 1, .stems = {"vocals"}};
    const bsm_loader_options options = {.seed = 1,
                                        .processes = 1,
                                        .workers = 1,
                                        .samples = (size_t)(atof(argv[1]) * 44100),
                                        .model = &model};
    const size_t examples = (size_t)atol(argv[2]);
    int failed = run("plain", &data, &options, examples);
    data.augmentations = all;
    return failed || run("augmented", &data, &options, examples);
}
