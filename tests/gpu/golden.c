/* SPDX-License-Identifier: ISC */
/* The published model's numbers (tests/data) on the CUDA device: windows and streams, from waveform
 * to waveform, in each precision. golden [PRESET...] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/network.h"
#include "bsm/stft.h"
#include "device_under_test.h"
#include "net/place.h"
#include "separate/blocks.h"
#include "tensors.h"

static const struct {
    bsm_precision precision;
    const char *name;
    double tolerance;
} precisions[] = {
    {BSM_PRECISION_FLOAT32, "float32", 1e-5},
    {BSM_PRECISION_TF32, "tf32", 1e-2},
    {BSM_PRECISION_BFLOAT16, "bfloat16", 1e-2},
};

typedef struct golden_case {
    const char *preset, *file;
    const char *stream; /* the tensor of the stream's output; NULL: none is kept */
    size_t commit, lookahead;
} golden_case;

static const golden_case cases[] = {
    {"tiny", "tiny.inference.thin.safetensors", NULL, 0, 0},
    {"lite", "lite.safetensors", "stream_c10_l10", 10, 10},
    {"paper", "paper.safetensors", "stream_c10_l10", 10, 10},
};

/* What a case works on. */
typedef struct run_state {
    const golden_case *c;
    bsm_model *model;
    const bsm_config *config;
    bsm_stft *stft;
    tensors *file;
    size_t samples, frames, features;
    float *spectrum, *masked, *audio;
} run_state;

static bool open_run(run_state *r, const golden_case *c)
{
    *r = (run_state){.c = c};
    bsm_config config;
    bsm_error error = {0};
    size_t shape[4];
    r->file = tensors_open(c->file);
    const float *input = r->file ? tensors_find(r->file, "input", shape) : NULL;
    if (!input || bsm_config_preset(c->preset, &config, &error) ||
        bsm_model_new_untrained(&config, &r->model, &error)) {
        expect(false, "%s: %s", c->file, error.message);
        return false;
    }
    r->config = bsm_model_config(r->model);
    r->samples = shape[1];
    if (bsm_stft_new(config.n_fft, config.hop, config.channels, &r->stft, &error)) {
        expect(false, "%s", error.message);
        return false;
    }
    r->frames = bsm_stft_frames(r->stft, r->samples);
    r->features = bsm_config_features(&config);
    r->spectrum = calloc(r->frames * r->features, sizeof *r->spectrum);
    r->masked = calloc(r->frames * r->features, sizeof *r->masked);
    r->audio = calloc(2 * r->samples, sizeof *r->audio);
    if (!r->spectrum || !r->masked || !r->audio) {
        expect(false, "no memory");
        return false;
    }
    const float *channels[2] = {input, input + r->samples};
    bsm_stft_forward(r->stft, channels, r->samples, r->spectrum);
    return true;
}

static void close_run(run_state *r)
{
    tensors_close(r->file);
    bsm_model_free(r->model);
    bsm_stft_free(r->stft);
    free(r->spectrum);
    free(r->masked);
    free(r->audio);
}

/* `transforms`: whose. */
static void check_audio(const run_state *r, const char *tensor, const char *transforms, size_t p)
{
    size_t shape[4];
    const float *expected = tensors_find(r->file, tensor, shape);
    double off = expected ? relative_error(r->audio, expected, 2 * r->samples) : 1;
    printf("%-6s %-15s %-9s %-6s off by %.2g\n", r->c->preset, tensor, precisions[p].name,
           transforms, off);
    expect(off < precisions[p].tolerance, "%s %s in %s: off by %g", r->c->preset, tensor,
           precisions[p].name, off);
}

static void check_output(const run_state *r, const char *tensor, size_t p)
{
    float *channels[2] = {r->audio, r->audio + r->samples};
    bsm_stft_inverse(r->stft, r->masked, r->frames, channels, r->samples);
    check_audio(r, tensor, "host", p);
}

/* ---- Sound ---- */

/* The input, from where it has been read to. */
typedef struct input_state {
    const run_state *r;
    size_t position;
} input_state;

