/* SPDX-License-Identifier: ISC */
/* What the loader's threads have to say, and count. */
#include "data/report.h"

#include <stdarg.h>
#include <stdio.h>

static void say(bsm_report *report, const char *line)
{
    if (report->log) {
        report->log(report->user, line);
    }
}

void bsm_report_line(bsm_report *report, const char *format, ...)
{
    char text[512], line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bsm_format_line(line, sizeof line, "%s", text);
    pthread_mutex_lock(&report->lock);
    say(report, line);
    pthread_mutex_unlock(&report->lock);
}

void bsm_report_skipped(bsm_report *report, const char *reason)
{
    char line[600];
    bsm_format_line(line, sizeof line, "%s: skipped", reason);
    pthread_mutex_lock(&report->lock);
    report->skipped++;
    say(report, line);
    pthread_mutex_unlock(&report->lock);
}

uint64_t bsm_report_count(bsm_report *report)
{
    pthread_mutex_lock(&report->lock);
    const uint64_t skipped = report->skipped;
    pthread_mutex_unlock(&report->lock);
    return skipped;
}
