/* SPDX-License-Identifier: ISC */
/* Compares the CUDA device with the published model's numbers (tests/data): windows and streams,
 * from waveform to waveform, in each precision. Usage: golden [PRESET...] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/network.h"
#include "device_under_test.h"
#include "net/place.h"
#include "separate/separation.h"
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
    const char *stream; /* the tensor of the stream's output; NULL: there is none */
    size_t commit, lookahead;
} golden_case;

static const golden_case cases[] = {
    {"tiny", "tiny.inference.thin.safetensors", NULL, 0, 0},
    {"lite", "lite.safetensors", "stream_c10_l10", 10, 10},
    {"paper", "paper.safetensors", "stream_c10_l10", 10, 10},
};

/* What a case uses. */
typedef struct run_state {
    const golden_case *c;
    bsm_model *model;
    const bsm_config *config;
    tensors *file;
    size_t samples, frames;
    float *audio;
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
    r->frames = 1 + r->samples / config.hop;
    r->audio = calloc(2 * r->samples, sizeof *r->audio);
    if (!r->audio) {
        expect(false, "no memory");
        return false;
    }
    return true;
}

static void close_run(run_state *r)
{
    tensors_close(r->file);
    bsm_model_free(r->model);
    free(r->audio);
}

static void check_audio(const run_state *r, const char *tensor, size_t p)
{
    size_t shape[4];
    const float *expected = tensors_find(r->file, tensor, shape);
    double off = expected ? relative_error(r->audio, expected, 2 * r->samples) : 1;
    printf("%-6s %-15s %-9s off by %.2g\n", r->c->preset, tensor, precisions[p].name, off);
    expect(off < precisions[p].tolerance, "%s %s in %s: off by %g", r->c->preset, tensor,
           precisions[p].name, off);
}

/* The input, and the position up to which it has been read. */
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

/* Separate the input in blocks; a block of all frames is a window. */
static bsm_status separate(const run_state *r, bsm_network *network, bsm_block_shape shape,
                           bsm_error *error)
{
    input_state in = {.r = r};
    bsm_separation separation = {.config = r->config,
                                 .separator = bsm_separator_of_network(network),
                                 .signal = {&in, read_input},
                                 .lanes = 1,
                                 .wanted = {true}};
    bsm_blocks *blocks = NULL;
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

/* Run each three times: directly, captured, and replayed. */
static void check_network(const run_state *r, bsm_network *network, size_t p)
{
    const bsm_block_shape window = {.commit = r->frames};
    const bsm_block_shape shape = {.commit = r->c->commit, .lookahead = r->c->lookahead};
    bsm_error error = {0};
    for (size_t i = 0; i < 3; i++) {
        expect(!separate(r, network, window, &error), "%s", error.message);
        check_audio(r, "output", p);
    }
    if (r->c->stream) {
        expect(!separate(r, network, shape, &error), "%s", error.message);
        check_audio(r, r->c->stream, p);
    }
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
