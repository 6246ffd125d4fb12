/* SPDX-License-Identifier: ISC */
/* Sound through a network whose device has no transform: to the bit what the host's transform, the
 * network and the sum of the windowed frames give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/sound.h"
#include "noise.h"
#include "separate/separation.h"
#include "signal/overlap_add.h"
#include "spectra.h"

enum { FRAMES = 9, COMMIT = 4, BLOCKS = 3, N_FFT = 64, HOP = 20, FEATURES = 2 * 33 };
enum { SAMPLES = (FRAMES + BLOCKS * COMMIT - 1) * HOP + N_FFT };

static float audio[SAMPLES];
static float spectrum[FRAMES + BLOCKS * COMMIT][FEATURES];

static bsm_network *open_mono(void)
{
    const bsm_config config = {.dim = 6,
                               .depth = 1,
                               .expand = 2,
                               .headdim = 4,
                               .d_state = 3,
                               .d_conv = 3,
                               .mask_expansion = 2,
                               .num_bands = 3,
                               .bands = {3, 10, 20},
                               .n_fft = N_FFT,
                               .hop = HOP,
                               .sample_rate = 8000,
                               .channels = 1,
                               .num_stems = 2,
                               .stems = {"vocals", "drums"},
                               .segment = 1};
    bsm_model *model = open_config(&config);
    const bsm_network_options options = {
        .device = BSM_DEVICE_CPU, .threads = 1, .max_frames = FRAMES, .streaming = true};
    bsm_network *network = NULL;
    assert_int_equal(bsm_network_new(model, &options, &network, NULL), BSM_OK);
    bsm_model_free(model);
    return network;
}

static int make_signal(void **unused)
{
    (void)unused;
    uint64_t seed = 5;
    bsm_stft *stft;
    noise_fill(&seed, audio, SAMPLES);
    assert_int_equal(bsm_stft_new(N_FFT, HOP, 1, &stft, NULL), BSM_OK);
    for (size_t f = 0; f < FRAMES + BLOCKS * COMMIT; f++) {
        const float *at[1] = {audio + f * HOP};
        bsm_stft_analyse(stft, at, spectrum[f]);
    }
    bsm_stft_free(stft);
    return 0;
}

/* The second stem of a block that starts at frame `start`: as sound, and as `masked`. */
static void check_block(bsm_network *network, size_t start, const bsm_block *block, size_t first,
                        const float *masked)
{
    static float sums[SAMPLES], expected[SAMPLES];
    float *planes[1] = {sums}, *right[1] = {expected};
    float *const *stems[BSM_MAX_STEMS] = {NULL, planes};
    const float *in[1] = {audio + start * HOP};
    const bsm_sound sound = {.audio = in, .first = first, .stems = stems};
    assert_int_equal(bsm_network_sound(network, block, &sound, NULL), BSM_OK);
    bsm_overlap_add *ola;
    assert_int_equal(bsm_overlap_add_new(N_FFT, HOP, 1, &ola, NULL), BSM_OK);
    bsm_overlap_add_sum(ola, masked + first * FEATURES, block->wanted - first, right);
    bsm_overlap_add_free(ola);
    const size_t given = (block->wanted - first - 1) * HOP + N_FFT;
    assert_memory_equal(sums, expected, given * sizeof(float));
}

static void test_windows(void **unused)
{
    (void)unused;
    bsm_network *network = open_mono();
    float masked[FRAMES][FEATURES], *stems[BSM_MAX_STEMS] = {NULL, masked[0]};
    assert_false(bsm_network_takes_sound(network));
    assert_null(bsm_separator_of_network(network).sound);
    assert_int_equal(bsm_network_forward(network, spectrum[2], FRAMES, stems, NULL), BSM_OK);
    check_block(network, 2, &(bsm_block){.frames = FRAMES, .wanted = FRAMES}, 0, masked[0]);
    check_block(network, 2, &(bsm_block){.frames = FRAMES, .wanted = 7}, 3, masked[0]);
    bsm_network_free(network);
}

