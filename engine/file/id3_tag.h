/* SPDX-License-Identifier: ISC */
/** Tags and cover as ID3v2.4, which MP3 begins with and WAV may have in a chunk. */
#ifndef BSM_FILE_ID3_TAG_H
#define BSM_FILE_ID3_TAG_H

#include "file/audio_tags.h"

/** The bytes, which free() frees; NULL: there is nothing to say, or no memory to say it. */
unsigned char *bsm_id3_tag(const bsm_audio_tags *tags, size_t *size);

#endif
