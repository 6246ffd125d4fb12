/* SPDX-License-Identifier: ISC */
/** log.jsonl: what a training did, one JSON object per line, each with its "step". */
#ifndef BSM_TRAINER_LOG_H
#define BSM_TRAINER_LOG_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "bsm/status.h"

typedef struct bsm_log bsm_log;

/** Go on with the log of `folder`, or begin one. Lines about steps after `step` are taken away:
 *  they will be done again. What writing a file reports. */
BSM_NODISCARD bsm_status bsm_log_open(const char *folder, uint64_t step, bsm_log **log,
                                      bsm_error *error);
bsm_status bsm_log_close(bsm_log *log, bsm_error *error);

/** Write a line and free `object`, which may be NULL (out of memory). */
BSM_NODISCARD bsm_status bsm_log_write(bsm_log *log, cJSON *object, bsm_error *error);

#endif
