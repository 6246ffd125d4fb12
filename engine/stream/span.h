/* SPDX-License-Identifier: ISC */
/** The worker's view of a stream: a sequence of spans.
 *
 *  A span is one run of a voice over the input from a position on: a signal with a beginning and
 *  an end, separated as a file is. The first begins with the stream. One ends, and the next begins,
 *  when the network shall forget or a model is changed; they overlap by a crossfade. When the
 * worker has fallen far behind, a span is broken off and the next begins at the present. */
#ifndef BSM_STREAM_SPAN_H
#define BSM_STREAM_SPAN_H

#include "signal/signal.h"
#include "stream/state.h"

/** Why a span is over. */
typedef enum span_end {
    SPAN_RUNS,
    SPAN_ENDED,  /**< as asked for; the next one overlaps it */
    SPAN_BROKEN, /**< too far behind */
    SPAN_FAILED, /**< the network failed: no vocals from now on */
    SPAN_QUIT,
} span_end;

/** Samples that are resampled at a time: so few that a block waits for no more than it needs. */
enum { SPAN_STEP = 32 };

/** The last samples of a span, kept back to be crossfaded with the first of the next. */
typedef struct span_tail {
    uint64_t from;
    size_t count;
    float *samples[2]; /**< room for a fade */
} span_tail;

typedef struct bsm_span {
    bsm_stream *stream;
    bsm_voice *voice;
    uint64_t start; /**< position of the signal's first sample */
    uint64_t end;   /**< behind its last; BSM_NEVER as long as it is not known */
    uint64_t
        until; /**< results from here on are the next span's; BSM_NEVER as long as there is none */
    uint64_t read;  /**< position of the next sample to read */
    uint64_t next;  /**< position of the next sample to write */
    uint64_t given; /**< samples at the model's rate that have been separated */
    double waited;  /**< seconds spent waiting for input */
    bool warming;   /**< nobody hears it yet: it reads what is there, and never waits */
    span_end over;
    bsm_blocks *blocks;
    bsm_resampled *from_host; /**< NULL where the rates are equal, as */
    bsm_resampler *to_host;
    uint64_t from;           /**< results before this are not written any more */
    const span_tail *before; /**< the last span's */
    span_tail *tail;         /**< this one's */
} bsm_span;

/** The span's signal at the host's rate; its read function waits for the input. */
bsm_signal bsm_span_host(bsm_span *span);

/** Open what it runs on; with `keep_state` the network goes on from the state that it has. Is to be
 *  closed after an error, too. */
bsm_status bsm_span_open(bsm_span *span, bool keep_state, bsm_error *error);
void bsm_span_close(bsm_span *span);

/** Separate the next block and write it: `count` samples at the model's rate, 0 at the end. */
bsm_status bsm_span_next(bsm_span *span, size_t *count, bsm_error *error);

/** The position up to which the next block needs the input. */
uint64_t bsm_span_ready(const bsm_span *span);

/** Write the next separated samples, at the model's rate: to the output timeline where they are in
 *  time, else nowhere. `audio` NULL: the span has ended, write what the resampler holds. */
bsm_status bsm_span_write(bsm_span *span, const float *const *audio, size_t count,
                          bsm_error *error);

/** Wake an audio thread that freewheels. */
void bsm_span_report_progress(bsm_stream *stream);

/** Seconds on a clock that only goes forward. */
double bsm_stream_clock(void);

#endif
