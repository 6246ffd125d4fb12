/* SPDX-License-Identifier: ISC */
/** What an audio file consists of: one piece of sound, or several that were joined end to end (MP3
 *  files by cat, the songs of a recorded Ogg station), each with headers of its own. */
#ifndef BSM_FILE_AUDIO_LINKS_H
#define BSM_FILE_AUDIO_LINKS_H

#include "bsm/status.h"
#include "file/link_list.h"

/** Look through an open file of `size` bytes. What is not understood is one link of
 *  BSM_CODEC_SNDFILE. BSM_NO_MEMORY, BSM_IO. */
BSM_NODISCARD bsm_status bsm_audio_links_find(int fd, uint64_t size, const char *path,
                                              bsm_audio_links *links, bsm_error *error);

#endif
