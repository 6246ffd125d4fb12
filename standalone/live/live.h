/* SPDX-License-Identifier: ISC */
/** The main thread of bsm-live: the news from other threads, the control by OSC, and the state that
 *  it owns. */
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

/* Passes news from other threads to the main thread without a lock, and wakes it. Only the latest
 * news of each kind counts, and the first text that has not been read. */

enum { EVENT_TEXT_SIZE = 512 };

/** One line of text from another thread. */
typedef struct event_text {
    _Atomic int state;
    char text[EVENT_TEXT_SIZE];
} event_text;

typedef struct events {
    int fd;                     /**< readable when there is news, for poll */
    _Atomic uint64_t xruns;     /**< number of xruns so far */
    _Atomic size_t rate, block; /**< new value; 0 if it has not changed since it was last taken */
    event_text stopped, notice;
} events;

BSM_NODISCARD bsm_status events_open(events *e, bsm_error *error);
void events_close(events *e);

/* ---- Any thread ---- */

/** Count an xrun; for the audio thread. This wakes no thread. */
BSM_REALTIME void events_xrun(events *e);
void events_rate(events *e, size_t rate);
void events_block(events *e, size_t block);
void events_stopped(events *e, const char *why);
void events_notice(events *e, const char *text);

/* ---- The main thread ---- */

/** Make `fd` unreadable until there is more news. To be called before the news is taken. */
void events_acknowledge(events *e);

/** Take a text if there is one. `text` has room for EVENT_TEXT_SIZE bytes. */
bool event_text_take(event_text *from, char *text);

/* Takes gains from other programs and touch screens by OSC over UDP: /bsm/vocals DB,
 * /bsm/instrumental DB, /bsm/solo 0|1|2 and /bsm/bypass 0|1. All functions are for the main thread,
 * which passes changes to the audio thread as it does for keys. */

typedef struct remote remote;

/** Listen on a port. BSM_UNSUPPORTED: built without liblo; BSM_IO: the port is taken. */
BSM_NODISCARD bsm_status remote_open(size_t port, remote **result, bsm_error *error);

/** Stop listening. NULL is allowed. */
void remote_close(remote *r);

/** Return a descriptor for poll that is readable when there are messages, or -1 for NULL. */
int remote_fd(const remote *r);

/** Apply new messages to `mix`. Return true if any of them set a gain, solo or bypass. */
bool remote_take(remote *r, bsm_remix_settings *mix);

/* ---- A running bsm-live: everything that its main thread owns ---- */

typedef struct live {
    live_options options;
    char **arguments; /**< the command line, with a NULL at the end */
    pipeline *pipeline;
    audio_backend *backend;
    events events;  /**< news from the threads of the audio system */
    int signals;    /**< a signalfd */
    remote *remote; /**< NULL: no OSC */
    panel panel;
    stats_log stats;
    live_view view; /**< statistics of the last tick */
    bsm_fit fit;    /**< fit of the model that is heard */
    char device[128];
    char model[PANEL_ANSWER_SIZE];   /**< the file name that was typed last */
    float stats_peak[BSM_NUM_PARTS]; /**< highest samples since the last line of statistics */

    /* What plain lines have reported so far, and when. */
    uint64_t misses_told, xruns_told;
    double told_at;
    bool failure_told;

    double stats_at; /**< time of the next line of statistics */
    bool stop;
    exit_code code;
} live;

/** Block the signals that bsm-live handles, in this thread and those that it starts. */
BSM_NODISCARD bsm_status live_block_signals(live *l, bsm_error *error);

/** Unblock these signals, so that Ctrl-C ends the program at once. */
void live_unblock_signals(void);

/** Run until the end: handle keys, signals and news, and update panel and statistics. */
void live_run(live *l);

/** Copy the present values of the pipeline. */
void live_refresh(live *l);

/** Print an error and end the loop. */
void live_fail(live *l, exit_activity activity, const bsm_error *error);

/** Choose the options of a stream for this model on this machine, by measurement, except those that
 *  the user has set. Errors are those of bsm_fit_stream. */
BSM_NODISCARD bsm_status live_choose(const live *l, bsm_model *model, size_t rate, bsm_fit *fit,
                                     bsm_error *error);

/** Report the choice, or that the model is too slow. The panel shows it from now on, too. */
void live_tell_fit(live *l, const bsm_fit *fit);

/** Warn if the periods of the audio system are so long that the network can never be in time. */
void live_warn_period(live *l);

/* ---- Beginning anew when the JACK server comes back ---- */

/** Replace this process by a new bsm-live with the same arguments and the present gains, solo and
 *  model. A client of a server that has gone cannot be closed safely and keeps threads, which a new
 *  program does not have. Returns only after a failure. */
void live_restart(const live *l);

/** Sleep for a second, or until a signal ends the program. */
void live_wait_to_retry(live *l);

#endif
