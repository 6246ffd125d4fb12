/* SPDX-License-Identifier: ISC */
/** Reads pieces of clips, and makes one example of them. */
#ifndef BSM_TRAINER_DATA_MIX_H
#define BSM_TRAINER_DATA_MIX_H

#include "data/library.h"

/* Reads pieces of clips as a network needs them, and keeps a few files open. One thread. */

typedef struct bsm_clip_reader bsm_clip_reader;

/** Make one for pieces at `rate` with `channels` (1 or 2) channels, from tracks with `num_sources`
 *  sources. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_clip_reader_new(size_t rate, size_t channels, size_t num_sources,
                                             bsm_clip_reader **reader, bsm_error *error);
void bsm_clip_reader_free(bsm_clip_reader *reader);

/** Read `samples` from `start` seconds on. One channel becomes two equal ones, two become their
 *  mean. The clip is followed by silence, also if it ends up to a twentieth of a second earlier
 *  than its header says.
 *  @param speed  how many seconds of the clip become one second: above 1 the pitch is higher, and
 *  so are the formants
 *  The errors of bsm_audio_reader_open and _read; BSM_BAD_AUDIO also if the file has changed. */
BSM_NODISCARD bsm_status bsm_clip_reader_read(bsm_clip_reader *reader, const bsm_clip *clip,
                                              double start, double speed, float *const *audio,
                                              size_t samples, bsm_error *error);

/* ---- Making one example: draw its sources, read and change them, and add them up ---- */

typedef struct bsm_mixer bsm_mixer;

/** What all mixers share; it must outlive them. */
typedef struct bsm_mix_options {
    const bsm_data_options *data;
    const bsm_config *model;
    const bsm_library *library;
    bsm_report *report;
    uint64_t seed;
    size_t samples;
} bsm_mix_options;

/** Make a mixer; each thread needs its own. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_mixer_new(const bsm_mix_options *options, bsm_mixer **mixer,
                                       bsm_error *error);
void bsm_mixer_free(bsm_mixer *mixer);

/** Allocate planes for an example; NULL when out of memory. */
bsm_example *bsm_example_new(const bsm_config *model, size_t samples);
void bsm_example_free(bsm_example *example, const bsm_config *model);

/** Make example `number`. If a file cannot be read, it is named once, and the example is drawn
 *  again. BSM_NOT_FOUND: nothing that is drawn can be read; BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_mixer_make(bsm_mixer *mixer, uint64_t number, bsm_example *example,
                                        bsm_error *error);

#endif
