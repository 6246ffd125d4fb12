/* SPDX-License-Identifier: ISC */
/* Which files are audio files, by their names. */
#include <string.h>
#include <strings.h>

#include "bsm/separate.h"

bool bsm_is_audio_name(const char *name)
{
    static const char *const extensions[] = {"wav",  "flac", "ogg", "oga", "opus", "mp3", "aif",
                                             "aiff", "aifc", "au",  "snd", "caf",  "w64", "rf64"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof extensions[0]; i++) {
        if (strcasecmp(dot + 1, extensions[i]) == 0) {
            return name[0] != '.';
        }
    }
    return false;
}
