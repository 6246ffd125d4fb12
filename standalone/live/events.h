/* SPDX-License-Identifier: ISC */
/** What other threads tell the main thread, without a lock, and how it wakes up.
 *
 *  Of each kind of news, the latest counts; of texts, the first that has not been read. */
#ifndef BSM_LIVE_EVENTS_H
#define BSM_LIVE_EVENTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"

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

#endif
