/* SPDX-License-Identifier: ISC */
/** Turns the input into both stems and their remix, for every audio system. A stream can change
 *  everything but its sample rate, because its state depends on that rate. For another rate a
 *  new stream is made and passed to the audio thread, which crossfades and passes the old one back,
 *  without a lock. */
#ifndef BSM_LIVE_PIPELINE_H
#define BSM_LIVE_PIPELINE_H

#include "backend.h"
#include "bsm/remix.h"
#include "bsm/stream.h"

typedef struct pipeline pipeline;

/** Make a pipeline, which references `model`. */
BSM_NODISCARD bsm_status pipeline_new(bsm_model *model, const bsm_stream_options *options,
                                      const bsm_remix_settings *mix, pipeline **p,
                                      bsm_error *error);

/** Free it after the audio thread has stopped. */
void pipeline_free(pipeline *p);

/** Process a block on the audio thread. Outputs other than `out` may be missing. */
BSM_REALTIME void pipeline_process(pipeline *p, const backend_buffers *buffers, size_t frames);

/* ---- Any thread ---- */

/** Return the latency in samples since the last pipeline_follow_latency or pipeline_set_rate. */
BSM_REALTIME size_t pipeline_latency(const pipeline *p);
BSM_REALTIME void pipeline_set_freewheel(pipeline *p, bool on);

/* ---- One thread, which is not the audio thread ---- */

/** Change the sample rate: the audio that is heard fades out, and new input fades in one latency
 *  later. */
BSM_NODISCARD bsm_status pipeline_set_rate(pipeline *p, size_t rate, bsm_error *error);

/** Return true if the latency has changed since the last call. */
bool pipeline_follow_latency(pipeline *p);

/** Change the model or the options, as bsm_stream_set. */
BSM_NODISCARD bsm_status pipeline_set(pipeline *p, bsm_model *model,
                                      const bsm_stream_options *options, bsm_error *error);
void pipeline_set_mix(pipeline *p, const bsm_remix_settings *mix);

/** Set `peaks` to the highest peak of each part since the last call, before its gain. */
void pipeline_take_peaks(pipeline *p, float peaks[BSM_NUM_PARTS]);

/** Free the state that the audio thread has passed back. To be called now and then. */
void pipeline_tidy(pipeline *p);

size_t pipeline_rate(const pipeline *p);
const bsm_model *pipeline_model(const pipeline *p);
void pipeline_get_stats(const pipeline *p, bsm_stream_stats *stats);

/** Set `line` as bsm_stream_failure does, or to "" if there is no failure. */
void pipeline_failure(const pipeline *p, char *line, size_t size);
void pipeline_device_name(pipeline *p, char *name, size_t size);

#endif
