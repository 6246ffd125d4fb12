/* SPDX-License-Identifier: ISC */
/** From the input to both stems and their remix, whatever the audio system.
 *
 *  Only the audio system's sample rate is more than a stream can change of itself, since all that
 * it holds is of the old rate: then a new one is made and handed to the audio thread, which fades
 * from one to the other and hands the old one back, all without a lock. */
#ifndef BSM_LIVE_PIPELINE_H
#define BSM_LIVE_PIPELINE_H

#include "backend.h"
#include "bsm/remix.h"
#include "bsm/stream.h"

typedef struct pipeline pipeline;

/** References `model`. */
BSM_NODISCARD bsm_status pipeline_new(bsm_model *model, const bsm_stream_options *options,
                                      const bsm_remix_settings *mix, pipeline **p,
                                      bsm_error *error);

/** The audio thread must have stopped. */
void pipeline_free(pipeline *p);

/** The audio thread's. Of no outputs but `out` need there be any. */
BSM_REALTIME void pipeline_process(pipeline *p, const backend_buffers *buffers, size_t frames);

/* ---- Any thread ---- */

/** In samples, as of the last pipeline_follow_latency or pipeline_set_rate. */
BSM_REALTIME size_t pipeline_latency(const pipeline *p);
BSM_REALTIME void pipeline_set_freewheel(pipeline *p, bool on);

/* ---- One thread, which is not the audio thread ---- */

/** What was heard fades out, and one latency later what comes in then fades in. */
BSM_NODISCARD bsm_status pipeline_set_rate(pipeline *p, size_t rate, bsm_error *error);

/** Whether what is heard has another latency than the last time. */
bool pipeline_follow_latency(pipeline *p);

/** As bsm_stream_set. */
BSM_NODISCARD bsm_status pipeline_set(pipeline *p, bsm_model *model,
                                      const bsm_stream_options *options, bsm_error *error);
void pipeline_set_mix(pipeline *p, const bsm_remix_settings *mix);

/** The highest peak of each part since the last call, before its gain. */
void pipeline_take_peaks(pipeline *p, float peaks[BSM_NUM_PARTS]);

/** Free what the audio thread has handed back; to be called now and then. */
void pipeline_tidy(pipeline *p);

size_t pipeline_rate(const pipeline *p);
const bsm_model *pipeline_model(const pipeline *p);
void pipeline_get_stats(const pipeline *p, bsm_stream_stats *stats);

/** As bsm_stream_failure, "" where it has not. */
void pipeline_failure(const pipeline *p, char *line, size_t size);
void pipeline_device_name(pipeline *p, char *name, size_t size);

#endif
