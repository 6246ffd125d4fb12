/* SPDX-License-Identifier: ISC */
/* Which files are audio files, by their names. */
#include <string.h>
#include <strings.h>

#include "bsm/separate.h"

bool bsm_is_audio_name(const char *name)
{
    static const char *const extensions[] = {
        "wav", "wave", "bwf", "rf64", "w64", "flac", "ogg", "oga", "opus", "spx", "mp3", "mp2",
        "mp1", "mpa", "mpga", "aif", "aiff", "aifc", "au", "snd", "caf", "voc",
        /* through ffmpeg, films among them */
        "m4a", "m4b", "aac", "adts", "alac", "wma", "wv", "ape", "tta", "tak", "mpc", "mka", "ac3",
        "eac3", "dts", "amr", "dsf", "dff", "shn", "ra", "mp4", "m4v", "mkv", "webm", "mov", "ogv",
        "ogx", "avi", "wmv", "asf", "flv", "3gp", "mpg", "mpeg", "vob"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof extensions[0]; i++) {
        if (strcasecmp(dot + 1, extensions[i]) == 0) {
            return name[0] != '.';
        }
    }
    return false;
}
