/* SPDX-License-Identifier: ISC */
/* Compares the CPU device's training with the reference device's, module by module and on every
 * instruction set. The gradient by the masked spectrum is noise instead of a loss's, which could
 * jump where the devices differ by rounding. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/cpu/training/space.h"
#include "golden.h"
#include "model/weight_vector.h"
#include "noise.h"

/* ---- Cases ---- */

typedef struct training_case {
    size_t frames, bands; /* the lengths of sequences along the two axes */
    size_t dim, expand, headdim, d_state, d_conv, channels, stems;
    double dropout;
} training_case;

static const training_case cases[] = {
    {.frames = 1,
     .bands = 3,
     .dim = 8,
     .expand = 2,
     .headdim = 8,
     .d_state = 5,
     .d_conv = 4,
     .channels = 2,
     .stems = 1},
    {.frames = 63,
     .bands = 1,
     .dim = 6,
     .expand = 4,
     .headdim = 8,
     .d_state = 3,
     .d_conv = 1,
     .channels = 1,
     .stems = 2},
    {.frames = 5,
     .bands = 64,
     .dim = 8,
     .expand = 2,
     .headdim = 16,
     .d_state = 16,
     .d_conv = 4,
     .channels = 1,
     .stems = 1,
     .dropout = 0.3},
    {.frames = 65,
     .bands = 2,
     .dim = 16,
     .expand = 4,
     .headdim = 64,
     .d_state = 7,
     .d_conv = 3,
     .channels = 2,
     .stems = 1},
    {.frames = 130,
     .bands = 3,
     .dim = 12,
     .expand = 4,
     .headdim = 16,
     .d_state = 9,
     .d_conv = 4,
     .channels = 2,
     .stems = 2,
     .dropout = 0.1},
    {.frames = 2,
     .bands = 130,
     .dim = 5,
     .expand = 3,
     .headdim = 5,
     .d_state = 4,
     .d_conv = 5,
     .channels = 1,
     .stems = 1},
    {.frames = 64,
     .bands = 9,
     .dim = 32,
     .expand = 2,
     .headdim = 64,
     .d_state = 33,
     .d_conv = 4,
     .channels = 2,
     .stems = 1},
    {.frames = 70,
     .bands = 3,
     .dim = 64,
     .expand = 4,
     .headdim = 64,
     .d_state = 32,
     .d_conv = 4,
     .channels = 1,
     .stems = 2},
};

enum { NUM_CASES = sizeof cases / sizeof *cases };

/* Return a configuration with bands of one bin, except for a wider last one. */
static bsm_config config_of(const training_case *c)
{
    bsm_config config;
    assert_int_equal(bsm_config_preset("tiny", &config, NULL), BSM_OK);
    size_t bins = c->bands + 4;
    config.dim = c->dim;
    config.depth = 1 + c->stems % 2;
    config.expand = c->expand;
    config.headdim = c->headdim;
    config.d_state = c->d_state;
    config.d_conv = c->d_conv;
    config.mask_expansion = 3;
    config.channels = c->channels;
    config.num_bands = c->bands;
    for (size_t k = 0; k < c->bands; k++) {
        config.bands[k] = k + 1 < c->bands ? 1 : bins + 1 - c->bands;
    }
    config.n_fft = 2 * (bins - 1);
    config.hop = c->frames == 1 ? config.n_fft : 3;
    config.num_stems = c->stems;
    strcpy(config.stems[0], "vocals");
    strcpy(config.stems[1], "other");
    bsm_error error = {0};
    if (bsm_config_validate(&config, &error)) {
        fail_msg("%s", error.message);
    }
    return config;
}

/* ---- Running a device ---- */

typedef struct results {
    float *masked; /* [stem][frame][feature] */
    float *gradients;
    size_t num_masked, num_gradients;
} results;

static void free_results(results *r)
{
    free(r->masked);
    free(r->gradients);
}

typedef struct run_options {
    const bsm_training_device *device;
    const bsm_kernels *kernels; /* of the CPU device; NULL: the best ones */
    size_t threads;
    bool checkpointing;
} run_options;

static float *copy(const float *values, size_t count)
{
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    memcpy(out, values, count * sizeof *out);
    return out;
}

static float *noise(uint64_t seed, size_t count)
{
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    noise_fill(&seed, out, count);
    return out;
}

