/* SPDX-License-Identifier: ISC */
/* The CUDA device against `reference`: windows and streams of networks of many shapes, in each
 * precision, with all stems and some, each call several times so that it is recorded and played. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/network.h"
#include "device_under_test.h"
#include "net/place.h"
#include "noise.h"
#include "random_config.h"

static const bsm_device *device;

/* What a precision may be off by; for networks of a few numbers only, ten times as much. */
static const struct {
    bsm_precision precision;
    const char *name;
    double tolerance;
} precisions[] = {
    {BSM_PRECISION_FLOAT32, "float32", 1e-5},
    {BSM_PRECISION_TF32, "tf32", 1e-2},
    {BSM_PRECISION_BFLOAT16, "bfloat16", 1e-2},
    {BSM_PRECISION_INT8, "int8", 1e-2}, /* which the card does in bfloat16 */
};

typedef struct shape_case {
    bsm_config config;
    const char *name;
    size_t frames, commit; /* commit 0: a window */
    size_t calls;
} shape_case;

static bsm_network *open_on(const bsm_device *on, bsm_model *model, size_t frames,
                            bsm_precision precision)
{
    bsm_network_options options = {
        .threads = device_is_a_card() ? 0 : 2, /* the reference's: large models need them all */
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

static float *noise_spectrum(const bsm_config *config, size_t frames, uint64_t seed)
{
    size_t count = frames * bsm_config_features(config);
    float *spectrum = malloc(count * sizeof *spectrum);
    if (spectrum) {
        noise_fill(&seed, spectrum, count);
    }
    return spectrum;
}

/* Every call's stems, one after the other; on odd calls only the last stem. */
static float *run_case(const bsm_device *on, bsm_model *model, const shape_case *c,
                       bsm_precision precision, const float *spectrum)
{
    size_t features = bsm_config_features(&c->config), given = c->commit ? c->commit : c->frames;
    float *out = calloc(c->calls * c->config.num_stems * given * features, sizeof *out);
    bsm_network *network = open_on(on, model, c->frames, precision);
    bsm_error error = {0};
    bsm_status status = out && network ? BSM_OK : BSM_NO_MEMORY;
    for (size_t call = 0; call < c->calls && !status; call++) {
        float *stems[BSM_MAX_STEMS] = {NULL};
        for (size_t s = call % 2 ? c->config.num_stems - 1 : 0; s < c->config.num_stems; s++) {
            stems[s] = out + (call * c->config.num_stems + s) * given * features;
        }
        const float *from = spectrum + call * c->commit * features;
        status = c->commit ? bsm_network_stream(network, from, c->frames, c->commit, stems, &error)
                           : bsm_network_forward(network, from, c->frames, stems, &error);
    }
    expect(!status, "%s: %s", c->name, error.message);
    bsm_network_free(network);
    return out;
}

static void check_case(const shape_case *c, size_t num_precisions)
{
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_new_untrained(&c->config, &model, &error)) {
        expect(false, "%s", error.message);
        return;
    }
    size_t given = c->commit ? c->commit : c->frames;
    size_t count = c->calls * c->config.num_stems * given * bsm_config_features(&c->config);
    float *spectrum = noise_spectrum(&c->config, c->frames + c->calls * c->commit, 7);
    float *expected = run_case(&bsm_reference_device, model, c, BSM_PRECISION_FLOAT32, spectrum);
    for (size_t p = 0; p < num_precisions; p++) {
        float *actual = run_case(device, model, c, precisions[p].precision, spectrum);
        double off = actual && expected ? relative_error(actual, expected, count) : 1;
        printf("%-10s %-8s %4zu frames, commit %3zu: off by %.2g\n", c->name, precisions[p].name,
               c->frames, c->commit, off);
        double allowed = precisions[p].tolerance * (p && c->config.dim < 16 ? 10 : 1);
        expect(off < allowed,
               "dim %zu expand %zu headdim %zu d_state %zu d_conv %zu bands %zu: off by %g",
               c->config.dim, c->config.expand, c->config.headdim, c->config.d_state,
               c->config.d_conv, c->config.num_bands, off);
        free(actual);
    }
    free(expected);
    free(spectrum);
    bsm_model_free(model);
}

/* ---- Shapes ---- */

static bsm_config random_config(uint64_t *seed)
{
    static const random_limits limits = {
        .d_state = 40, .mask_expansion = 4, .heads = 4, .head_low = 1, .head_high = 12};
    bsm_config c = random_layers(seed, &limits);
    bool many = noise_size(seed, 1, 4) == 1; /* more than one chunk along the bands, too */
    c.num_bands = many ? noise_size(seed, 60, 70) : noise_size(seed, 2, 20);
    for (size_t k = 0; k < c.num_bands; k++) {
        c.bands[k] = noise_size(seed, 1, 6);
    }
    set_transform(&c);
    return c;
}

static void check_random_shapes(size_t count)
{
    uint64_t seed = 5;
    for (size_t i = 0; i < count; i++) {
        shape_case c = {.name = "random", .config = random_config(&seed)};
        c.frames = i % 10 == 0 ? 1 : noise_size(&seed, 1, 80);
        c.commit = i % 2 ? noise_size(&seed, 1, c.frames) : 0;
        c.calls = i % 4 == 1 ? 5 : 1;
        check_case(&c, 1 + 2 * (i % 3 == 0));
    }
}

static void check_preset(const char *name, size_t frames, size_t commit, size_t calls)
{
    shape_case c = {.name = name, .frames = frames, .commit = commit, .calls = calls};
    expect(!bsm_config_preset(name, &c.config, NULL), "preset %s", name);
    check_case(&c, sizeof precisions / sizeof *precisions);
}

/* test_parity [how many random shapes] */
int main(int argc, char **argv)
{
    device = device_under_test();
    if (!device) {
        return TEST_SKIPPED;
    }
    size_t shapes = argc > 1 ? (size_t)atoi(argv[1]) : 12;
    check_random_shapes(shapes);
    if (shapes >= 10) { /* few: where everything is instrumented, and slow */
        check_preset("tiny", 6, 2, 3);
    }
    if (device_is_a_card()) {
        check_preset("lite", 130, 0, 3);
        check_preset("paper", 50, 25, 5);
        check_preset("paper", 130, 0, 3);
    }
    return failures() ? 1 : 0;
}
