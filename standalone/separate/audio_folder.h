/* SPDX-License-Identifier: ISC */
/** The audio files of a folder. */
#ifndef BSM_STANDALONE_AUDIO_FOLDER_H
#define BSM_STANDALONE_AUDIO_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/config.h"
#include "bsm/status.h"

typedef struct audio_folder {
    char **paths; /**< sorted */
    size_t count;
    char **others; /**< names of what is no audio file, sorted; folders end in '/' */
    size_t num_others;
    size_t num_outputs; /**< audio files that an earlier run wrote */
} audio_folder;

/** List the audio files in `folder` itself, by their extensions, without hidden ones and without
 *  what an earlier run with a model of `config` wrote there.
 *  BSM_NOT_FOUND, BSM_NO_PERMISSION, BSM_BAD_AUDIO (there is none), BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status audio_folder_list(const char *folder, const bsm_config *config,
                                           audio_folder *list, bsm_error *error);
void audio_folder_clear(audio_folder *list);

/** What of the folder is not listed, in a few words. False: nothing. */
bool audio_folder_left_out(const audio_folder *list, char *text, size_t size);

/** True for "song.vocals.flac" and the like. */
bool audio_folder_is_output(const char *name, const bsm_config *config);

#endif
