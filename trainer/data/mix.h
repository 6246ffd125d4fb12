/* SPDX-License-Identifier: ISC */
/** Making one example: draw its sources, read and change them, and add them up. */
#ifndef BSM_TRAINER_MIX_H
#define BSM_TRAINER_MIX_H

#include "data/library.h"

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