static void load_noise(const training_case *c, const bsm_training_device *device, void *space,
                       bsm_training_item *item)
{
    const bsm_host *host = space;
    size_t samples = host->options.samples;
    float *signals = noise(7, 2 * samples);
    const float *channels[] = {signals, signals + samples};
    const float *const *stems[] = {channels, channels};
    *item = (bsm_training_item){
        .mixture = channels, .stems = stems, .scale = 1, .dropout_key = 1 + c->frames};
    assert_int_equal(device->load(space, item, NULL), BSM_OK);
    free(signals);
}

static void run_forward(const bsm_training_device *device, void *space)
{
    const bsm_host *host = space;
    assert_int_equal(device->band_split(space, NULL), BSM_OK);
    for (size_t layer = 0; layer < host->config.depth; layer++) {
        assert_int_equal(device->path(space, layer, BSM_ALONG_TIME, NULL), BSM_OK);
        assert_int_equal(device->path(space, layer, BSM_ALONG_BANDS, NULL), BSM_OK);
    }
}

static void run_stem(const bsm_training_device *device, void *space, size_t stem, float *masked)
{
    const bsm_host *host = space;
    size_t count = host->frames * bsm_config_features(&host->config);
    assert_int_equal(device->mask(space, stem, NULL), BSM_OK);
    memcpy(masked + stem * count, host->masked, count * sizeof *masked);
    float *gradient = noise(100 + stem, count);
    memcpy(host->masked_gradient, gradient, count * sizeof *gradient);
    free(gradient);
    assert_int_equal(device->mask_backward(space, stem, NULL), BSM_OK);
}

static void run_backward(const bsm_training_device *device, void *space)
{
    const bsm_host *host = space;
    for (size_t layer = host->config.depth; layer-- > 0;) {
        assert_int_equal(device->path_backward(space, layer, BSM_ALONG_BANDS, NULL), BSM_OK);
        assert_int_equal(device->path_backward(space, layer, BSM_ALONG_TIME, NULL), BSM_OK);
    }
    assert_int_equal(device->band_split_backward(space, NULL), BSM_OK);
}

/* Set the kernels, and divide the memory again, because its parts depend on them. */
static void set_kernels(bsm_cpu_training_space *space, const bsm_kernels *kernels)
{
    size_t activations;
    bsm_carver carver = {.block = space->memory};
    space->kernels = kernels;
    bsm_cpu_training_divide(space, &carver, &activations);
}

static void *new_space(const training_case *c, const run_options *options)
{
    bsm_config config = config_of(c);
    size_t samples = c->frames == 1 ? config.hop - 1 : (c->frames - 1) * config.hop;
    bsm_training_options training = {.threads = options->threads,
                                     .samples = samples,
                                     .checkpointing = options->checkpointing,
                                     .dropout = c->dropout,
                                     .loss = {.num_windows = 1, .windows = {4}, .hop = 3}};
    bsm_model *model;
    assert_int_equal(bsm_model_new_untrained(&config, &model, NULL), BSM_OK);
    size_t size;
    assert_int_equal(bsm_vector_size(&config, &size, NULL), BSM_OK);
    float *parameters = calloc(size, sizeof *parameters);
    assert_non_null(parameters);
    bsm_vector_read(model, parameters);
    bsm_model_free(model);
    void *space;
    bsm_error error = {0};
    if (options->device->space_new(&config, &training, parameters, &space, &error)) {
        fail_msg("%s", error.message);
    }
    free(parameters);
    if (options->kernels) {
        set_kernels(space, options->kernels);
    }
    return space;
}

/* Run two items, to test that gradients are added. */
static results run(const training_case *c, const run_options *options)
{
    const bsm_training_device *device = options->device;
    void *space = new_space(c, options);
    const bsm_host *host = space;
    assert_int_equal(host->frames, c->frames);
    size_t count = c->stems * host->frames * bsm_config_features(&host->config);
    results r = {.num_masked = count, .num_gradients = host->size};
    r.masked = malloc(count * sizeof *r.masked);
    assert_non_null(r.masked);
    for (int i = 0; i < 2; i++) {
        bsm_training_item item;
        load_noise(c, device, space, &item);
        run_forward(device, space);
        for (size_t stem = 0; stem < c->stems; stem++) {
            run_stem(device, space, stem, r.masked);
        }
        run_backward(device, space);
    }
    r.gradients = copy(host->vectors[BSM_GRADIENTS], host->size);
    device->space_free(space);
    return r;
}

