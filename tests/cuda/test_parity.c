/* SPDX-License-Identifier: ISC */
/* The CUDA device against `reference`: windows and streams of networks of many shapes, in each
 * precision, with all stems and some, each call several times so that it is recorded and played. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/network.h"
#include "conditioning.h"
#include "device_under_test.h"
#include "net/place.h"
#include "noise.h"
#include "random_config.h"

static const bsm_device *device;

/* What a precision may be off by; in random networks that are ill-conditioned, more. */
static const struct {
    bsm_precision precision;
    const char *name;
    double tolerance;
    int bits; /* significant ones; 0: the tolerance holds for all networks */
} precisions[] = {
    {BSM_PRECISION_FLOAT32, "float32", 1e-5, 0},
    {BSM_PRECISION_TF32, "tf32", 4e-3, 11},
    {BSM_PRECISION_BFLOAT16, "bfloat16", 1e-2, 8},
    {BSM_PRECISION_INT8, "int8", 1e-2, 8}, /* which the card does in bfloat16 */
};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

static typical_error typical[PRECISIONS];

typedef struct shape_case {
    bsm_config config;
    const char *name;
    bool random;           /* may be ill-conditioned */
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

static size_t spectrum_frames(const shape_case *c)
{
    return c->frames + c->calls * c->commit;
}

static size_t numbers(const shape_case *c)
{
    size_t given = c->commit ? c->commit : c->frames;
    return c->calls * c->config.num_stems * given * bsm_config_features(&c->config);
}

static double off_by(const shape_case *c, const float *actual, const float *expected)
{
    return actual && expected ? relative_error(actual, expected, numbers(c)) : INFINITY;
}

/* How far rounding to `bits` significant bits moves what `reference` expects. */
static double moved_by_rounding(const bsm_model *model, const shape_case *c, int bits,
                                const float *expected)
{
    const size_t frames = spectrum_frames(c);
    double most = 0;
    for (uint64_t number = 1; number <= DISTURBANCES; number++) {
        const disturbance d = {bits, number};
        bsm_model *disturbed = disturbed_model(model, &d);
        float *spectrum = noise_spectrum(&c->config, frames, 7), *moved = NULL;
        if (spectrum && disturbed) {
            disturb(&d, 1, spectrum, frames * bsm_config_features(&c->config));
            moved = run_case(&bsm_reference_device, disturbed, c, BSM_PRECISION_FLOAT32, spectrum);
        }
        most = fmax(most, moved ? off_by(c, moved, expected) : 0);
        free(moved);
        free(spectrum);
        bsm_model_free(disturbed);
    }
    return most;
}

static void check_precision(bsm_model *model, const shape_case *c, size_t p, const float *spectrum,
                            const float *expected)
{
    float *actual = run_case(device, model, c, precisions[p].precision, spectrum);
    double off = off_by(c, actual, expected), move = 0;
    printf("%-10s %-8s %4zu frames, commit %3zu: off by %.2g", c->name, precisions[p].name,
           c->frames, c->commit, off);
    if (c->random && precisions[p].bits) {
        move = moved_by_rounding(model, c, precisions[p].bits, expected);
        printf(", rounding moves %.2g", move);
        add_error(&typical[p], off, move);
    }
    putchar('\n');
    expect(off < allowed_error(precisions[p].tolerance, move),
           "dim %zu expand %zu headdim %zu d_state %zu d_conv %zu bands %zu: off by %g",
           c->config.dim, c->config.expand, c->config.headdim, c->config.d_state, c->config.d_conv,
           c->config.num_bands, off);
    free(actual);
}

static void check_case(const shape_case *c, size_t num_precisions)
{
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_new_untrained(&c->config, &model, &error)) {
        expect(false, "%s", error.message);
        return;
    }
    float *spectrum = noise_spectrum(&c->config, spectrum_frames(c), 7);
    float *expected = run_case(&bsm_reference_device, model, c, BSM_PRECISION_FLOAT32, spectrum);
    for (size_t p = 0; p < num_precisions; p++) {
        check_precision(model, c, p, spectrum, expected);
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
        shape_case c = {.name = "random", .random = true, .config = random_config(&seed)};
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
    check_case(&c, PRECISIONS);
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
        check_preset("live", 9, 4, 2); /* its scan is one kernel in bfloat16 */
    }
    if (device_is_a_card() && shapes >= 10) {
        check_preset("lite", 130, 0, 3);
        check_preset("paper", 50, 25, 5);
        check_preset("paper", 130, 0, 3);
    }
    for (size_t p = 0; p < PRECISIONS; p++) {
        check_typical_error(&typical[p], precisions[p].name);
    }
    return failures() ? 1 : 0;
}
