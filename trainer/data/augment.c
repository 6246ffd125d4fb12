/* SPDX-License-Identifier: ISC */
/* Chooses how the audio of a source is changed, and makes the simplest changes. */
#include "data/augment.h"

/* The purposes of random streams. Never change a number, because every seed would then give other
 * examples. */
enum { PITCH, EQ, COMPRESSION, DOUBLING, REVERB, PAN, SWAP, POLARITY, LAYERS, WIDTH };

enum { MAX_LAYERS = 3 };

static const double max_pan = 0.7, max_width = 1.5;

double bsm_augment_draw_speed(const bsm_augmentation *augmentation, const bsm_random *random)
{
    bsm_random stream = bsm_random_fork(random, PITCH);
    if (!bsm_random_chance(&stream, augmentation->pitch)) {
        return 1;
    }
    return exp2(
        bsm_random_between(&stream, augmentation->semitones.low, augmentation->semitones.high) /
        12);
}

size_t bsm_augment_draw_layers(const bsm_augmentation *augmentation, const bsm_random *random,
                               bsm_random *stream)
{
    *stream = bsm_random_fork(random, LAYERS);
    return bsm_random_chance(stream, augmentation->layers)
               ? 1 + (size_t)bsm_random_below(stream, MAX_LAYERS)
               : 0;
}

static void swap_channels(const bsm_piece *piece)
{
    for (size_t i = 0; piece->channels == 2 && i < piece->samples; i++) {
        const float left = piece->audio[0][i];
        piece->audio[0][i] = piece->audio[1][i];
        piece->audio[1][i] = left;
    }
}

static void invert(const bsm_piece *piece)
{
    for (size_t c = 0; c < piece->channels; c++) {
        for (size_t i = 0; i < piece->samples; i++) {
            piece->audio[c][i] = -piece->audio[c][i];
        }
    }
}

static bool draw(const bsm_random *random, uint64_t purpose, double probability, bsm_random *stream)
{
    *stream = bsm_random_fork(random, purpose);
    return bsm_random_chance(stream, probability);
}

bsm_status bsm_augment(const bsm_augmentation *augmentation, const bsm_random *random,
                       const bsm_piece *piece, bsm_error *error)
{
    bsm_random stream;
    if (draw(random, EQ, augmentation->eq, &stream)) {
        bsm_augment_eq(piece, &stream);
    }
    if (draw(random, COMPRESSION, augmentation->compression, &stream)) {
        bsm_augment_compression(piece, &stream);
    }
    if (draw(random, DOUBLING, augmentation->doubling, &stream)) {
        bsm_augment_doubling(piece, &stream);
    }
    if (draw(random, REVERB, augmentation->reverb, &stream)) {
        bsm_status status = bsm_augment_reverb(piece, &stream, error);
        if (status) {
            return status;
        }
    }
    if (draw(random, WIDTH, augmentation->width, &stream)) {
        bsm_augment_width(piece, bsm_random_between(&stream, 0, max_width));
    }
    if (draw(random, PAN, augmentation->pan, &stream)) {
        bsm_augment_pan(piece, bsm_random_between(&stream, -max_pan, max_pan));
    }
    if (draw(random, SWAP, augmentation->channel_swap, &stream)) {
        swap_channels(piece);
    }
    if (draw(random, POLARITY, augmentation->polarity, &stream)) {
        invert(piece);
    }
    return BSM_OK;
}
