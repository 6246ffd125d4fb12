/* SPDX-License-Identifier: ISC */
/** Separating a signal in windows or blocks. The ways to cut it up see of the network, and of the
 * signal, only functions, so that tests can put others in their place. */
#ifndef BSM_SEPARATE_SEPARATION_H
#define BSM_SEPARATE_SEPARATION_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/config.h"
#include "bsm/network.h"
#include "separate/plan.h"
#include "signal/signal.h"

/** Separates blocks, as bsm_network_run does. */
typedef struct bsm_separator {
    void *user;
    bsm_status (*run)(void *user, const bsm_block *block, bsm_error *error);
    void (*reset)(void *user);
} bsm_separator;

/** The network itself. */
bsm_separator bsm_separator_of_network(bsm_network *network);

/** What is to be separated, and into what.
 *
 *  A signal has `lanes` times config->channels channels; the lanes are separated each on its own
 *  (two, where a network of one channel meets a stereo signal). */
typedef struct bsm_separation {
    const bsm_config *config;
    bsm_separator separator;
    bsm_signal signal;
    size_t lanes;
    bool wanted[BSM_MAX_STEMS]; /**< the stems to compute */
} bsm_separation;

/** Samples that `frames` frames cover. */
size_t bsm_separation_covered(const bsm_config *config, size_t frames);

/** Channels of the signal. */
size_t bsm_separation_channels(const bsm_separation *separation);

/** Planes of the result: for each wanted stem, in the model's order, the signal's channels. */
size_t bsm_separation_planes(const bsm_separation *separation);

/** Let each wanted stem's entry point to its config->channels planes of one lane, in that order;
 * the others become NULL. */
void bsm_separation_stems(const bsm_separation *separation, float *const *planes,
                          float *const *stems[BSM_MAX_STEMS]);

/* A downward expander (50:1) for separated stems: where one is further below the mixture than
 *  config->expander says, it is turned down by 49 further dB for each dB that it is too low. What
 *  a network takes for a faint voice in music without any is silenced so; what it finds nearby is
 *  not touched to the bit.
 *
 *  Levels are those of power averaged over 0.6 s (exponentially), over the channels of a lane.
 * Gains are known every 64 samples and reached in a straight line over 64, below -120 dB they are
 * 0. The result is delayed by 0.15 s, so that a gain rises before the voice that raises it; how it
 * is cut up makes no difference. (Zoelzer, "DAFX", 2011, chapter 4.2.) */

typedef struct bsm_expander bsm_expander;

/** For the results of `separation`, whose signal becomes one that the expander has heard, too.
 *  `expander` becomes NULL where the model wants none. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_expander_new(bsm_separation *separation, bsm_expander **expander,
                                          bsm_error *error);
void bsm_expander_free(bsm_expander *expander);

/** Samples by which the result of a model is delayed; 0 where it wants no expander. */
size_t bsm_expander_delay(const bsm_config *config);

/** The next `count` samples of the result, of which at least as many have been read, become those
 *  that have waited for bsm_expander_delay samples: fewer at the start, and when the result has
 *  `ended` all that are left.
 *  @param planes as bsm_separation_planes counts them, with room for the delay behind `count`
 *  @param at     where in the planes the samples then begin
 *  @return       how many they are */
size_t bsm_expander_apply(bsm_expander *expander, float *const *planes, size_t count, bool ended,
                          float **at);

/* ---- One window with a centred transform of its own ---- */

typedef struct bsm_window bsm_window;

/** For windows of `length` samples; keeps `separation`. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_window_new(const bsm_separation *separation, size_t length,
                                        bsm_window **window, bsm_error *error);
void bsm_window_free(bsm_window *window);

/** Separate the wanted stems of one lane.
 *  @param audio config->channels pointers to `length` samples */
BSM_NODISCARD bsm_status bsm_window_separate(bsm_window *window, const float *const *audio,
                                             bsm_error *error);

/** Samples `first` to `end` of a stem of that, as bsm_stft_inverse gives it. */
void bsm_window_take(const bsm_window *window, size_t stem, size_t first, size_t end,
                     float *const *audio);

/* Separating a long signal in windows, each from a zero state and with a centred transform of its
 *  own, crossfaded where they overlap.
 *
 *  Window k starts at sample k * step. The last one is the first that reaches the signal's end; it
 *  is padded with silence. Without overlap this is the published evaluation. */

typedef struct bsm_windows bsm_windows;

/** `length` and `step` (1 to `length`) in samples. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_windows_new(const bsm_separation *separation, size_t length,
                                         size_t step, bsm_windows **windows, bsm_error *error);
void bsm_windows_free(bsm_windows *windows);

/** The next samples of the result: bsm_separation_planes planes of `count` samples, which stay
 *  until the next call; 0 at the end. After a failure nothing but bsm_windows_free may follow. */
BSM_NODISCARD bsm_status bsm_windows_next(bsm_windows *windows, float *const **audio, size_t *count,
                                          bsm_error *error);

/* Separating a long signal as the live engine does: one transform of the whole signal, its frames
 *  committed in blocks with a look-ahead, the state carried from block to block.
 *
 *  Block b sees the frames from b * commit to the end of its look-ahead or of the signal. With a
 *  bounded history the state is not carried: each block also sees the frames before it, from a zero
 *  state. The signal is read as late as possible, so that a live one is not waited for. */

typedef struct bsm_blocks bsm_blocks;

/** All in frames. */
typedef struct bsm_block_shape {
    size_t commit; /**< at least 1 */
    size_t lookahead;
    size_t history; /**< 0: the state is the network's affair, which goes on from block to block */
} bsm_block_shape;

/** `separation` has one lane. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_blocks_new(const bsm_separation *separation,
                                        const bsm_block_shape *shape, bsm_blocks **blocks,
                                        bsm_error *error);
void bsm_blocks_free(bsm_blocks *blocks);

/** The next samples of the result, as bsm_windows_next gives them. */
BSM_NODISCARD bsm_status bsm_blocks_next(bsm_blocks *blocks, float *const **audio, size_t *count,
                                         bsm_error *error);

/* ---- Separating a long signal in the windows or the blocks of a plan ---- */

typedef struct bsm_cutter bsm_cutter;

/** `name` is the signal's, for messages. BSM_NO_MEMORY, BSM_UNSUPPORTED (blocks of two lanes). */
BSM_NODISCARD bsm_status bsm_cutter_new(const bsm_separation *separation,
                                        const bsm_separate_plan *plan, const char *name,
                                        bsm_cutter **cutter, bsm_error *error);
void bsm_cutter_free(bsm_cutter *cutter);

/** As bsm_windows_next. */
BSM_NODISCARD bsm_status bsm_cutter_next(bsm_cutter *cutter, float *const **audio, size_t *count,
                                         bsm_error *error);

#endif
