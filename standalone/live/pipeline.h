/* SPDX-License-Identifier: ISC */
/** From the input to both stems and their remix: a live stream and a mixer, whatever the audio
 *  system.
 *
 *  A stream belongs to one sample rate. When that changes, a new stream is made and handed to the
 *  audio thread, which hands the old one back, all without a lock. */
#ifndef BSM_LIVE_PIPELINE_H
#define BSM_LIVE_PIPELINE_H

#include "backend.h"
#include "bsm/stream.h"
#include "mixer.h"

typedef struct pipeline pipeline;

/** References `model`. */
BSM_NODISCARD bsm_status pipeline_new(bsm_model *model, const bsm_stream_options *options,
                                      const mix_settings *settings, pipeline **p, bsm_error *error);

/** The audio thread must have stopped. */
void pipeline_free(pipeline *p);

/** The audio thread's. Of no outputs but `out` need there be any. */
BSM_REALTIME void pipeline_process(pipeline *p, const backend_buffers *buffers, size_t frames);

/* ---- Any thread ---- */

/** In samples of the newest rate. */
BSM_REALTIME size_t pipeline_latency(const pipeline *p);
BSM_REALTIME void pipeline_set_freewheel(pipeline *p, bool on);
mixer *pipeline_mixer(pipeline *p);

/* ---- One thread, which is not the audio thread ---- */

BSM_NODISCARD bsm_status pipeline_set_rate(pipeline *p, size_t rate, bsm_error *error);

/** With the look-ahead and the history of bsm_stream_options in the model's own frames. A model of
 *  another transform may start from silence. */
BSM_NODISCARD bsm_status pipeline_set_model(pipeline *p, bsm_model *model, size_t lookahead,
                                            size_t history, bsm_error *error);

/** Free what the audio thread has handed back; to be called now and then. */
void pipeline_tidy(pipeline *p);

size_t pipeline_rate(const pipeline *p);
const bsm_model *pipeline_model(const pipeline *p);
void pipeline_get_stats(const pipeline *p, bsm_stream_stats *stats);

/** As bsm_stream_failure, "" where it has not. */
void pipeline_failure(const pipeline *p, char *line, size_t size);
void pipeline_device_name(pipeline *p, char *name, size_t size);

#endif
