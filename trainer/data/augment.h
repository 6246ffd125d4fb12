/* SPDX-License-Identifier: ISC */
/** Changes the audio of a source, so that few recordings stand for many. */
#ifndef BSM_TRAINER_AUGMENT_H
#define BSM_TRAINER_AUGMENT_H

#include "data/loader.h"
#include "data/random.h"

/** A piece of audio to be changed in place: [channels][samples], one or two channels. */
typedef struct bsm_piece {
    float *const *audio;
    size_t channels, samples;
    size_t rate;     /**< Hz */
    float **scratch; /**< as large as `audio` */
} bsm_piece;

/** The speed at which to read a source (see bsm_clip_reader_read); 1 if it is not shifted. */
double bsm_augment_draw_speed(const bsm_augmentation *augmentation, const bsm_random *random);

/** How many more pieces of the source to add: mostly none, otherwise one to three. `stream` is
 *  then the random stream to draw them with. */
size_t bsm_augment_draw_layers(const bsm_augmentation *augmentation, const bsm_random *random,
                               bsm_random *stream);

/** Apply all changes but the pitch and the layers, in this order: equaliser, compression,
 *  doubling, reverb, width, pan, channel swap, polarity, each with its probability. Each has a
 *  stream of its own, forked from `random`, so that one of them does not change the draws of the
 *  others. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_augment(const bsm_augmentation *augmentation, const bsm_random *random,
                                     const bsm_piece *piece, bsm_error *error);

/* ---- The single changes; values that are not given are drawn ---- */

/** Apply three filters, each a peak, a low or a high shelf of -6 to 6 dB, from 60 Hz to 12 kHz. */
void bsm_augment_eq(const bsm_piece *piece, bsm_random *random);

typedef enum bsm_filter_kind {
    BSM_FILTER_PEAK,
    BSM_FILTER_LOW_SHELF,
    BSM_FILTER_HIGH_SHELF
} bsm_filter_kind;

/** Make a biquad after Bristow-Johnson's "Audio EQ cookbook"; `q` applies to the shelves, too. */
void bsm_augment_filter(const bsm_piece *piece, bsm_filter_kind kind, double frequency, double q,
                        double gain_db);

/** Make louder parts quieter, both channels alike; the mean square is preserved.
 *  @param threshold_db  above the piece's root mean square
 *  @param attack, release  seconds */
void bsm_augment_compress(const bsm_piece *piece, double threshold_db, double ratio, double attack,
                          double release);
void bsm_augment_compression(const bsm_piece *piece, bsm_random *random);

/** Add a tail from a network of eight delay lines with a Householder matrix, which loses its high
 *  frequencies sooner.
 *  @param decay   seconds until it is 60 dB quieter
 *  @param wet_db  its mean square relative to that of the piece
 *  BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_augment_reverberate(const bsm_piece *piece, double decay,
                                                 double wet_db, bsm_random *random,
                                                 bsm_error *error);
BSM_NODISCARD bsm_status bsm_augment_reverb(const bsm_piece *piece, bsm_random *random,
                                            bsm_error *error);

/** Add the scratch audio with a random pan, 0 to 9 dB below the piece's energy. */
void bsm_augment_layer(const bsm_piece *piece, bsm_random *random);

/** Add one or two copies, up to 12 dB quieter and 12 to 30 ms late, whose pitch wavers by 5 to 15
 *  cents, with a random pan. In half of the cases the piece itself is panned, too, so that little
 *  remains in the middle. */
void bsm_augment_doubling(const bsm_piece *piece, bsm_random *random);

/** Two channels only: multiply their difference by `factor`. */
void bsm_augment_width(const bsm_piece *piece, double factor);

/** Two channels only. @param position  -1 left to 1 right; the sum of the squared gains is 2. */
void bsm_augment_pan(const bsm_piece *piece, double position);

#endif
