/* SPDX-License-Identifier: ISC */
/* The files that a separation writes. */
#include "file/output_files.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *extension(bsm_file_format format)
{
    switch (format) {
    case BSM_FILE_FLAC: return "flac";
    case BSM_FILE_OGG: return "ogg";
    case BSM_FILE_WAV: break;
    }
    return "wav";
}

bsm_status bsm_output_beside(const char *input, const char *folder, const char *ending,
                             char path[BSM_MAX_PATH], bsm_error *error)
{
    const char *slash = strrchr(input, '/');
    const char *name = slash ? slash + 1 : input;
    const char *dot = strrchr(name, '.');
    const size_t name_length = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    size_t folder_length = folder ? strlen(folder) : (size_t)(name - input);
    if (!folder) {
        folder = input;
    }
    const char *separator = folder_length && folder[folder_length - 1] != '/' ? "/" : "";
    int length = folder_length < BSM_MAX_PATH && name_length < BSM_MAX_PATH
                     ? snprintf(path, BSM_MAX_PATH, "%.*s%s%.*s.%s", (int)folder_length, folder,
                                separator, (int)name_length, name, ending)
                     : BSM_MAX_PATH;
    if (length < 0 || length >= BSM_MAX_PATH) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: the output's path is too long", input);
    }
    return BSM_OK;
}

bsm_status bsm_output_path(const char *input, const char *folder, const char *part,
                           bsm_file_format format, char path[BSM_MAX_PATH], bsm_error *error)
{
    char ending[BSM_MAX_PATH];
    if (snprintf(ending, sizeof ending, "%s.%s", part, extension(format)) >= BSM_MAX_PATH) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: the output's path is too long", input);
    }
    return bsm_output_beside(input, folder, ending, path, error);
}

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