static bsm_status read_input(void *user, float *const *audio, size_t count, size_t *got,
                             bsm_error *error)
{
    (void)error;
    input_state *in = user;
    size_t shape[4], left = in->r->samples - in->position;
    const float *input = tensors_find(in->r->file, "input", shape);
    *got = count < left ? count : left;
    for (size_t c = 0; c < 2; c++) {
        memcpy(audio[c], input + c * in->r->samples + in->position, *got * sizeof(float));
    }
    in->position += *got;
    return BSM_OK;
}

/* In blocks of sound, the transforms on the device; one block of all frames is a window. */
static bsm_status separate_sound(const run_state *r, bsm_network *network, bsm_block_shape shape,
                                 bsm_error *error)
{
    input_state in = {.r = r};
    bsm_separation separation = {.config = r->config,
                                 .separator = bsm_separator_of_network(network),
                                 .signal = {&in, read_input},
                                 .lanes = 1,
                                 .wanted = {true}};
    bsm_blocks *blocks = NULL;
    expect(separation.separator.sound != NULL, "the device takes no sound");
    bsm_status status = bsm_blocks_new(&separation, &shape, &blocks, error);
    size_t count = 1, given = 0;
    while (!status && count > 0) {
        float *const *audio = NULL;
        status = bsm_blocks_next(blocks, &audio, &count, error);
        for (size_t c = 0; c < 2 && !status; c++) {
            memcpy(r->audio + c * r->samples + given, audio[c], count * sizeof(float));
        }
        given += status ? 0 : count;
    }
    bsm_blocks_free(blocks);
    return status;
}

static void check_sound(const run_state *r, bsm_network *network, size_t p)
{
    bsm_error error = {0};
    bsm_block_shape window = {.commit = r->frames};
    expect(!separate_sound(r, network, window, &error), "%s", error.message);
    check_audio(r, "output", "device", p);
    if (r->c->stream) {
        bsm_block_shape shape = {.commit = r->c->commit, .lookahead = r->c->lookahead};
        expect(!separate_sound(r, network, shape, &error), "%s", error.message);
        check_audio(r, r->c->stream, "device", p);
    }
}

/* ---- Spectra ---- */

static bsm_status stream(const run_state *r, bsm_network *network, bsm_error *error)
{
    bsm_status status = BSM_OK;
    size_t commit = r->c->commit, seen = commit + r->c->lookahead;
    for (size_t t = 0; t < r->frames && !status; t += commit) {
        size_t left = r->frames - t, frames = seen < left ? seen : left;
        float *stems[BSM_MAX_STEMS] = {r->masked + t * r->features};
        status = bsm_network_stream(network, r->spectrum + t * r->features, frames,
                                    commit < frames ? commit : frames, stems, error);
    }
    return status;
}

/* Three times each: directly, recorded, played. */
static void check_network(const run_state *r, bsm_network *network, size_t p)
{
    bsm_error error = {0};
    float *stems[BSM_MAX_STEMS] = {r->masked};
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < 3 && !status; i++) {
        memset(r->masked, 0, r->frames * r->features * sizeof *r->masked);
        status = bsm_network_forward(network, r->spectrum, r->frames, stems, &error);
    }
    expect(!status, "%s", error.message);
    check_output(r, "output", p);
    if (r->c->stream && !status) {
        expect(!stream(r, network, &error), "%s", error.message);
        check_output(r, r->c->stream, p);
    }
    check_sound(r, network, p);
}

static void check_case(const bsm_device *device, const golden_case *c)
{
    run_state r;
    bool ready = open_run(&r, c);
    for (size_t p = 0; ready && p < sizeof precisions / sizeof *precisions; p++) {
        bsm_network_options options = {
            .max_frames = r.frames, .streaming = true, .precision = precisions[p].precision};
        bsm_network *network = NULL;
        bsm_error error = {0};
        if (bsm_network_new_on(device, NULL, r.model, &options, &network, &error)) {
            expect(false, "%s", error.message);
        } else {
            check_network(&r, network, p);
        }
        bsm_network_free(network);
    }
    close_run(&r);
}

int main(int argc, char **argv)
{
    const bsm_device *device = device_under_test();
    if (!device) {
        return TEST_SKIPPED;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool wanted = argc == 1;
        for (int a = 1; a < argc; a++) {
            wanted = wanted || !strcmp(argv[a], cases[i].preset);
        }
        if (wanted) {
            check_case(device, &cases[i]);
        }
    }
    return failures() ? 1 : 0;
}
