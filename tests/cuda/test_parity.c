/* SPDX-License-Identifier: ISC */
/* Compares the CUDA device, including its transforms, with `reference` and the host's transforms:
 * windows, streams and blocks with a history, for networks and transforms of many shapes, in each
 * precision, with all stems and with some. Each call is made several times, so that it is captured
 * and replayed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "conditioning.h"
#include "device_under_test.h"
#include "net/place.h"
#include "noise.h"
#include "random_config.h"

static const bsm_device *device;

/* The error that a precision may have; ill-conditioned random networks may have a larger one. */
static const struct {
    bsm_precision precision;
    const char *name;
    double tolerance;
    int bits; /* significant bits; 0: the tolerance holds for all networks */
} precisions[] = {
    {BSM_PRECISION_FLOAT32, "float32", 1e-5, 0},
    {BSM_PRECISION_TF32, "tf32", 4e-3, 11},
    {BSM_PRECISION_BFLOAT16, "bfloat16", 1e-2, 8},
    {BSM_PRECISION_INT8, "int8", 1e-2, 8}, /* the GPU computes it in bfloat16 */
};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

static typical_error typical[PRECISIONS];

typedef struct parity_case {
    bsm_config config;
    const char *name;
    bool random;     /* may be ill-conditioned */
    bsm_block block; /* without its samples */
    size_t calls;
} parity_case;

/* Return the number of samples per channel that frames cover. */
static size_t covered(const bsm_config *config, size_t frames)
{
    return (frames - 1) * config->hop + config->n_fft;
}

static size_t given(const parity_case *c)
{
    return covered(&c->config, c->block.wanted - c->block.first);
}

static size_t all_samples(const parity_case *c)
{
    return covered(&c->config, c->block.frames + c->calls * c->block.commit);
}

static bsm_network *open_on(const bsm_device *on, bsm_model *model, size_t frames,
                            bsm_precision precision)
{
    bsm_network_options options = {.threads = device_is_a_gpu() ? 0 : 2,
                                   .max_frames = frames,
                                   .streaming = true,
                                   .precision = precision};
    bsm_network *network = NULL;
    bsm_error error = {0};
    if (bsm_network_new_on(on, NULL, model, &options, &network, &error)) {
        expect(false, "%s", error.message);
    }
    return network;
}

/* Make one call that writes to `out` [stem][channel][samples], with all stems or only the last. */
static bsm_status run_call(bsm_network *network, const parity_case *c, const float *audio,
                           bool all_stems, float *out, bsm_error *error)
{
    const bsm_config *config = &c->config;
    const float *in[BSM_MAX_CHANNELS];
    float *planes[BSM_MAX_STEMS][BSM_MAX_CHANNELS];
    float *const *stems[BSM_MAX_STEMS] = {NULL};
    for (size_t channel = 0; channel < config->channels; channel++) {
        in[channel] = audio + channel * all_samples(c);
    }
    for (size_t s = all_stems ? 0 : config->num_stems - 1; s < config->num_stems; s++) {
        for (size_t channel = 0; channel < config->channels; channel++) {
            planes[s][channel] = out + (s * config->channels + channel) * given(c);
        }
        stems[s] = planes[s];
    }
    bsm_block block = c->block;
    block.audio = in;
    block.stems = stems;
    return bsm_network_run(network, &block, error);
}

static size_t numbers(const parity_case *c)
{
    return c->config.num_stems * c->config.channels * given(c);
}

static float *run_case(const bsm_device *on, bsm_model *model, const parity_case *c,
                       bsm_precision precision, const float *audio)
{
    float *out = calloc(c->calls * numbers(c), sizeof *out);
    bsm_network *network = open_on(on, model, c->block.frames + 1, precision);
    bsm_error error = {0};
    bsm_status status = out && network ? BSM_OK : BSM_NO_MEMORY;
    for (size_t call = 0; call < c->calls && !status; call++) {
        status = run_call(network, c, audio + call * c->block.commit * c->config.hop, call % 2 == 0,
                          out + call * numbers(c), &error);
    }
    expect(!status, "%s: %s", c->name, error.message);
    bsm_network_free(network);
    return out;
}

static float *noise_audio(const parity_case *c)
{
    size_t count = c->config.channels * all_samples(c);
    float *audio = malloc(count * sizeof *audio);
    uint64_t seed = 9;
    if (audio) {
        noise_fill(&seed, audio, count);
    }
    return audio;
}

static double off_by(const parity_case *c, const float *actual, const float *expected)
{
    return actual && expected ? relative_error(actual, expected, c->calls * numbers(c)) : INFINITY;
}

/* Return how far rounding to `bits` significant bits moves the result that `reference` expects. */
static double moved_by_rounding(const bsm_model *model, const parity_case *c, int bits,
                                const float *expected)
{
    double most = 0;
    for (uint64_t number = 1; number <= DISTURBANCES; number++) {
        const disturbance d = {bits, number};
        bsm_model *disturbed = disturbed_model(model, &d);
        float *audio = noise_audio(c), *moved = NULL;
        if (audio && disturbed) {
            disturb(&d, 1, audio, c->config.channels * all_samples(c));
            moved = run_case(&bsm_reference_device, disturbed, c, BSM_PRECISION_FLOAT32, audio);
        }
        most = fmax(most, moved ? off_by(c, moved, expected) : 0);
        free(moved);
        free(audio);
        bsm_model_free(disturbed);
    }
    return most;
}

