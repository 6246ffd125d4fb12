/* SPDX-License-Identifier: ISC */
/** What the loader's threads have to say, and count: one line at a time. Any thread. */
#ifndef BSM_TRAINER_REPORT_H
#define BSM_TRAINER_REPORT_H

#include <pthread.h>

#include "data/loader.h"

typedef struct bsm_report {
    bsm_loader_log *log; /**< may be NULL */
    void *user;
    pthread_mutex_t lock;
    uint64_t skipped; /**< files; under the lock */
} bsm_report;

/** Say a line. */
void bsm_report_line(bsm_report *report, const char *format, ...) BSM_PRINTF(2, 3);

/** Say that a file is skipped, and count it. */
void bsm_report_skipped(bsm_report *report, const char *reason);

uint64_t bsm_report_count(bsm_report *report);

#endif
