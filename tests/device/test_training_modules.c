/* SPDX-License-Identifier: ISC */
/* Tests a device's training modules, forward and backward in their order, at odd sizes: the
 * reference device's gradient by every tensor against finite differences, and those of the other
 * devices against the reference device's. The function is linear in the masked spectra, because the
 * loss has kinks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/device.h"
#include "device/differences.h"
#include "device/host/host.h"
#include "device/small_network.h"
#include "noise.h"

enum { SAMPLES = 27, STEMS = 2 };

typedef struct fixture {
    const bsm_training_device *device;
    bsm_config config;
    bsm_model *model; /* for the tensors' names and positions */
    float *vector;
    void *space;             /* starts with a bsm_host */
    bsm_training_item *item; /* the space keeps a pointer to it */
    float *signal;
    float *dmasked[STEMS];
    size_t spectrum; /* number of floats */
} fixture;

#define OK(call) assert_int_equal(call, BSM_OK)

static void load(fixture *f, uint64_t dropout_key)
{
    static const float *channels[BSM_MAX_CHANNELS];
    static const float *const *stems[STEMS] = {channels, channels};
    uint64_t seed = 31;
    bsm_error error = {0};
    f->signal = malloc(BSM_MAX_CHANNELS * SAMPLES * sizeof *f->signal);
    assert_non_null(f->signal);
    noise_fill(&seed, f->signal, BSM_MAX_CHANNELS * SAMPLES);
    channels[0] = f->signal;
    channels[1] = f->signal + SAMPLES;
    f->item = malloc(sizeof *f->item);
    assert_non_null(f->item);
    *f->item = (bsm_training_item){
        .mixture = channels, .stems = stems, .scale = 1, .dropout_key = dropout_key};
    OK(f->device->load(f->space, f->item, &error));
}

static fixture fixture_new(const bsm_device *device, const bsm_config *config, size_t threads,
                           bool checkpointing, double dropout)
{
    fixture f = {.device = device->training, .config = *config};
    bsm_error error = {0};
    bsm_training_options options = {.threads = threads,
                                    .samples = SAMPLES,
                                    .checkpointing = checkpointing,
                                    .dropout = dropout,
                                    .loss = {.lambda_time = 1}};
    f.model = small_network_model(config, &f.vector);
    OK(f.device->space_new(config, &options, f.vector, &f.space, &error));
    load(&f, 5);
    const bsm_host *host = f.space;
    f.spectrum = host->frames * bsm_config_features(config);
    uint64_t seed = 32;
    for (size_t s = 0; s < STEMS; s++) {
        f.dmasked[s] = malloc(f.spectrum * sizeof(float));
        assert_non_null(f.dmasked[s]);
        noise_fill(&seed, f.dmasked[s], f.spectrum);
    }
    return f;
}

static void fixture_free(fixture *f)
{
    f->device->space_free(f->space);
    bsm_model_free(f->model);
    free(f->signal);
    free(f->item);
    for (size_t s = 0; s < STEMS; s++) {
        free(f->dmasked[s]);
    }
}

static void run_features(const fixture *f)
{
    bsm_error error = {0};
    OK(f->device->band_split(f->space, &error));
    for (size_t layer = 0; layer < f->config.depth; layer++) {
        OK(f->device->path(f->space, layer, BSM_ALONG_TIME, &error));
        OK(f->device->path(f->space, layer, BSM_ALONG_BANDS, &error));
    }
}

/* Return the sum over stems of dmasked . masked. */
static double run_forward(void *user)
{
    const fixture *f = user;
    const bsm_host *host = f->space;
    bsm_error error = {0};
    double sum = 0;
    run_features(f);
    for (size_t s = 0; s < STEMS; s++) {
        OK(f->device->mask(f->space, s, &error));
        for (size_t i = 0; i < f->spectrum; i++) {
            sum += (double)f->dmasked[s][i] * (double)host->masked[i];
        }
    }
    return sum;
}

static void run_backward(const fixture *f)
{
    const bsm_host *host = f->space;
    bsm_error error = {0};
    run_features(f);
    for (size_t s = 0; s < STEMS; s++) {
        OK(f->device->mask(f->space, s, &error));
        memcpy(host->masked_gradient, f->dmasked[s], f->spectrum * sizeof(float));
        OK(f->device->mask_backward(f->space, s, &error));
    }
    for (size_t layer = f->config.depth; layer-- > 0;) {
        OK(f->device->path_backward(f->space, layer, BSM_ALONG_BANDS, &error));
        OK(f->device->path_backward(f->space, layer, BSM_ALONG_TIME, &error));
    }
    OK(f->device->band_split_backward(f->space, &error));
}