static void check_precision(bsm_model *model, const parity_case *c, size_t p, const float *audio,
                            const float *expected)
{
    float *actual = run_case(device, model, c, precisions[p].precision, audio);
    double off = off_by(c, actual, expected), move = 0;
    printf("%-9s %-8s n_fft %4zu hop %4zu frames %3zu, %3zu to %3zu, commit %3zu: off by %.2g",
           c->name, precisions[p].name, c->config.n_fft, c->config.hop, c->block.frames,
           c->block.first, c->block.wanted, c->block.commit, off);
    if (c->random && precisions[p].bits) {
        move = moved_by_rounding(model, c, precisions[p].bits, expected);
        printf(", rounding moves %.2g", move);
        add_error(&typical[p], off, move);
    }
    putchar('\n');
    expect(off < allowed_error(precisions[p].tolerance, move), "%s: off by %g", c->name, off);
    free(actual);
}

static void check_case(const parity_case *c, size_t num_precisions)
{
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_new_untrained(&c->config, &model, &error)) {
        expect(false, "%s", error.message);
        return;
    }
    float *audio = noise_audio(c);
    float *expected =
        audio ? run_case(&bsm_reference_device, model, c, BSM_PRECISION_FLOAT32, audio) : NULL;
    expect(expected != NULL, "no memory");
    for (size_t p = 0; p < num_precisions && expected; p++) {
        check_precision(model, c, p, audio, expected);
    }
    free(expected);
    free(audio);
    bsm_model_free(model);
}

/* ---- Shapes ---- */

/* Return a configuration with a random transform and hop. */
static bsm_config random_transform(uint64_t *seed)
{
    static const random_limits limits = {
        .d_state = 8, .mask_expansion = 2, .heads = 2, .head_low = 2, .head_high = 6};
    bsm_config c = random_layers(seed, &limits);
    c.num_bands = noise_size(seed, 2, 5);
    for (size_t k = 0; k < c.num_bands; k++) {
        c.bands[k] = noise_size(seed, 1, 6);
    }
    set_transform(&c);
    c.hop = noise_size(seed, 1, c.n_fft);
    return c;
}

static void check_random_transforms(size_t count)
{
    uint64_t seed = 15;
    for (size_t i = 0; i < count; i++) {
        parity_case c = {
            .name = "transform", .random = true, .config = random_transform(&seed), .calls = 3};
        /* sometimes more frames than are transformed at a time */
        c.block.frames = noise_size(&seed, 1, i % 4 == 0 ? 150 : 20);
        c.block.wanted = i % 3 == 0 ? c.block.frames : noise_size(&seed, 1, c.block.frames);
        c.block.commit = i % 3 == 1 ? c.block.wanted : 0;
        c.block.first = i % 3 == 2 ? noise_size(&seed, 0, c.block.wanted - 1) : 0;
        check_case(&c, 1 + 2 * (i % 3 == 0));
    }
}

/* Return a configuration with random layers and bands. */
static bsm_config random_layout(uint64_t *seed)
{
    static const random_limits limits = {
        .d_state = 40, .mask_expansion = 4, .heads = 4, .head_low = 1, .head_high = 12};
    bsm_config c = random_layers(seed, &limits);
    /* sometimes more than one chunk along the bands, too */
    bool many = noise_size(seed, 1, 4) == 1;
    c.num_bands = many ? noise_size(seed, 60, 70) : noise_size(seed, 2, 20);
    for (size_t k = 0; k < c.num_bands; k++) {
        c.bands[k] = noise_size(seed, 1, 6);
    }
    set_transform(&c);
    return c;
}

static void check_random_layouts(size_t count)
{
    uint64_t seed = 5;
    for (size_t i = 0; i < count; i++) {
        parity_case c = {.name = "layout", .random = true, .config = random_layout(&seed)};
        c.block.frames = i % 10 == 0 ? 1 : noise_size(&seed, 1, 80);
        c.block.commit = i % 2 ? noise_size(&seed, 1, c.block.frames) : 0;
        c.block.wanted = c.block.commit ? c.block.commit : c.block.frames;
        c.calls = i % 4 == 1 ? 5 : 1;
        check_case(&c, 1 + 2 * (i % 3 == 0));
    }
}

static void check_preset(const char *name, bsm_block block, size_t calls)
{
    parity_case c = {.name = name, .block = block, .calls = calls};
    expect(!bsm_config_preset(name, &c.config, NULL), "preset %s", name);
    check_case(&c, PRECISIONS);
}

/* Usage: test_parity [number of random shapes of each kind] */
int main(int argc, char **argv)
{
    device = device_under_test();
    if (!device) {
        return TEST_SKIPPED;
    }
    size_t shapes = argc > 1 ? (size_t)atoi(argv[1]) : 12;
    check_random_layouts(shapes);
    check_random_transforms(shapes);
    /* A smaller number is for builds with instrumentation, which are slow. The scan of "live" is
     * one kernel in bfloat16. */
    if (shapes >= 10) {
        check_preset("tiny", (bsm_block){.frames = 6, .wanted = 2, .commit = 2}, 3);
        check_preset("live", (bsm_block){.frames = 9, .wanted = 4, .commit = 4}, 2);
    }
    if (device_is_a_gpu() && shapes >= 10) {
        check_preset("lite", (bsm_block){.frames = 130, .wanted = 130}, 3);
        check_preset("lite", (bsm_block){.frames = 130, .wanted = 120, .first = 95}, 3);
        check_preset("paper", (bsm_block){.frames = 50, .wanted = 25, .commit = 25}, 5);
        check_preset("paper", (bsm_block){.frames = 130, .wanted = 130}, 3);
    }
    for (size_t p = 0; p < PRECISIONS; p++) {
        check_typical_error(&typical[p], precisions[p].name);
    }
    return failures() ? 1 : 0;
}
