/* SPDX-License-Identifier: ISC */
/** How loud the parts of a song are over time and frequency, in memory that does not grow with its
 *  length: where the columns are full, each two become one. */
#ifndef BSM_STANDALONE_SPECTROGRAM_H
#define BSM_STANDALONE_SPECTROGRAM_H

#include "bsm/separate.h"

enum {
    SPECTROGRAM_ROWS = 200,
    SPECTROGRAM_COLUMNS = 2048, /**< at most */
};

typedef enum spectrogram_part {
    SPECTROGRAM_MIXTURE,
    SPECTROGRAM_VOCALS,
    SPECTROGRAM_INSTRUMENTAL,
    SPECTROGRAM_PARTS,
} spectrogram_part;

typedef struct spectrogram spectrogram;

/** For samples at `rate` Hz. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status spectrogram_new(size_t rate, size_t channels, spectrogram **result,
                                         bsm_error *error);
void spectrogram_free(spectrogram *s);

/** Add what follows; the block's rate and channels are those of spectrogram_new. */
void spectrogram_add(spectrogram *s, const bsm_separated_block *block);

/** After the last block: take in what the last windows still wait for. */
void spectrogram_finish(spectrogram *s);

/** Of all samples added. */
double spectrogram_seconds(const spectrogram *s);

/** The frequency of an edge between rows, Hz: row r reaches from edge r to edge r + 1. They lie
 *  evenly on the mel scale, from 0 to 16 kHz, or to half the sample rate if that is lower. */
double spectrogram_edge(const spectrogram *s, size_t edge);

/** The mean power of a row from one time to another, in seconds, at least one column's; 1 is that
 *  of a sine at full scale in all channels. 0 beyond the end. */
double spectrogram_power(const spectrogram *s, spectrogram_part part, size_t row, double from,
                         double to);

#endif