/* What has been observed, a letter each, and no more than fits. */
typedef struct events {
    char letters[16];
    size_t count;
} events;

static void note(events *seen, char letter)
{
    if (seen->count + 1 < sizeof seen->letters) {
        seen->letters[seen->count++] = letter;
    }
}

static bool note_module(void *user, bsm_module module, size_t layer)
{
    (void)layer;
    note(user, "btBm"[module]);
    return true;
}

static void note_transform(void *user, bsm_transform transform)
{
    note(user, transform == BSM_ANALYSIS ? 'A' : 'S');
}

static void test_transforms_are_observed(void **unused)
{
    (void)unused;
    bsm_network *network = open_mono();
    float sums[SAMPLES], *planes[1] = {sums};
    float *const *stems[BSM_MAX_STEMS] = {planes, planes};
    const float *in[1] = {audio};
    const bsm_block block = {.frames = FRAMES, .wanted = FRAMES};
    const bsm_sound sound = {.audio = in, .stems = stems};
    events seen = {0};
    bsm_network_observe(network, note_module, &seen);
    bsm_network_observe_transforms(network, note_transform, &seen);
    assert_int_equal(bsm_network_sound(network, &block, &sound, NULL), BSM_OK);
    assert_string_equal(seen.letters, "AbtBmmS");
    bsm_network_observe_transforms(network, NULL, NULL);
    seen = (events){0};
    assert_int_equal(bsm_network_sound(network, &block, &sound, NULL), BSM_OK);
    assert_string_equal(seen.letters, "btBmm");
    bsm_network_free(network);
}

static void test_streams(void **unused)
{
    (void)unused;
    bsm_network *of_spectra = open_mono(), *of_sound = open_mono();
    const bsm_block block = {.frames = FRAMES, .wanted = COMMIT, .commit = COMMIT};
    for (size_t b = 0; b < BLOCKS; b++) {
        float masked[COMMIT][FEATURES], *stems[BSM_MAX_STEMS] = {NULL, masked[0]};
        assert_int_equal(
            bsm_network_stream(of_spectra, spectrum[b * COMMIT], FRAMES, COMMIT, stems, NULL),
            BSM_OK);
        check_block(of_sound, b * COMMIT, &block, 0, masked[0]);
    }
    bsm_network_free(of_spectra);
    bsm_network_free(of_sound);
}

/* Pushed in blocks, sums are what their frames are one by one, but for rounding. */
static void test_sums_are_their_frames(void **unused)
{
    (void)unused;
    enum { ALL = FRAMES + BLOCKS * COMMIT };
    bsm_overlap_add *one, *many;
    float expected[ALL * HOP], actual[ALL * HOP], sums[SAMPLES];
    assert_int_equal(bsm_overlap_add_new(N_FFT, HOP, 1, &one, NULL), BSM_OK);
    assert_int_equal(bsm_overlap_add_new(N_FFT, HOP, 1, &many, NULL), BSM_OK);
    for (size_t f = 0, count = 1; f < ALL; f += count, count++) {
        count = count < ALL - f ? count : ALL - f;
        for (size_t i = f; i < f + count; i++) {
            float *to[1] = {expected + i * HOP};
            bsm_overlap_add_push(one, spectrum[i], to);
        }
        float *at[1] = {sums}, *to[1] = {actual + f * HOP};
        bsm_overlap_add_sum(many, spectrum[f], count, at);
        bsm_overlap_add_push_sums(many, at, count, to);
    }
    assert_true(golden_relative_error(actual, expected, (size_t)ALL * HOP) < 1e-6);
    bsm_overlap_add_free(one);
    bsm_overlap_add_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_transforms_are_observed),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_sums_are_their_frames),
    };
    return cmocka_run_group_tests(tests, make_signal, NULL);
}
