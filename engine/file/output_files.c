/* SPDX-License-Identifier: ISC */
/* The files that a separation writes. */
#include "file/output_files.h"

#include <unistd.h>

bsm_status bsm_output_files_add(bsm_output_files *files, const bsm_audio_format *format,
                                bsm_error *error)
{
    bsm_status status = bsm_audio_writer_new(files->paths[files->count], format, files->force,
                                             &files->writers[files->count], error);
    files->count += status == BSM_OK;
    return status;
}

bsm_status bsm_output_files_publish(bsm_output_files *files, bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < files->count && !status; i++) {
        status = bsm_audio_writer_finish(files->writers[i], error);
    }
    size_t published = 0;
    while (published < files->count && !status) {
        status = bsm_audio_writer_publish(files->writers[published], error);
        published += status == BSM_OK;
    }
    while (status && published > 0) {
        unlink(files->paths[--published]);
    }
    return status;
}

void bsm_output_files_clear(bsm_output_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        bsm_audio_writer_free(files->writers[i]);
    }
    files->count = 0;
}