/* ---- Finite differences ---- */

static void check_tensor(fixture *f, const bsm_tensor *tensor)
{
    const bsm_host *host = f->space;
    float *values = host->vectors[BSM_PARAMETERS] + ((const float *)tensor->data - f->vector);
    const float *gradient = bsm_host_gradient(host, values);
    double *copy = malloc(tensor->count * sizeof *copy);
    assert_non_null(copy);
    for (size_t i = 0; i < tensor->count; i++) {
        copy[i] = (double)gradient[i];
    }
    differences_input input = {tensor->name, values, copy, tensor->count};
    differences_check("network", run_forward, f, &input, 1, 1e-4);
    free(copy);
}

static void check_slopes(const bsm_device *device, const bsm_config *config, double dropout)
{
    fixture f = fixture_new(device, config, 1, true, dropout);
    run_backward(&f);
    for (size_t i = 0; i < bsm_model_num_tensors(f.model); i++) {
        check_tensor(&f, bsm_model_tensor(f.model, i));
    }
    fixture_free(&f);
}

static void test_slopes(void **state)
{
    const bsm_device *device = *state;
    bsm_config mono = small_network_config(1, 5, 1, 1), stereo = small_network_config(3, 3, 4, 2);
    check_slopes(device, &mono, 0);
    check_slopes(device, &stereo, 0);
    check_slopes(device, &stereo, 0.3);
}

/* ---- Devices, threads and checkpointing ---- */

static float *gradients(const bsm_device *device, size_t threads, bool checkpointing, size_t *size)
{
    bsm_config config = small_network_config(3, 3, 4, 2);
    fixture f = fixture_new(device, &config, threads, checkpointing, 0.3);
    const bsm_host *host = f.space;
    *size = host->size;
    float *copy = malloc(host->size * sizeof *copy);
    assert_non_null(copy);
    run_backward(&f);
    memcpy(copy, host->vectors[BSM_GRADIENTS], host->size * sizeof *copy);
    fixture_free(&f);
    return copy;
}

static double distance(const float *a, const float *b, size_t size)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < size; i++) {
        off += pow((double)a[i] - (double)b[i], 2);
        norm += pow((double)b[i], 2);
    }
    return sqrt(off / norm);
}

/* Every device drops the same numbers, and yields the same gradients except for rounding. */
static void test_agreement(void **state)
{
    const bsm_device *device = *state;
    size_t size;
    float *one = gradients(&bsm_reference_device, 1, true, &size);
    for (size_t threads = 1; threads <= 17; threads += 4) { /* also more than there are sequences */
        float *kept = gradients(device, threads, false, &size);
        float *again = gradients(device, threads, true, &size);
        assert_memory_equal(kept, again, size * sizeof *kept);
        assert_true(distance(kept, one, size) < 1e-5);
        free(kept);
        free(again);
    }
    free(one);
}

static void test_sums_items(void **state)
{
    const bsm_device *device = *state;
    bsm_config config = small_network_config(3, 3, 4, 2);
    fixture f = fixture_new(device, &config, 2, true, 0);
    const bsm_host *host = f.space;
    float *once = malloc(host->size * sizeof *once);
    assert_non_null(once);
    run_backward(&f);
    memcpy(once, host->vectors[BSM_GRADIENTS], host->size * sizeof *once);
    run_backward(&f);
    for (size_t i = 0; i < host->size; i++) {
        once[i] *= 2;
    }
    assert_true(distance(host->vectors[BSM_GRADIENTS], once, host->size) < 1e-6);
    free(once);
    fixture_free(&f);
}

int main(void)
{
    void *reference = (void *)(uintptr_t)&bsm_reference_device;
    void *cpu = (void *)(uintptr_t)&bsm_cpu_device;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_slopes, reference),
        cmocka_unit_test_prestate(test_agreement, reference),
        cmocka_unit_test_prestate(test_sums_items, reference),
        cmocka_unit_test_prestate(test_agreement, cpu),
        cmocka_unit_test_prestate(test_sums_items, cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
