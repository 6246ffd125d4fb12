/* SPDX-License-Identifier: ISC */
/** The files that a separation writes: all of them get their names, or none. */
#ifndef BSM_FILE_OUTPUT_FILES_H
#define BSM_FILE_OUTPUT_FILES_H

#include "bsm/separate.h"
#include "file/audio_writer.h"
#include "file/output_plan.h"

typedef struct bsm_output_files {
    size_t count;
    bool force;
    char paths[BSM_MAX_OUTPUTS][BSM_MAX_PATH];
    bsm_audio_writer *writers[BSM_MAX_OUTPUTS];
} bsm_output_files;

/** Begin one more file, at paths[count]; or a stream, which has no name to get. */
BSM_NODISCARD bsm_status bsm_output_files_add(bsm_output_files *files,
                                              const bsm_audio_format *format, bsm_error *error);

/** End all files and give them their names; if one fails, take back those that had got theirs
 *  (what `force` had replaced does not come back). */
BSM_NODISCARD bsm_status bsm_output_files_publish(bsm_output_files *files, bsm_error *error);

/** Free; files that were not published are removed. */
void bsm_output_files_clear(bsm_output_files *files);

#endif
