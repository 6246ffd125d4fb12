/* SPDX-License-Identifier: ISC */
/** What other threads tell the main thread, without a lock, and how it wakes up.
 *
 *  Of each kind of news, the latest counts; of texts, the first that has not been read. */
#ifndef BSM_STANDALONE_LIVE_LIVE_H
#define BSM_STANDALONE_LIVE_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/fit.h"
#include "bsm/remix.h"
#include "bsm/status.h"
#include "options.h"
#include "panel.h"
#include "pipeline.h"
#include "program_options.h"

/* What other threads tell the main thread, without a lock, and how it wakes up.
 *
 *  Of each kind of news, the latest counts; of texts, the first that has not been read. */

enum { EVENT_TEXT_SIZE = 512 };

/** A place for one line of text. */
typedef struct event_text {
    _Atomic int state;
    char text[EVENT_TEXT_SIZE];
} event_text;

typedef struct events {
    int fd; /**< readable when there is news; for poll */
    _Atomic uint64_t xruns;
    _Atomic size_t rate, block; /**< new ones, 0: none */
    event_text stopped, notice;
} events;

BSM_NODISCARD bsm_status events_open(events *e, bsm_error *error);
void events_close(events *e);

/* ---- Any thread ---- */

/** Only counts, wakes nobody: for the audio thread. */
BSM_REALTIME void events_xrun(events *e);
void events_rate(events *e, size_t rate);
void events_block(events *e, size_t block);
void events_stopped(events *e, const char *why);
void events_notice(events *e, const char *text);

/* ---- The main thread ---- */

/** Make `fd` unreadable until there is more. Before the news are taken. */
void events_acknowledge(events *e);

/** Take a text if there is one; `text` holds EVENT_TEXT_SIZE bytes. */
bool event_text_take(event_text *from, char *text);

/* Gains from other programs and from touch screens, by OSC over UDP:
 *
 *      /bsm/vocals DB    /bsm/instrumental DB    /bsm/solo 0|1|2    /bsm/bypass 0|1
 *
 *  All is for the main thread; the audio thread hears of it as of a key. */

typedef struct remote remote;

/** Listen on a port. BSM_UNSUPPORTED: built without liblo; BSM_IO: the port is taken. */
BSM_NODISCARD bsm_status remote_open(size_t port, remote **result, bsm_error *error);

/** NULL is fine. */
void remote_close(remote *r);

/** Readable when there are messages; for poll. Of NULL -1. */
int remote_fd(const remote *r);

/** Take what has come into `mix`. @return whether anything has */
bool remote_take(remote *r, bsm_remix_settings *mix);

/* ---- A running bsm-live: everything that its main thread owns ---- */

typedef struct live {
    live_options options;
    char **arguments; /**< of the command line, with a NULL at the end */
    pipeline *pipeline;
    audio_backend *backend;
    events events;  /**< from the audio system's threads */
    int signals;    /**< a signalfd */
    remote *remote; /**< NULL: nobody is listened to */
    panel panel;
    stats_log stats;
    live_view view; /**< as of the last tick */
    bsm_fit fit;    /**< of what plays */
    char device[128];
    char model[PANEL_ANSWER_SIZE];   /**< the file that was typed last */
    float stats_peak[BSM_NUM_PARTS]; /**< since the last line of statistics */

    /* What has been told in plain lines. */
    uint64_t misses_told, xruns_told;
    double told_at;
    bool failure_told;

    double stats_at; /**< when the next line of statistics is due */
    bool stop;
    exit_code code;
} live;

/** Block the signals that bsm-live takes, in this thread and those that it starts. */
BSM_NODISCARD bsm_status live_block_signals(live *l, bsm_error *error);

/** From here on, a signal ends the program at once. */
void live_unblock_signals(void);

/** From the first sound to the last: keys, signals, news, panel and statistics. */
void live_run(live *l);

/** Take over what the pipeline says of itself. */
void live_refresh(live *l);

/** Print an error, and end. */
void live_fail(live *l, exit_activity activity, const bsm_error *error);

/** What is asked of a stream of this model here: measured, and chosen as far as the user has not.
 *  As bsm_fit_stream. */
BSM_NODISCARD bsm_status live_choose(const live *l, bsm_model *model, size_t rate, bsm_fit *fit,
                                     bsm_error *error);

/** Say what was chosen, or that the model is too slow, from now on in the panel, too. */
void live_tell_fit(live *l, const bsm_fit *fit);

/** A line if the audio system's periods are so long that the network can never be in time. */
void live_warn_period(live *l);

/* ---- Beginning anew when the JACK server comes back ---- */

/** Become a new bsm-live with the arguments of the first one, and with the gains, solo and model as
 *  they are now. A client of a server that has gone cannot be closed safely, and holds threads: a
 * new program has none of it. Returns only if that fails. */
void live_restart(const live *l);

/** Sleep a second, or until a signal that ends the program. */
void live_wait_to_retry(live *l);

#endif