/* ---- Tests ---- */

static double norm_of(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)a[i] - (b ? (double)b[i] : 0);
        sum += d * d;
    }
    return sqrt(sum);
}

/* Compare the gradient of each tensor alone, so that large others cannot hide a wrong one. */
static void compare(const training_case *c, const char *name, const results *actual,
                    const results *expected)
{
    bsm_config config = config_of(c);
    bsm_model *model;
    double error = golden_relative_error(actual->masked, expected->masked, expected->num_masked);
    if (!(error < 5e-6)) {
        fail_msg("%s, %zu x %zu: masked spectra are off by %g", name, c->frames, c->bands, error);
    }
    assert_int_equal(bsm_model_new_untrained(&config, &model, NULL), BSM_OK);
    double whole = norm_of(expected->gradients, NULL, expected->num_gradients);
    size_t at = 0;
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        double size = norm_of(expected->gradients + at, NULL, tensor->count);
        error = norm_of(actual->gradients + at, expected->gradients + at, tensor->count) /
                fmax(size, 1e-4 * whole); /* a small sum of large terms has their rounding */
        if (!(error < 2e-4)) {
            fail_msg("%s, %zu x %zu: gradient by %s is off by %g", name, c->frames, c->bands,
                     tensor->name, error);
        }
        at += (tensor->count + BSM_VECTOR_ALIGNMENT - 1) / BSM_VECTOR_ALIGNMENT *
              BSM_VECTOR_ALIGNMENT;
    }
    assert_int_equal(at, expected->num_gradients);
    bsm_model_free(model);
}

static void test_against_reference(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < NUM_CASES; i++) {
        results expected =
            run(&cases[i], &(run_options){.device = &bsm_reference_training, .threads = 2});
        for (size_t k = 0; bsm_kernels_at(k); k++) {
            run_options options = {.device = &bsm_cpu_training,
                                   .kernels = bsm_kernels_at(k),
                                   .threads = 1 + 2 * (k % 2)};
            results actual = run(&cases[i], &options);
            compare(&cases[i], options.kernels->name, &actual, &expected);
            free_results(&actual);
        }
        free_results(&expected);
    }
}

static void assert_same_bits(const results *a, const results *b)
{
    assert_memory_equal(a->masked, b->masked, a->num_masked * sizeof *a->masked);
    assert_memory_equal(a->gradients, b->gradients, a->num_gradients * sizeof *a->gradients);
}

static void test_checkpointing_gives_the_same_bits(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < NUM_CASES; i++) {
        run_options options = {.device = &bsm_cpu_training, .threads = 3};
        results kept = run(&cases[i], &options);
        results again = run(&cases[i], &options);
        options.checkpointing = true;
        results computed = run(&cases[i], &options);
        assert_same_bits(&again, &kept);
        assert_same_bits(&computed, &kept);
        free_results(&kept);
        free_results(&again);
        free_results(&computed);
    }
}

/* The memory that is planned is allocated, except for the host's part, which has a test of its
 * own. */
static void test_plan(void **unused)
{
    (void)unused;
    bsm_training_memory host = {0}, all[2];
    bsm_config config = config_of(&cases[4]);
    for (int checkpointing = 0; checkpointing < 2; checkpointing++) {
        run_options options = {
            .device = &bsm_cpu_training, .threads = 3, .checkpointing = checkpointing};
        bsm_cpu_training_space *space = new_space(&cases[4], &options);
        const bsm_training_options *training = &space->host.options;
        bsm_carver carver = {0};
        size_t activations;
        host = (bsm_training_memory){0};
        assert_int_equal(bsm_host_plan(&config, training, &host, NULL), BSM_OK);
        assert_int_equal(bsm_cpu_training.plan(&config, training, &all[checkpointing], NULL),
                         BSM_OK);
        bsm_cpu_training_space copy_of = *space;
        bsm_cpu_training_divide(&copy_of, &carver, &activations);
        assert_int_equal(all[checkpointing].activations - host.activations, activations);
        assert_int_equal(all[checkpointing].scratch - host.scratch, carver.used - activations);
        assert_int_equal(all[checkpointing].parameters, host.parameters);
        bsm_cpu_training.space_free(space);
    }
    assert_true(all[1].activations < all[0].activations / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_reference),
        cmocka_unit_test(test_checkpointing_gives_the_same_bits),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
