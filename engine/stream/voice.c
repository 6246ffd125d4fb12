/* SPDX-License-Identifier: ISC */
/* Prepares a model to run in a stream. */
#include "stream/voice.h"

#include <stdlib.h>
#include <string.h>

static size_t vocals_of(const bsm_config *config)
{
    for (size_t stem = 0; stem < config->num_stems; stem++) {
        if (!strcmp(config->stems[stem], "vocals")) {
            return stem;
        }
    }
    return 0;
}

static bsm_status open_network(bsm_voice *voice, bsm_model *model,
                               const bsm_stream_options *options, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(model);
    const bsm_stream_plan *plan = &voice->plan;
    if (config->channels != BSM_STREAM_CHANNELS) {
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "%s: a stream needs a stereo model, this one is mono",
                        bsm_model_path(model));
    }
    voice->stem = vocals_of(config);
    bsm_network_options network = {.device = options->device,
                                   .precision = options->precision,
                                   .threads = options->threads,
                                   .max_frames = bsm_stream_plan_block(plan),
                                   .streaming = plan->history == 0,
                                   .rolling = plan->rolling};
    bsm_status status = bsm_pool_join(error);
    voice->in_pool = !status;
    return status ? status : bsm_network_new(model, &network, &voice->network, error);
}

bsm_status bsm_voice_new(bsm_model *model, const bsm_stream_plan *before,
                         const bsm_stream_options *options, bsm_voice **voice, bsm_error *error)
{
    bsm_voice *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a stream");
    }
    bsm_status status = bsm_stream_plan_make(model, before, options, &made->plan, error);
    if (!status && model) {
        status = open_network(made, model, options, error);
    }
    if (status) {
        bsm_voice_free(made);
        return status;
    }
    *voice = made;
    return BSM_OK;
}

void bsm_voice_free(bsm_voice *voice)
{
    if (voice) {
        bsm_network_free(voice->network);
        if (voice->in_pool) {
            bsm_pool_leave();
        }
        free(voice);
    }
}

/* ---- The network, which runs in the pool's thread ---- */

typedef struct network_call {
    bsm_network *network;
    const bsm_block *block;
    bsm_error *error;
    bsm_status status;
} network_call;

static void call_network(void *user)
{
    network_call *c = user;
    c->status = bsm_network_run(c->network, c->block, c->error);
}

static bsm_status run(void *network, const bsm_block *block, bsm_error *error)
{
    network_call call = {network, block, error, BSM_OK};
    bsm_pool_run(call_network, &call);
    return call.status;
}

static void reset(void *network)
{
    bsm_network_reset(network);
}

static void keep(void *network)
{
    (void)network;
}

bsm_status bsm_voice_start(bsm_voice *voice, bsm_signal signal, bool keep_state,
                           bsm_blocks **blocks, bsm_error *error)
{
    bsm_separation separation = {
        .config = bsm_model_config(bsm_network_model(voice->network)),
        .separator = {.user = voice->network, .run = run, .reset = keep_state ? keep : reset},
        .signal = signal,
        .lanes = 1,
    };
    separation.wanted[voice->stem] = true;
    bsm_block_shape shape = {.commit = voice->plan.commit,
                             .lookahead = voice->plan.lookahead,
                             .history = voice->plan.history};
    return bsm_blocks_new(&separation, &shape, blocks, error);
}
