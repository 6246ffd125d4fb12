/* SPDX-License-Identifier: ISC */
/** The worker's view of a stream: a sequence of spans.
 *
 *  A span is one run of a voice over the input from a position on: a signal with a beginning and
 *  an end that is separated as a file is. The first span begins with the stream. When the network
 *  must forget its state or the model is changed, one span ends and the next begins, and the two
 *  overlap by a crossfade. When the worker has fallen far behind, a span is broken off and the
 *  next begins at the present. */
#ifndef BSM_STREAM_SPAN_H
#define BSM_STREAM_SPAN_H

#include "signal/signal.h"
#include "stream/state.h"

/** Why a span has ended. */
typedef enum span_end {
    SPAN_RUNS,
    SPAN_ENDED,  /**< as requested; the next one overlaps it */
    SPAN_BROKEN, /**< the worker was too far behind */
    SPAN_FAILED, /**< the network failed: there are no vocals from now on */
    SPAN_QUIT,
} span_end;

/** Samples that are resampled at a time: few, so that a block does not wait for more than it
 *  needs. */
enum { SPAN_STEP = 32 };

/** The last samples of a span, which are kept back to be crossfaded with the first of the next
 *  span. */
typedef struct span_tail {
    uint64_t from;
    size_t count;
    float *samples[2]; /**< room for one fade */
} span_tail;

typedef struct bsm_span {
    bsm_stream *stream;
    bsm_voice *voice;
    uint64_t start; /**< position of the signal's first sample */
    uint64_t end;   /**< position after its last sample; BSM_NEVER until it is known */
    uint64_t
        until; /**< results from here on belong to the next span; BSM_NEVER until there is one */
    uint64_t read;  /**< position of the next sample to read */
    uint64_t next;  /**< position of the next sample to write */
    uint64_t given; /**< samples at the model's rate that have been separated so far */
    double waited;  /**< seconds spent waiting for input */
    bool warming;   /**< nobody hears it yet: it reads the input that is there, and never waits */
    span_end over;
    bsm_blocks *blocks;
    bsm_resampled *from_host; /**< NULL if the rates are equal; so is the next */
    bsm_resampler *to_host;
    uint64_t from;           /**< results before this position are no longer written */
    const span_tail *before; /**< of the last span */
    span_tail *tail;         /**< of this span */
} bsm_span;

/** The span's signal at the host's rate; its read function waits for the input. */
bsm_signal bsm_span_host(bsm_span *span);

/** Open what the span runs on. With `keep_state` the network goes on from its present state. The
 *  span must be closed after an error, too. */
bsm_status bsm_span_open(bsm_span *span, bool keep_state, bsm_error *error);
void bsm_span_close(bsm_span *span);

/** Separate the next block and write it. `count` is the number of its samples at the model's rate;
 *  0 at the end. */
bsm_status bsm_span_next(bsm_span *span, size_t *count, bsm_error *error);

/** The position up to which the next block needs the input. */
uint64_t bsm_span_ready(const bsm_span *span);

/** Write the next separated samples, which have the model's rate, to the output timeline; those
 *  that are late are dropped. If `audio` is NULL, the span has ended: write what the resampler
 *  holds. */
bsm_status bsm_span_write(bsm_span *span, const float *const *audio, size_t count,
                          bsm_error *error);

/** Wake an audio thread that freewheels. */
void bsm_span_report_progress(bsm_stream *stream);

/** Seconds on a clock that never goes back. */
double bsm_stream_clock(void);

#endif
