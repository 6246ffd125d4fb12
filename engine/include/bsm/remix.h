/* SPDX-License-Identifier: ISC */
/** The remix of a live stream: its vocals and its instrumental with a gain each, mute, solo and
 *  bypass, changed without a click; and how loud both are.
 *
 *  Both add up to the delayed input, so that is what bypass and gains of 0 dB give, as late as
 * ever.
 *
 *  Threads: bsm_remix_mix, bsm_remix_stems and bsm_remix_restart belong to the audio thread;
 *  bsm_remix_set and bsm_remix_levels may be called from any thread meanwhile. */
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
    BSM_REMIX_MIN_DB = -60, /**< a part is silent at this gain and below */
    BSM_REMIX_MAX_DB = 20,
    BSM_REMIX_COLUMNS_PER_SECOND = 25,
    BSM_REMIX_COLUMNS = 256, /**< number of columns that are kept */
};

/** All zeros: both parts are unchanged. */
typedef struct bsm_remix_settings {
    float gain_db[BSM_NUM_PARTS]; /**< NaN counts as silent */
    bool mute[BSM_NUM_PARTS];
    bsm_solo solo;
    bool bypass;
} bsm_remix_settings;

/** Return true if a part is heard at all. */
BSM_API BSM_REALTIME bool bsm_remix_lets_through(const bsm_remix_settings *settings, bsm_part part);

/** Make a remix with these settings. BSM_NO_MEMORY. Not for the audio thread. */
BSM_API BSM_NODISCARD bsm_status bsm_remix_new(size_t sample_rate,
                                               const bsm_remix_settings *settings,
                                               bsm_remix **remix, bsm_error *error);
BSM_API void bsm_remix_free(bsm_remix *remix);

/** Change the settings. The next call begins a linear ramp of 20 ms to them. Any thread. */
BSM_API BSM_REALTIME void bsm_remix_set(bsm_remix *remix, const bsm_remix_settings *settings);

/** Let the next call begin with the settings at once, without a ramp. Audio thread. */
BSM_API BSM_REALTIME void bsm_remix_restart(bsm_remix *remix);

/** Both parts together into `out`, which may be any of the other buffers. Audio thread.
 *  @return whether a column of levels has become complete */
BSM_API BSM_REALTIME bool bsm_remix_mix(bsm_remix *remix, const float *const vocals[2],
                                        const float *const instrumental[2], float *const out[2],
                                        size_t frames);

/** Each part with its gain, in place; bypass gives the delayed input as the instrumental. Audio
 *  thread.
 *  @return whether a column of levels has become complete */
BSM_API BSM_REALTIME bool bsm_remix_stems(bsm_remix *remix, float *const vocals[2],
                                          float *const instrumental[2], size_t frames);

/** Peaks of 40 ms, as factors of full scale. */
typedef struct bsm_levels {
    float separated[BSM_NUM_PARTS];
    float heard[BSM_NUM_PARTS]; /**< after their gains */
} bsm_levels;

/** Return the number of columns of levels since the start. Any thread. */
BSM_API BSM_REALTIME uint64_t bsm_remix_columns(const bsm_remix *remix);

/** Get column number `column`, or silence if it is not there yet or no longer kept. Any thread. */
BSM_API BSM_REALTIME bsm_levels bsm_remix_levels(const bsm_remix *remix, uint64_t column);

BSM_END_DECLS

#endif
