/* SPDX-License-Identifier: ISC */
/** Separates signals in windows or blocks. The code that cuts signals up sees only functions of
 *  the network and of the signal, so that tests can replace both. */
#ifndef BSM_SEPARATE_SEPARATION_H
#define BSM_SEPARATE_SEPARATION_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/config.h"
#include "bsm/network.h"
#include "separate/plan.h"
#include "signal/signal.h"

/** Separates one block, like bsm_network_run. */
typedef struct bsm_separator {
    void *user;
    bsm_status (*run)(void *user, const bsm_block *block, bsm_error *error);
    void (*reset)(void *user);
} bsm_separator;

/** A separator that is the network itself. */
bsm_separator bsm_separator_of_network(bsm_network *network);

/** What is to be separated, and into which stems.
 *
 *  A signal has `lanes` times config->channels channels, and each lane is separated by itself:
 *  there are two lanes if a network of one channel gets a stereo signal. */
typedef struct bsm_separation {
    const bsm_config *config;
    bsm_separator separator;
    bsm_signal signal;
    size_t lanes;
    bool wanted[BSM_MAX_STEMS]; /**< the stems to compute */
} bsm_separation;

/** The number of samples that `frames` frames cover. */
size_t bsm_separation_covered(const bsm_config *config, size_t frames);

/** The number of channels of the signal. */
size_t bsm_separation_channels(const bsm_separation *separation);

/** The number of planes of the result: the signal's channels for each wanted stem, in the model's
 *  order. */
size_t bsm_separation_planes(const bsm_separation *separation);

/** Point each wanted stem's entry to its config->channels planes of one lane, in that order; the
 *  other entries become NULL. */
void bsm_separation_stems(const bsm_separation *separation, float *const *planes,
                          float *const *stems[BSM_MAX_STEMS]);

/* A downward expander (50:1) for separated stems: if a stem is further below the mixture than
 * config->expander says, it is turned down by 49 further dB for each dB that it is too low. That
 * silences what a network mistakes for a faint voice in music without one; samples of stems above
 * the threshold keep their bits.
 *
 * The level is the power averaged over 0.6 s (exponentially) and over the channels of a lane. A
 * gain is computed every 64 samples and reached linearly over 64 samples; gains below -120 dB
 * become 0. The result is delayed by 0.15 s, so that a gain rises before the voice that raises it.
 * The result does not depend on how the signal is cut up. (Zoelzer, "DAFX", 2011, chapter 4.2.) */

typedef struct bsm_expander bsm_expander;

/** Make the expander for the results of `separation`, and replace its signal by one that the
 *  expander listens to, too. `*expander` becomes NULL if the model wants none. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_expander_new(bsm_separation *separation, bsm_expander **expander,
                                          bsm_error *error);
void bsm_expander_free(bsm_expander *expander);

/** The delay in samples that the expander adds to a model's result; 0 if it has none. */
size_t bsm_expander_delay(const bsm_config *config);

/** Replace the next `count` samples of the result, at least as many of which have been read, by
 *  those that have waited for bsm_expander_delay samples. At the start these are fewer; when the
 *  result has `ended`, they are all that are left.
 *  @param planes bsm_separation_planes planes, with room for the delay after `count`
 *  @param at     where the resulting samples begin in the planes
 *  @return       how many they are */
size_t bsm_expander_apply(bsm_expander *expander, float *const *planes, size_t count, bool ended,
                          float **at);

/* ---- One window with a centred transform of its own ---- */

typedef struct bsm_window bsm_window;

/** Make one for windows of `length` samples; it refers to `separation`. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_window_new(const bsm_separation *separation, size_t length,
                                        bsm_window **window, bsm_error *error);
void bsm_window_free(bsm_window *window);

/** Separate the wanted stems of one lane.
 *  @param audio config->channels pointers to `length` samples */
BSM_NODISCARD bsm_status bsm_window_separate(bsm_window *window, const float *const *audio,
                                             bsm_error *error);

/** Get samples `first` to `end` of a separated stem, as bsm_stft_inverse would give them. */
void bsm_window_take(const bsm_window *window, size_t stem, size_t first, size_t end,
                     float *const *audio);

/* Separating a long signal in windows. Each has a zero initial state and a centred transform of
 * its own, and neighbours are crossfaded where they overlap.
 *
 * Window k starts at sample k * step. The last one is the first that reaches the signal's end; it
 * is padded with silence. Without overlap this is the published evaluation. */

typedef struct bsm_windows bsm_windows;

/** `length` and `step` (1 to `length`) in samples. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_windows_new(const bsm_separation *separation, size_t length,
                                         size_t step, bsm_windows **windows, bsm_error *error);
void bsm_windows_free(bsm_windows *windows);

/** Get the next samples of the result: bsm_separation_planes planes of `count` samples, which stay
 *  valid until the next call; 0 at the end. After a failure only bsm_windows_free may be called. */
BSM_NODISCARD bsm_status bsm_windows_next(bsm_windows *windows, float *const **audio, size_t *count,
                                          bsm_error *error);

/* Separating a long signal as the live engine does: the whole signal has one transform, whose
 * frames are committed in blocks with a look-ahead, and the state is carried from block to block.
 *
 * Block b sees the frames from b * commit to the end of its look-ahead or of the signal. With a
 * bounded history the state is not carried: each block starts from a zero state and also sees the
 * frames before it. The signal is read as late as possible, so that nothing waits for a live
 * signal longer than necessary. */

typedef struct bsm_blocks bsm_blocks;

/** All are in frames. */
typedef struct bsm_block_shape {
    size_t commit; /**< at least 1 */
    size_t lookahead;
    size_t history; /**< 0: the network carries its state from block to block */
} bsm_block_shape;

/** Make one; `separation` has one lane. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_blocks_new(const bsm_separation *separation,
                                        const bsm_block_shape *shape, bsm_blocks **blocks,
                                        bsm_error *error);
void bsm_blocks_free(bsm_blocks *blocks);

/** Get the next samples of the result, like bsm_windows_next. */
BSM_NODISCARD bsm_status bsm_blocks_next(bsm_blocks *blocks, float *const **audio, size_t *count,
                                         bsm_error *error);

/* ---- Separating a long signal in the windows or the blocks of a plan ---- */

typedef struct bsm_cutter bsm_cutter;

/** Make one; `name` is the signal's name in messages. BSM_NO_MEMORY, BSM_UNSUPPORTED (blocks of
 *  two lanes). */
BSM_NODISCARD bsm_status bsm_cutter_new(const bsm_separation *separation,
                                        const bsm_separate_plan *plan, const char *name,
                                        bsm_cutter **cutter, bsm_error *error);
void bsm_cutter_free(bsm_cutter *cutter);

/** Get the next samples of the result, like bsm_windows_next. */
BSM_NODISCARD bsm_status bsm_cutter_next(bsm_cutter *cutter, float *const **audio, size_t *count,
                                         bsm_error *error);

#endif
