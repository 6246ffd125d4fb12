/* SPDX-License-Identifier: ISC */
/* Runs a span from its first block to its last. */
#include "stream/span.h"

static bsm_status open_resamplers(bsm_span *e, bsm_error *error)
{
    const bsm_stream_plan *plan = &e->voice->plan;
    if (plan->rate == plan->model_rate) {
        return BSM_OK;
    }
    bsm_status status = bsm_resampled_new(bsm_span_host(e), plan->rate, plan->model_rate,
                                          BSM_STREAM_CHANNELS, SPAN_STEP, &e->from_host, error);
    return status ? status
                  : bsm_resampler_new(plan->model_rate, plan->rate, BSM_STREAM_CHANNELS,
                                      &e->to_host, error);
}

bsm_status bsm_span_open(bsm_span *e, bool keep_state, bsm_error *error)
{
    const bsm_status status = open_resamplers(e, error);
    const bsm_signal signal = e->from_host ? bsm_resampled_signal(e->from_host) : bsm_span_host(e);
    return status ? status : bsm_voice_start(e->voice, signal, keep_state, &e->blocks, error);
}

bsm_status bsm_span_next(bsm_span *e, size_t *count, bsm_error *error)
{
    float *const *audio = NULL;
    *count = 0;
    bsm_status status = bsm_blocks_next(e->blocks, &audio, count, error);
    if (!status) {
        status = bsm_span_write(e, *count ? (const float *const *)audio : NULL, *count, error);
    }
    e->given += *count;
    return status;
}

uint64_t bsm_span_ready(const bsm_span *e)
{
    const bsm_stream_plan *plan = &e->voice->plan;
    const uint64_t frames = plan->commit * plan->hop;
    return e->start +
           bsm_stream_plan_ready(plan, (e->given + plan->expander + plan->n_fft / 2) / frames);
}

void bsm_span_close(bsm_span *e)
{
    bsm_blocks_free(e->blocks);
    bsm_resampled_free(e->from_host);
    bsm_resampler_free(e->to_host);
}
