/* SPDX-License-Identifier: ISC */
/* Sends lines to the log. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "bsm/status.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bsm_log_handler *handler;
static void *handler_user;

void bsm_log_set_handler(bsm_log_handler *new_handler, void *user)
{
    pthread_mutex_lock(&lock);
    handler = new_handler;
    handler_user = user;
    pthread_mutex_unlock(&lock);
}

void bsm_log(const char *format, ...)
{
    char text[640], line[640];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bsm_format_line(line, sizeof line, "%s", text);
    pthread_mutex_lock(&lock);
    if (handler) {
        handler(handler_user, line);
    } else {
        fprintf(stderr, "bsm: %s\n", line);
    }
    pthread_mutex_unlock(&lock);
}
