/* SPDX-License-Identifier: ISC */
/** Reading through a root's audio files, once, on several threads. */
#ifndef BSM_TRAINER_LIBRARY_SCAN_H
#define BSM_TRAINER_LIBRARY_SCAN_H

#include "data/clip.h"
#include "data/report.h"

/** Fill in each clip's activity. Of a file that is broken or lasts less than `seconds` the clip's
 *  path becomes NULL, and the report says so. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_library_scan(const bsm_data_options *options, const char *root,
                                          bsm_clip *clips, size_t num_clips, double seconds,
                                          size_t threads, bsm_report *report, bsm_error *error);

#endif
