/* SPDX-License-Identifier: ISC */
/* What surrounds the modules of a call: the sound's or the spectra's way to the card and back, and
 * recordings. A call is recorded the second time it is seen, and played from then on. (The first
 * time runs directly, so that all that cuBLAS sets up by itself is there.) A call that is observed
 * always runs directly, each module to its end. */
#include <string.h>

#include "workspace.h"

static uint32_t wanted_stems(const bsm_cuda_space *space, const bsm_device_call *call)
{
    uint32_t stems = 0;
    for (size_t s = 0; s < space->weights->config.num_stems; s++) {
        stems |= bsm_call_wants(call, s) ? UINT32_C(1) << s : 0;
    }
    return stems;
}

/* A call as it is known by. */
static bsm_known_call known_as(const bsm_cuda_space *space, const bsm_device_call *call)
{
    return (bsm_known_call){.block = call->block,
                            .of_sound = call->sound != NULL,
                            .first = call->sound ? call->sound->first : 0,
                            .stems = wanted_stems(space, call)};
}

static bool same(const bsm_known_call *a, const bsm_known_call *b)
{
    return a->stems == b->stems && a->of_sound == b->of_sound && a->first == b->first &&
           a->block.frames == b->block.frames && a->block.wanted == b->block.wanted &&
           a->block.commit == b->block.commit;
}

/* The oldest is forgotten for a new one. */
static bsm_known_call *look_up(bsm_cuda_space *space, const bsm_known_call *call)
{
    for (size_t i = 0; i < BSM_KNOWN_CALLS; i++) {
        if (space->calls[i].seen && same(&space->calls[i], call)) {
            return &space->calls[i];
        }
    }
    bsm_known_call *known = &space->calls[space->next_call];
    space->next_call = (space->next_call + 1) % BSM_KNOWN_CALLS;
    bsm_card_recording_free(known->recording);
    *known = *call;
    return known;
}

/* Room for a spectrum, once it is wanted. */
static bsm_status allocate_spectrum(const bsm_cuda_space *space, float **spectrum, bsm_error *error)
{
    void *memory = *spectrum;
    bsm_status status = BSM_OK;
    if (!memory) {
        size_t numbers = space->options.max_frames * bsm_config_features(&space->weights->config);
        status = bsm_card_allocate_host(space->card, numbers * sizeof(float), &memory, error);
        *spectrum = memory;
    }
    return status;
}

static bsm_status take_spectrum(bsm_cuda_space *space, const bsm_device_call *call,
                                bsm_error *error)
{
    const bsm_config *config = &space->weights->config;
    bsm_status status = allocate_spectrum(space, &space->host_spectrum, error);
    for (size_t s = 0; s < config->num_stems && !status; s++) {
        if (call->stems[s]) {
            status = allocate_spectrum(space, &space->host_masked[s], error);
        }
    }
    if (!status) {
        memcpy(space->host_spectrum, call->spectrum,
               call->block.frames * bsm_config_features(config) * sizeof(float));
    }
    return status;
}

bsm_status bsm_cuda_begin(void *workspace, const bsm_device_call *call, bool *skip,
                          bsm_error *error)
{
    bsm_cuda_space *space = workspace;
    bsm_card_use(space->card);
    bsm_card_wait(space->card); /* for a call that was broken off */
    bsm_status status =
        call->sound ? bsm_cuda_sound_begin(space, call, error) : take_spectrum(space, call, error);
    if (status) {
        return status;
    }
    bsm_known_call known = known_as(space, call);
    space->call = look_up(space, &known);
    space->of_sound = known.of_sound;
    space->first = known.first;
    space->observed = call->observed;
    space->mode = BSM_CALL_DIRECT;
    if (!call->observed && space->call->recording) {
        space->mode = BSM_CALL_PLAYING;
    } else if (!call->observed && space->call->seen && !space->call->unrecordable) {
        space->mode = BSM_CALL_RECORDING;
        bsm_card_record(space->card);
    }
    *skip = space->mode == BSM_CALL_PLAYING;
    return bsm_card_status(space->card, error);
}

static void copy_outputs(const bsm_cuda_space *space, const bsm_device_call *call)
{
    if (call->sound) {
        bsm_cuda_sound_end(space, call);
        return;
    }
    const bsm_config *config = &space->weights->config;
    size_t bytes = call->block.wanted * bsm_config_features(config) * sizeof(float);
    for (size_t s = 0; s < config->num_stems; s++) {
        if (call->stems[s]) {
            memcpy(call->stems[s], space->host_masked[s], bytes);
        }
    }
}

/* What cannot be recorded is done directly, now and from here on; if the card is at fault, that is
 * seen then. */
static bsm_status end_recording(bsm_cuda_space *space, bsm_status status, bool *again)
{
    bsm_card_recording *recording = bsm_card_recorded(space->card);
    if (status && status != BSM_DEVICE_FAILED) {
        bsm_card_recording_free(recording);
        return status;
    }
    space->call->recording = recording;
    space->call->unrecordable = recording == NULL;
    *again = recording == NULL;
    return BSM_OK;
}

bsm_status bsm_cuda_end(void *workspace, const bsm_device_call *call, bsm_status status,
                        bool *again, bsm_error *error)
{
    bsm_cuda_space *space = workspace;
    *again = false;
    if (space->mode == BSM_CALL_RECORDING) {
        status = end_recording(space, status, again);
    }
    if (status || *again) {
        return status;
    }
    if (space->mode != BSM_CALL_DIRECT) {
        bsm_card_play(space->card, space->call->recording);
    }
    bsm_card_wait(space->card);
    status = bsm_card_status(space->card, error);
    if (!status) {
        space->call->seen = true;
        copy_outputs(space, call);
    }
    return status;
}

bsm_status bsm_cuda_module_done(const bsm_cuda_space *space, bsm_error *error)
{
    if (space->observed) {
        bsm_card_wait(space->card);
    }
    return bsm_card_status(space->card, error);
}
