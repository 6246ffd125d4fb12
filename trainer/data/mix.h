/* SPDX-License-Identifier: ISC */
/** Reading pieces of clips and making one example of them. */
#ifndef BSM_TRAINER_DATA_MIX_H
#define BSM_TRAINER_DATA_MIX_H

#include "data/library.h"

/* Reading a piece of a clip as a network wants it, with a few files kept open. One thread. */

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

/* ---- Making one example: draw its sources, read and change them, and add them up ---- */

typedef struct bsm_mixer bsm_mixer;

/** What all mixers share; it outlives them. */
typedef struct bsm_mix_options {
    const bsm_data_options *data;
    const bsm_config *model;
    const bsm_library *library;
    bsm_report *report;
    uint64_t seed;
    size_t samples;
} bsm_mix_options;

/** One for each thread. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_mixer_new(const bsm_mix_options *options, bsm_mixer **mixer,
                                       bsm_error *error);
void bsm_mixer_free(bsm_mixer *mixer);

/** Planes for an example; NULL without memory. */
bsm_example *bsm_example_new(const bsm_config *model, size_t samples);
void bsm_example_free(bsm_example *example, const bsm_config *model);

/** Make example `number`. A file that cannot be read is named once, and the example drawn again.
 *  BSM_NOT_FOUND: whatever is drawn cannot be read; BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_mixer_make(bsm_mixer *mixer, uint64_t number, bsm_example *example,
                                        bsm_error *error);

#endif
