/* SPDX-License-Identifier: ISC */
/** The header of a frame of MPEG audio (ISO/IEC 11172-3 and 13818-3), and what encoders note in the
 *  first frame of a file. */
#ifndef BSM_FILE_MPEG_FRAME_H
#define BSM_FILE_MPEG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bsm_mpeg_frame {
    unsigned version; /**< 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5 */
    unsigned layer;   /**< 1 to 3 */
    unsigned rate;    /**< Hz */
    bool mono;
    size_t size; /**< bytes, with the header */
} bsm_mpeg_frame;

enum { BSM_MPEG_HEADER = 4, BSM_MPEG_NOTE = 4 + 2 + 32 + 120 };

/** False: no header, or one of free format. */
bool bsm_mpeg_parse(const unsigned char header[BSM_MPEG_HEADER], bsm_mpeg_frame *frame);

/** True if two frames can be of one stream: the same version, layer, rate and channels. */
bool bsm_mpeg_alike(const bsm_mpeg_frame *a, const bsm_mpeg_frame *b);

/** True if the frame that begins at `bytes`, `size` of which are there, holds a note of Xing's,
 *  LAME's or Fraunhofer's kind in place of sound; `frames` is how many it announces, or 0. */
bool bsm_mpeg_note(const bsm_mpeg_frame *frame, const unsigned char *bytes, size_t size,
                   uint64_t *frames);

#endif
