/* SPDX-License-Identifier: ISC */
/* A model made ready to run in a stream. */
#include "stream/voice.h"

#include <stdlib.h>
#include <string.h>

#include "net/sound.h"
#include "stream/pool.h"

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
                                   .max_frames = plan->history + plan->commit + plan->lookahead,
                                   .streaming = plan->history == 0};
    bsm_status status = bsm_pool_join(error);
    voice->in_pool = !status;
    return status ? status : bsm_network_new(model, &network, &voice->network, error);
}

bsm_status bsm_voice_new(bsm_model *model, const bsm_stream_options *options, bsm_voice **voice,
                         bsm_error *error)
{
    bsm_voice *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a stream");
    }
    bsm_status status = bsm_stream_plan_make(model, options, &made->plan, error);
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

/* ---- The network, in the pool's thread ---- */

/* A call of the network; `commit` 0: a window. */
typedef struct network_call {
    bsm_network *network;
    const float *spectrum;
    size_t frames, commit;
    float *const *stems;
    bsm_error *error;
    bsm_status status;
} network_call;

static void call_network(void *user)
{
    network_call *c = user;
    c->status =
        c->commit
            ? bsm_network_stream(c->network, c->spectrum, c->frames, c->commit, c->stems, c->error)
            : bsm_network_forward(c->network, c->spectrum, c->frames, c->stems, c->error);
}

static bsm_status forward(void *network, const float *spectrum, size_t frames, float *const *stems,
                          bsm_error *error)
{
    network_call call = {network, spectrum, frames, 0, stems, error, BSM_OK};
    bsm_pool_run(call_network, &call);
    return call.status;
}

static bsm_status stream(void *network, const float *spectrum, size_t frames, size_t commit,
                         float *const *stems, bsm_error *error)
{
    network_call call = {network, spectrum, frames, commit, stems, error, BSM_OK};
    bsm_pool_run(call_network, &call);
    return call.status;
}

/* A call of sound. */
typedef struct sound_call {
    bsm_network *network;
    const bsm_block *block;
    const bsm_sound *sound;
    bsm_error *error;
    bsm_status status;
} sound_call;

static void call_with_sound(void *user)
{
    sound_call *c = user;
    c->status = bsm_network_sound(c->network, c->block, c->sound, c->error);
}

static bsm_status sound(void *network, const bsm_block *block, const bsm_sound *of,
                        bsm_error *error)
{
    sound_call call = {network, block, of, error, BSM_OK};
    bsm_pool_run(call_with_sound, &call);
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
        .separator = {.user = voice->network,
                      .forward = forward,
                      .stream = stream,
                      .reset = keep_state ? keep : reset,
                      .sound = bsm_network_takes_sound(voice->network) ? sound : NULL},
        .signal = signal,
        .lanes = 1,
    };
    separation.wanted[voice->stem] = true;
    bsm_block_shape shape = {.commit = voice->plan.commit,
                             .lookahead = voice->plan.lookahead,
                             .history = voice->plan.history};
    return bsm_blocks_new(&separation, &shape, blocks, error);
}
