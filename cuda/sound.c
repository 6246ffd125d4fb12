/* SPDX-License-Identifier: ISC */
/* Uploads a block's samples, transforms them on the GPU, and downloads the sums of windowed frames
 * (bsm/block.h). */
#include <string.h>

#include "workspace.h"

static bsm_framing framing_of(const bsm_cuda_space *space, size_t frames)
{
    const bsm_config *config = &space->weights->config;
    return (bsm_framing){.n_fft = (uint32_t)config->n_fft,
                         .window_size = (uint32_t)config->n_fft,
                         .hop = (uint32_t)config->hop,
                         .channels = (uint32_t)config->channels,
                         .samples = (uint32_t)bsm_cuda_covered(config, frames),
                         .frames = (uint32_t)frames,
                         .window = space->sound.window};
}

/* ---- From the host and back ---- */

static bsm_status allocate_host(bsm_cuda_space *space, float **memory, size_t count,
                                bsm_error *error)
{
    void *host = *memory;
    bsm_status status = BSM_OK;
    if (!host) {
        status = bsm_gpu_allocate_host(space->gpu, count * sizeof **memory, &host, error);
        *memory = host;
    }
    return status;
}

bsm_status bsm_cuda_sound_begin(bsm_cuda_space *space, const bsm_block *block, bsm_error *error)
{
    const bsm_config *config = &space->weights->config;
    const size_t samples = bsm_cuda_covered(config, block->frames),
                 most = bsm_cuda_most_audio(space);
    bsm_status status = allocate_host(space, &space->sound.host_audio, most, error);
    if (!status) {
        status = allocate_host(space, &space->sound.host_sums, config->num_stems * most, error);
    }
    for (size_t c = 0; c < config->channels && !status; c++) {
        memcpy(space->sound.host_audio + c * samples, block->audio[c], samples * sizeof(float));
    }
    return status;
}

static size_t summed_samples(const bsm_cuda_space *space, const bsm_block *block)
{
    return bsm_cuda_covered(&space->weights->config, block->wanted - block->first);
}

void bsm_cuda_sound_end(const bsm_cuda_space *space, const bsm_block *block)
{
    const bsm_config *config = &space->weights->config;
    const size_t samples = summed_samples(space, block);
    const float *from = space->sound.host_sums;
    for (size_t s = 0; s < config->num_stems; s++) {
        for (size_t c = 0; block->stems[s] && c < config->channels; c++, from += samples) {
            float *sums = block->stems[s][c];
            for (size_t i = 0; i < samples; i++) {
                sums[i] += from[i];
            }
        }
    }
}

/* ---- On the GPU ---- */

static void to_bins(const bsm_cuda_space *space, size_t frames)
{
    const bsm_config *config = &space->weights->config;
    const bsm_sound_scratch *s = &space->sound;
    for (size_t first = 0; first < frames; first += s->batch) {
        bsm_gpu_fft_forward(space->gpu, s->fft, s->frames + first * bsm_cuda_frame_size(config),
                            s->bins + first * bsm_config_features(config), s->fft_scratch);
    }
}

static void to_frames(const bsm_cuda_space *space, size_t frames)
{
    const bsm_config *config = &space->weights->config;
    const bsm_sound_scratch *s = &space->sound;
    for (size_t first = 0; first < frames; first += s->batch) {
        bsm_gpu_fft_inverse(space->gpu, s->fft, s->bins + first * bsm_config_features(config),
                            s->frames + first * bsm_cuda_frame_size(config), s->fft_scratch);
    }
}

bsm_status bsm_cuda_analyse(void *workspace, const bsm_block *block, bsm_error *error)
{
    const bsm_cuda_space *space = workspace;
    const bsm_config *config = &space->weights->config;
    const bsm_sound_scratch *s = &space->sound;
    const size_t frames = block->frames;
    const bsm_framing framing = framing_of(space, frames);
    bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    bsm_gpu_upload(space->gpu, s->audio, s->host_audio,
                   config->channels * bsm_cuda_covered(config, frames) * sizeof(float));
    bsm_kernel_cut_frames(queue, &framing, s->audio, false, s->frames);
    to_bins(space, frames);
    bsm_kernel_store_bins(queue, &framing, s->bins, false, space->spectrum);
    return bsm_cuda_module_done(space, error);
}

/* The number of wanted stems before `stem`. */
static size_t wanted_until(const bsm_block *block, size_t stem)
{
    size_t count = 0;
    for (size_t s = 0; s < stem; s++) {
        count += (block->stems[s] != NULL);
    }
    return count;
}

/* The last wanted stem also downloads the sums of all stems. */
bsm_status bsm_cuda_synthesise(void *workspace, size_t stem, const bsm_block *block,
                               bsm_error *error)
{
    const bsm_cuda_space *space = workspace;
    const bsm_config *config = &space->weights->config;
    const bsm_sound_scratch *s = &space->sound;
    const size_t frames = block->wanted - block->first;
    const size_t floats = config->channels * summed_samples(space, block);
    const size_t before = wanted_until(block, stem);
    const bsm_framing framing = framing_of(space, frames);
    bsm_kernel_queue queue = bsm_gpu_queue(space->gpu);
    bsm_kernel_load_bins(queue, &framing,
                         space->masked + block->first * bsm_config_features(config), s->bins);
    to_frames(space, frames);
    bsm_kernel_overlap_add(queue, &framing, s->frames, s->sums + before * floats);
    if (before + 1 == wanted_until(block, config->num_stems)) {
        bsm_gpu_download(space->gpu, s->host_sums, s->sums, (before + 1) * floats * sizeof(float));
    }
    return bsm_cuda_module_done(space, error);
}
