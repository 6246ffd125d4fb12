/* SPDX-License-Identifier: ISC */
/** Changing the sound of a source, so that few recordings stand in for many. */
#ifndef BSM_TRAINER_AUGMENT_H
#define BSM_TRAINER_AUGMENT_H

#include "data/loader.h"
#include "data/random.h"

/** A piece of audio to change in place: [channels][samples], one or two channels. */
typedef struct bsm_piece {
    float *const *audio;
    size_t channels, samples;
    size_t rate;     /**< Hz */
    float **scratch; /**< as large as `audio` */
} bsm_piece;

/** The speed to read a source at (see bsm_clip_reader_read): 1 where it is not to be shifted. */
double bsm_augment_draw_speed(const bsm_augmentation *augmentation, const bsm_random *random);

/** How many more pieces of the source to lay over it: mostly none, else one to three. `stream` is
 *  then what they are drawn with. */
size_t bsm_augment_draw_layers(const bsm_augmentation *augmentation, const bsm_random *random,
                               bsm_random *stream);

/** All but the pitch and the layers, in this order: equaliser, compression, doubling, reverb,
 * width, pan, channel swap, polarity, each if chance will have it. Each has a stream of its own,
 * forked from `random`, so that one of them changes nothing in the others' draws. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_augment(const bsm_augmentation *augmentation, const bsm_random *random,
                                     const bsm_piece *piece, bsm_error *error);

/* ---- Each of them; what is not given is drawn ---- */

/** Three filters, each a peak, a low or a high shelf of -6 to 6 dB, from 60 Hz to 12 kHz. */
void bsm_augment_eq(const bsm_piece *piece, bsm_random *random);

typedef enum bsm_filter_kind {
    BSM_FILTER_PEAK,
    BSM_FILTER_LOW_SHELF,
    BSM_FILTER_HIGH_SHELF
} bsm_filter_kind;

/** A biquad after Bristow-Johnson's "Audio EQ cookbook"; `q` also for the shelves. */
void bsm_augment_filter(const bsm_piece *piece, bsm_filter_kind kind, double frequency, double q,
                        double gain_db);

/** Louder parts become quieter, both channels alike; the mean square stays.
 *  @param threshold_db  over the piece's root mean square
 *  @param attack, release  seconds */
void bsm_augment_compress(const bsm_piece *piece, double threshold_db, double ratio, double attack,
                          double release);
void bsm_augment_compression(const bsm_piece *piece, bsm_random *random);

/** A tail from a network of eight delay lines with a Householder matrix, which loses its high
 *  frequencies sooner.
 *  @param decay   seconds until it is 60 dB quieter
 *  @param wet_db  its mean square over that of the piece
 *  BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_augment_reverberate(const bsm_piece *piece, double decay,
                                                 double wet_db, bsm_random *random,
                                                 bsm_error *error);
BSM_NODISCARD bsm_status bsm_augment_reverb(const bsm_piece *piece, bsm_random *random,
                                            bsm_error *error);

/** Add the scratch, panned anywhere, with 0 to 9 dB less than the piece's energy. */
void bsm_augment_layer(const bsm_piece *piece, bsm_random *random);

/** One or two copies, up to 12 dB quieter, 12 to 30 ms late, whose pitch wavers by 5 to 15 cents,
 *  panned anywhere. In every other case the piece itself is, too: little may be in the middle. */
void bsm_augment_doubling(const bsm_piece *piece, bsm_random *random);

/** Two channels only: their difference times `factor`. */
void bsm_augment_width(const bsm_piece *piece, double factor);

/** Two channels only. @param position  -1 left to 1 right; the sum of the gains' squares is 2. */
void bsm_augment_pan(const bsm_piece *piece, double position);

#endif
