/* SPDX-License-Identifier: ISC */
/* Separates samples that lie in memory. */
#include <string.h>

#include "bsm/separate.h"
#include "separate/plan.h"
#include "separate/separation.h"

/* A signal that reads samples from memory. */
typedef struct memory_signal {
    const float *const *audio;
    size_t channels, samples, read;
} memory_signal;

static bsm_status read_memory(void *user, float *const *audio, size_t count, size_t *got,
                              bsm_error *error)
{
    (void)error;
    memory_signal *m = user;
    *got = count < m->samples - m->read ? count : m->samples - m->read;
    for (size_t c = 0; c < m->channels; c++) {
        memcpy(audio[c], m->audio[c] + m->read, *got * sizeof(float));
    }
    m->read += *got;
    return BSM_OK;
}

/* Copy `count` samples of each wanted stem behind the `done` samples that are there already. */
static void copy_stems(const bsm_separation *separation, float *const *planes, size_t done,
                       size_t count, float *const *const *stems)
{
    const size_t channels = bsm_separation_channels(separation);
    for (size_t s = 0; s < separation->config->num_stems; s++) {
        for (size_t c = 0; stems[s] && c < channels; c++) {
            memcpy(stems[s][c] + done, (*planes++), count * sizeof(float));
        }
    }
}

static bsm_status ask(const bsm_separate_options *options, const bsm_separation *separation,
                      size_t done, size_t samples, bsm_error *error)
{
    const double rate = (double)separation->config->sample_rate;
    const bsm_progress progress = {.done = (double)done / rate, .total = (double)samples / rate};
    return !options->progress || options->progress(options->user, &progress)
               ? BSM_OK
               : bsm_fail(error, BSM_CANCELLED, "separation: cancelled");
}

static bsm_status separate_all(const bsm_separation *separation, const bsm_separate_plan *plan,
                               const bsm_separate_options *options, size_t samples,
                               float *const *const *stems, bsm_error *error)
{
    bsm_cutter *cutter;
    bsm_status status = bsm_cutter_new(separation, plan, "samples in memory", &cutter, error);
    for (size_t done = 0, count = 1; !status && count > 0; done += count) {
        float *const *planes;
        status = ask(options, separation, done, samples, error);
        if (!status) {
            status = bsm_cutter_next(cutter, &planes, &count, error);
        }
        if (!status) {
            copy_stems(separation, planes, done, count, stems);
        }
    }
    bsm_cutter_free(cutter);
    return status;
}

bsm_status bsm_separate_array(bsm_network *network, const float *const *audio, size_t channels,
                              size_t samples, const bsm_separate_options *options,
                              float *const *const *stems, bsm_error *error)
{
    const bsm_model *model = bsm_network_model(network);
    const bsm_config *config = bsm_model_config(model);
    if (channels != config->channels && channels != BSM_MAX_CHANNELS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%zu channels: the model takes %zu", channels,
                        config->channels);
    }
    memory_signal signal = {.audio = audio, .channels = channels, .samples = samples};
    bsm_separation separation = {.config = config,
                                 .separator = bsm_separator_of_network(network),
                                 .signal = {.user = &signal, .read = read_memory},
                                 .lanes = channels / config->channels};
    for (size_t s = 0; s < config->num_stems; s++) {
        separation.wanted[s] = stems[s] != NULL;
    }
    bsm_separate_plan plan;
    bsm_status status = bsm_separate_plan_make(config, model, options, &plan, error);
    return status ? status : separate_all(&separation, &plan, options, samples, stems, error);
}
