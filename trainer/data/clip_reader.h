/* SPDX-License-Identifier: ISC */
/** Reading a piece of a clip as a network wants it, with a few files kept open. One thread. */
#ifndef BSM_TRAINER_CLIP_READER_H
#define BSM_TRAINER_CLIP_READER_H

#include "data/clip.h"

typedef struct bsm_clip_reader bsm_clip_reader;

/** For pieces at `rate` with `channels` (1 or 2) channels, of tracks with `num_sources` sources.
 *  BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_clip_reader_new(size_t rate, size_t channels, size_t num_sources,
                                             bsm_clip_reader **reader, bsm_error *error);
void bsm_clip_reader_free(bsm_clip_reader *reader);

/** Read `samples` from `start` seconds on. One channel becomes two equal ones, two become their
 *  mean. Beyond the clip's end there is silence, also where
 *  that comes a twentieth of a second before its header says.
 *  @param speed  how many seconds of the clip become one: above 1 it sounds higher, formants too
 *  As bsm_audio_reader_open and _read; BSM_BAD_AUDIO also if the file is not as it was. */
BSM_NODISCARD bsm_status bsm_clip_reader_read(bsm_clip_reader *reader, const bsm_clip *clip,
                                              double start, double speed, float *const *audio,
                                              size_t samples, bsm_error *error);

#endif
