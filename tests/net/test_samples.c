/* SPDX-License-Identifier: ISC */
/* Tests a network whose device takes spectra: its result is bit-identical to the STFT, the device's
 * modules and the sum of the windowed frames. Also tests what an observer of a network is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "blocks.h"
#include "bsm/stft.h"
#include "noise.h"
#include "signal/frames.h"
#include "spectra.h"

enum { FRAMES = 9, COMMIT = 4, BLOCKS = 3, N_FFT = 64, HOP = 20, FEATURES = 2 * 33 };
enum { SAMPLES = (FRAMES + BLOCKS * COMMIT - 1) * HOP + N_FFT };

static float audio[SAMPLES];
static float spectrum[FRAMES + BLOCKS * COMMIT][FEATURES];

static bsm_stft *stft;
static bsm_model *model;

static void make_model(void)
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
    model = open_config(&config);
}

static int make_signal(void **unused)
{
    (void)unused;
    uint64_t seed = 5;
    noise_fill(&seed, audio, SAMPLES);
    assert_int_equal(bsm_stft_new(N_FFT, HOP, 1, &stft, NULL), BSM_OK);
    for (size_t f = 0; f < FRAMES + BLOCKS * COMMIT; f++) {
        const float *at[1] = {audio + f * HOP};
        bsm_stft_analyse(stft, at, spectrum[f]);
    }
    make_model();
    return 0;
}

static int forget(void **unused)
{
    (void)unused;
    bsm_stft_free(stft);
    bsm_model_free(model);
    return 0;
}

/* Compare the second stem of a block that starts at frame `start`, by the network and by its device
 * alone. */
static void check_block(bsm_network *network, const spectral_model *spectral, size_t start,
                        bsm_block block)
{
    static float sums[SAMPLES], expected[SAMPLES], masked[FRAMES][FEATURES];
    float *planes[1] = {sums};
    const float *in[1] = {audio + start * HOP};
    float *const *stems[BSM_MAX_STEMS] = {NULL, planes};
    const size_t given = (block.wanted - block.first - 1) * HOP + N_FFT;
    for (size_t i = 0; i < given; i++) {
        sums[i] = expected[i] = 0.5F * (float)i; /* the block is added to what is in the buffer */
    }
    block.audio = in;
    block.stems = stems;
    assert_int_equal(bsm_network_run(network, &block, NULL), BSM_OK);
    run_spectra(spectral, spectrum[start], &block, 1, masked[0], NULL, NULL);
    for (size_t f = block.first; f < block.wanted; f++) {
        float *at[1] = {expected + (f - block.first) * HOP};
        bsm_stft_synthesise(stft, masked[f], at);
    }
    assert_memory_equal(sums, expected, given * sizeof(float));
}

static void test_blocks(void **unused)
{
    (void)unused;
    const bsm_block block = {.frames = FRAMES, .wanted = COMMIT, .commit = COMMIT};
    bsm_network *network = open_network(model, BSM_DEVICE_CPU, 1, FRAMES);
    spectral_model spectral = open_spectral(BSM_DEVICE_CPU, model, FRAMES);
    check_block(network, &spectral, 2, (bsm_block){.frames = FRAMES, .wanted = FRAMES});
    check_block(network, &spectral, 2, (bsm_block){.frames = FRAMES, .wanted = 7, .first = 3});
    for (size_t b = 0; b < BLOCKS; b++) {
        check_block(network, &spectral, b * COMMIT, block);
    }
    close_spectral(&spectral);
    bsm_network_free(network);
}

/* The frames that two blocks share, committed or looked at, are those of the first block: they are
 * not transformed again. */
static void test_shared_frames_are_transformed_once(void **unused)
{
    (void)unused;
    static float samples[SAMPLES], sums[2][SAMPLES];
    bsm_network *network = open_network(model, BSM_DEVICE_CPU, 1, FRAMES);
    for (size_t spoilt = 0; spoilt < 2; spoilt++) {
        float *planes[1] = {sums[spoilt]};
        const float *in[1] = {samples};
        float *const *stems[BSM_MAX_STEMS] = {planes};
        memcpy(samples, audio, sizeof samples);
        bsm_block block = {.frames = FRAMES, .wanted = COMMIT, .audio = in, .stems = stems};
        assert_int_equal(bsm_network_run(network, &block, NULL), BSM_OK);
        in[0] = samples + COMMIT * HOP;
        if (spoilt) { /* only samples of shared frames, because the others begin after them */
            memset(samples + COMMIT * HOP, 0, (FRAMES - COMMIT) * HOP * sizeof(float));
        }
        block.shared = FRAMES - COMMIT;
        assert_int_equal(bsm_network_run(network, &block, NULL), BSM_OK);
    }
    assert_memory_equal(sums[0], sums[1], sizeof sums[0]);
    bsm_network_free(network);
}

/* What has been observed, one letter each, up to the size of the array. */
typedef struct events {
    char letters[24];
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
    note(user, "AbtBmS"[module]);
    return true;
}

static void test_modules_are_observed(void **unused)
{
    (void)unused;
    static float sums[SAMPLES];
    bsm_network *network = open_network(model, BSM_DEVICE_CPU, 1, FRAMES);
    float *planes[1] = {sums};
    float *const *stems[BSM_MAX_STEMS] = {planes, planes};
    const float *in[1] = {audio};
    const bsm_block block = {.frames = FRAMES, .wanted = FRAMES, .audio = in, .stems = stems};
    events seen = {0};
    bsm_network_observe(network, note_module, &seen);
    assert_int_equal(bsm_network_run(network, &block, NULL), BSM_OK);
    assert_string_equal(seen.letters, "AbtBmSmS");
    bsm_network_free(network);
}

/* If sums are taken in pieces of any size, they are bit-identical to bsm_stft_inverse. */
static void test_sums_in_pieces(void **unused)
{
    (void)unused;
    enum { ALL = FRAMES + BLOCKS * COMMIT };
    static float expected[ALL * HOP], actual[ALL * HOP];
    bsm_overlap_add *ola;
    float *whole[1] = {expected};
    assert_int_equal(bsm_overlap_add_new(N_FFT, HOP, 1, ALL, 0, &ola, NULL), BSM_OK);
    bsm_stft_inverse(stft, spectrum[0], ALL, whole, ALL * HOP - N_FFT / 2);
    for (size_t f = 0, count = 1; f < ALL; f += count, count++) {
        count = count < ALL - f ? count : ALL - f;
        for (size_t i = f; i < f + count; i++) {
            float *to[1] = {bsm_overlap_add_sums(ola)[0] + (i - f) * HOP};
            bsm_stft_synthesise(stft, spectrum[i], to);
        }
        float *to[1] = {actual + f * HOP};
        bsm_overlap_add_take(ola, count, to);
    }
    assert_memory_equal(actual + N_FFT / 2, expected, (ALL * HOP - N_FFT / 2) * sizeof(float));
    bsm_overlap_add_free(ola);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_shared_frames_are_transformed_once),
        cmocka_unit_test(test_modules_are_observed),
        cmocka_unit_test(test_sums_in_pieces),
    };
    return cmocka_run_group_tests(tests, make_signal, forget);
}
