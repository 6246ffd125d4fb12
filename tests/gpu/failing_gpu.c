/* SPDX-License-Identifier: ISC */
/* Tests a real GPU that fails permanently before or while a block of a stream is computed: the CPU
 * continues with that block, from the same state. Training, which cannot continue elsewhere,
 * reports an error, and new networks find no GPU that works.
 *
 *      failing_gpu [MICROSECONDS]    after the block was requested; 0: before it begins */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "break_gpu.h"
#include "bsm/log.h"
#include "bsm/training.h"
#include "device_under_test.h"
#include "net/place.h"
#include "noise.h"

enum { CHANNELS = 2, FRAMES = 50, COMMIT = 25, BLOCKS = 6, BROKEN_BLOCK = 3 };

static const double CLOSE = 1e-5;

static size_t lines;

static void count_line(void *user, const char *line)
{
    (void)user;
    puts(line);
    lines++;
}

/* Samples of a channel: all of them, from one block to the next, and the output of a block. */
typedef struct lengths {
    size_t all, block, given;
} lengths;

static lengths lengths_of(const bsm_config *config)
{
    return (lengths){
        .all = (FRAMES + BLOCKS * COMMIT - 1) * config->hop + config->n_fft,
        .block = COMMIT * config->hop,
        .given = (COMMIT - 1) * config->hop + config->n_fft,
    };
}

static bsm_status stream_block(bsm_network *network, const lengths *l, const float *audio,
                               size_t number, float *out, bsm_error *error)
{
    const float *in[CHANNELS] = {audio + number * l->block, audio + l->all + number * l->block};
    float *planes[CHANNELS] = {out, out + l->given};
    float *const *stems[BSM_MAX_STEMS] = {planes};
    const bsm_block block = {
        .frames = FRAMES, .wanted = COMMIT, .commit = COMMIT, .audio = in, .stems = stems};
    memset(out, 0, CHANNELS * l->given * sizeof *out);
    return bsm_network_run(network, &block, error);
}

static bsm_network *open_on(const bsm_device *device, const bsm_device *fallback, bsm_model *model)
{
    const bsm_network_options options = {.max_frames = FRAMES, .streaming = true};
    bsm_network *network = NULL;
    bsm_error error = {0};
    expect(!bsm_network_new_on(device, fallback, model, &options, &network, &error), "%s",
           error.message);
    return network;
}

/* Compare the output, which comes from the GPU until its failure and then from the CPU, with that
 * of the CPU alone. */
static void check_stream(bsm_network *network, bsm_network *expected, const lengths *l,
                         const float *audio, uint64_t microseconds)
{
    float *given = malloc(CHANNELS * l->given * sizeof *given);
    float *right = malloc(CHANNELS * l->given * sizeof *right);
    bsm_error error = {0};
    for (size_t i = 0; i < BLOCKS && given && right; i++) {
        const int broken = i == BROKEN_BLOCK ? break_gpu(microseconds) : 0;
        expect(!broken, "breaking the GPU: %d", broken);
        expect(!stream_block(network, l, audio, i, given, &error), "block %zu: %s", i,
               error.message);
        expect(!stream_block(expected, l, audio, i, right, &error), "block %zu: %s", i,
               error.message);
        const double off = relative_error(given, right, CHANNELS * l->given);
        printf("block %zu on %s: off by %.2g\n", i, bsm_network_device_name(network), off);
        expect(off < CLOSE, "block %zu is off by %g", i, off);
        const bool on_gpu = bsm_network_gpu_memory(network) > 0;
        /* it may have failed after the block */
        const bool too_late = i == BROKEN_BLOCK && microseconds > 0;
        expect(too_late || on_gpu == (i < BROKEN_BLOCK), "block %zu on %s", i,
               bsm_network_device_name(network));
    }
    expect(given && right, "no memory");
    expect(lines == 1, "%zu lines say so", lines);
    free(given);
    free(right);
}

static bsm_training *open_training(bsm_model *model, size_t samples)
{
    const bsm_training_options options = {
        .device = BSM_DEVICE_CUDA, .samples = samples, .loss = bsm_loss_published()};
    bsm_training *training = NULL;
    bsm_error error = {0};
    expect(!bsm_training_new(model, &options, &training, &error), "training: %s", error.message);
    return training;
}

static bsm_status train(bsm_training *training, const lengths *l, const float *audio,
                        bsm_error *error)
{
    const float *channels[CHANNELS] = {audio, audio + l->all};
    const float *const *stems[BSM_MAX_STEMS] = {channels};
    const bsm_training_item item = {.mixture = channels, .stems = stems, .scale = 1};
    bsm_loss loss;
    return bsm_training_add(training, &item, &loss, error);
}

static void check_nothing_else_works(bsm_training *training, const lengths *l, const float *audio,
                                     bsm_model *model)
{
    const bsm_network_options options = {.device = BSM_DEVICE_CUDA, .max_frames = FRAMES};
    bsm_network *network = NULL;
    bsm_error error = {0};
    bsm_status status = train(training, l, audio, &error);
    printf("training: %s\n", error.message);
    expect(status == BSM_DEVICE_FAILED, "training on it is status %d", (int)status);
    status = bsm_network_new(model, &options, &network, &error);
    printf("a new network: %s\n", error.message);
    expect(status == BSM_NO_DEVICE || status == BSM_DEVICE_FAILED, "a new network is status %d",
           (int)status);
    bsm_network_free(network);
}

static void check(const bsm_device *gpu, bsm_model *model, uint64_t microseconds)
{
    const lengths l = lengths_of(bsm_model_config(model));
    float *audio = malloc(CHANNELS * l.all * sizeof *audio);
    bsm_network *network = open_on(gpu, &bsm_cpu_device, model);
    bsm_network *expected = open_on(&bsm_cpu_device, NULL, model);
    bsm_training *training = open_training(model, l.all);
    expect(audio != NULL, "no memory");
    if (audio && network && expected && training) {
        uint64_t seed = 1;
        bsm_error error = {0};
        noise_fill(&seed, audio, CHANNELS * l.all);
        expect(!train(training, &l, audio, &error), "training: %s", error.message);
        check_stream(network, expected, &l, audio, microseconds);
        check_nothing_else_works(training, &l, audio, model);
    }
    bsm_training_free(training);
    bsm_network_free(expected);
    bsm_network_free(network);
    free(audio);
}

int main(int argc, char **argv)
{
    const bsm_device *gpu = device_under_test();
    bsm_config config;
    bsm_error error = {0};
    bsm_model *model = NULL;
    if (!gpu) {
        return TEST_SKIPPED;
    }
    if (bsm_config_preset("lite", &config, &error) ||
        bsm_model_new_untrained(&config, &model, &error)) {
        puts(error.message);
        return 1;
    }
    bsm_log_set_handler(count_line, NULL);
    check(gpu, model, argc > 1 ? strtoull(argv[1], NULL, 10) : 0);
    bsm_log_set_handler(NULL, NULL);
    bsm_model_free(model);
    return failures() ? 1 : 0;
}
