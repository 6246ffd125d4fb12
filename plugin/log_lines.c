/* SPDX-License-Identifier: ISC */
/* Passes the engine's log lines to a host's log. */
#include "log_lines.h"

#include <pthread.h>
#include <stdio.h>

#include "bsm/log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bsm_log_listener *newest;

/* Called in threads that make or run networks: the host's worker and the engine's own threads. */
static void tell(void *unused, const char *line)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    if (newest) {
        lv2_log_warning(newest->log, "bsm: %s\n", line);
    } else {
        fprintf(stderr, "bsm: %s\n", line);
    }
    pthread_mutex_unlock(&lock);
}

/* The handler is set once and never changed. The engine calls it under a lock of its own, which
 * setting the handler takes, too, so setting it while our lock is held could cause a deadlock. */
static void install(void)
{
    bsm_log_set_handler(tell, NULL);
}

void bsm_log_lines_begin(bsm_log_listener *listener, LV2_Log_Logger *log)
{
    *listener = (bsm_log_listener){0};
    if (!log->log) {
        return;
    }
    pthread_once(&once, install);
    pthread_mutex_lock(&lock);
    *listener = (bsm_log_listener){log, newest};
    newest = listener;
    pthread_mutex_unlock(&lock);
}

void bsm_log_lines_end(bsm_log_listener *listener)
{
    if (!listener->log) {
        return;
    }
    pthread_mutex_lock(&lock);
    bsm_log_listener **place = &newest;
    while (*place != listener) {
        place = &(*place)->older;
    }
    *place = listener->older;
    pthread_mutex_unlock(&lock);
}
