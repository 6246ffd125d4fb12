/* SPDX-License-Identifier: ISC */
/** The remix of a live stream: the vocals and the instrumental with a gain each, mute, solo and
 *  bypass, which change without a click. It also measures the levels of both.
 *
 *  Vocals and instrumental add up to the delayed input, so bypass and gains of 0 dB give that
 *  input, with unchanged latency.
 *
 *  Threads: bsm_remix_mix, bsm_remix_stems and bsm_remix_restart belong to the audio thread.
 *  bsm_remix_set, bsm_remix_columns and bsm_remix_levels may be called from any thread at the same
 *  time. bsm_remix_new and bsm_remix_free are not for the audio thread. */
#ifndef BSM_REMIX_H
#define BSM_REMIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/attributes.h"
#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef struct bsm_remix bsm_remix;

typedef enum bsm_part { BSM_VOCALS, BSM_INSTRUMENTAL, BSM_NUM_PARTS } bsm_part;

/** BSM_SOLO_NONE, or 1 + the part that is heard alone. */
typedef enum bsm_solo { BSM_SOLO_NONE, BSM_SOLO_VOCALS, BSM_SOLO_INSTRUMENTAL } bsm_solo;

enum {
    BSM_REMIX_MIN_DB = -60, /**< at this gain and below, a part is silent */
    BSM_REMIX_MAX_DB = 20,  /**< higher gains are limited to this */
    BSM_REMIX_COLUMNS_PER_SECOND = 25,
    BSM_REMIX_COLUMNS = 256, /**< how many of the latest columns are kept */
};

/** If all are zero, both parts are heard unchanged. */
typedef struct bsm_remix_settings {
    float gain_db[BSM_NUM_PARTS]; /**< a NaN makes the part silent */
    bool mute[BSM_NUM_PARTS];
    bsm_solo solo;
    bool bypass; /**< only the delayed input is heard, whatever the other settings are */
} bsm_remix_settings;

/** Whether a part can be heard at all with these settings. Any thread. */
BSM_API BSM_REALTIME bool bsm_remix_lets_through(const bsm_remix_settings *settings, bsm_part part);

/** Make a remix that starts with `settings`. BSM_NO_MEMORY. */
BSM_API BSM_NODISCARD bsm_status bsm_remix_new(size_t sample_rate,
                                               const bsm_remix_settings *settings,
                                               bsm_remix **remix, bsm_error *error);
BSM_API void bsm_remix_free(bsm_remix *remix);

/** Change the settings. From the next call on, gains and bypass move to them linearly within 20 ms.
 *  Any thread. */
BSM_API BSM_REALTIME void bsm_remix_set(bsm_remix *remix, const bsm_remix_settings *settings);

/** Let the next call begin with the current settings at once, like the first one. Audio thread. */
BSM_API BSM_REALTIME void bsm_remix_restart(bsm_remix *remix);

/** Write the sum of both parts with their gains to `out`, which may be the same buffers as one of
 *  the parts. All arguments are left and right. Audio thread.
 *  @return whether a column of levels has become complete */
BSM_API BSM_REALTIME bool bsm_remix_mix(bsm_remix *remix, const float *const vocals[2],
                                        const float *const instrumental[2], float *const out[2],
                                        size_t frames);

/** Apply each part's gain in place. With bypass, the vocals become silent and the instrumental
 *  becomes the delayed input. Audio thread.
 *  @return whether a column of levels has become complete */
BSM_API BSM_REALTIME bool bsm_remix_stems(bsm_remix *remix, float *const vocals[2],
                                          float *const instrumental[2], size_t frames);

/** A column of levels: the peaks of 40 ms of both channels, relative to full scale. */
typedef struct bsm_levels {
    float separated[BSM_NUM_PARTS]; /**< before the gains */
    float heard[BSM_NUM_PARTS];     /**< after the gains and bypass */
} bsm_levels;

/** Return the number of columns completed since bsm_remix_new. Any thread. */
BSM_API BSM_REALTIME uint64_t bsm_remix_columns(const bsm_remix *remix);

/** Return column number `column`, from 0. It is silent if that column is not complete yet or no
 *  longer kept. Any thread. */
BSM_API BSM_REALTIME bsm_levels bsm_remix_levels(const bsm_remix *remix, uint64_t column);

BSM_END_DECLS

#endif
