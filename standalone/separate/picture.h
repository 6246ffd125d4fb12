/* SPDX-License-Identifier: ISC */
/** bsm-separate --picture: draws spectrograms of the mixture, the vocals and the instrumental as a
 *  PNG. */
#ifndef BSM_STANDALONE_SEPARATE_PICTURE_H
#define BSM_STANDALONE_SEPARATE_PICTURE_H

#include "bsm/new_file.h"
#include "bsm/separate.h"

/* The loudness of the parts of a song over time and frequency. Memory does not grow with its
 * length: when all columns are full, pairs of them are merged. */

enum {
    SPECTROGRAM_ROWS = 200,
    SPECTROGRAM_COLUMNS = 2048, /**< largest number of columns */
};

typedef enum spectrogram_part {
    SPECTROGRAM_MIXTURE,
    SPECTROGRAM_VOCALS,
    SPECTROGRAM_INSTRUMENTAL,
    SPECTROGRAM_PARTS,
} spectrogram_part;

typedef struct spectrogram spectrogram;

/** Make a spectrogram of samples at `rate` Hz. BSM_INVALID_ARGUMENT, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status spectrogram_new(size_t rate, size_t channels, spectrogram **result,
                                         bsm_error *error);
void spectrogram_free(spectrogram *s);

/** Add the next block, which has the rate and channels of spectrogram_new. */
void spectrogram_add(spectrogram *s, const bsm_separated_block *block);

/** Finish after the last block: complete the last windows with silence. */
void spectrogram_finish(spectrogram *s);

/** Return the seconds of all samples added. */
double spectrogram_seconds(const spectrogram *s);

/** Return the frequency of an edge between rows in Hz; row r reaches from edge r to edge r + 1.
 *  Edges are evenly spaced on the mel scale from 0 to 16 kHz, or to half the sample rate if that is
 *  lower. */
double spectrogram_edge(const spectrogram *s, size_t edge);

/** Return the mean power of a row between two times in seconds, over one column at least. A sine at
 *  full scale in all channels has 1. After the end it is 0. */
double spectrogram_power(const spectrogram *s, spectrogram_part part, size_t row, double from,
                         double to);

/* ---- Drawing three spectrograms, one above the other: with cairo, or not at all ---- */

/** The layout of the picture, in pixels. */
enum {
    DRAW_WIDTH = 1120,
    DRAW_HEIGHT = 720,
    DRAW_LEFT = 60,   /**< left edge of the panels */
    DRAW_TOP = 40,    /**< upper edge of the first panel */
    DRAW_PANEL = 960, /**< width of a panel; its height is SPECTROGRAM_ROWS */
    DRAW_STEP = 214,  /**< distance from one panel to the next */
};

/** Writes the next bytes of the file. */
typedef bsm_status draw_write(void *user, const void *data, size_t size, bsm_error *error);

/** Return BSM_OK, or BSM_UNSUPPORTED in a program that was built without cairo. */
BSM_NODISCARD bsm_status draw_supported(bsm_error *error);

/** Write the picture of a finished spectrogram as PNG, with the name of the file `path` above it.
 *  The colours reach 70 dB down from the loudest point of the mixture, rounded up to 10 dB.
 *  BSM_NO_MEMORY, BSM_UNSUPPORTED and the errors of `write`. */
BSM_NODISCARD bsm_status draw_png(const spectrogram *s, const char *path, draw_write *write,
                                  void *user, bsm_error *error);

/** A picture that is being made; all zeros if there is none. */
typedef struct picture {
    const char *input; /**< path of the song, owned by the caller */
    char path[BSM_MAX_PATH];
    bool force;
    bsm_new_file file;
    spectrogram *spectrogram; /**< made with the first samples */
    bsm_error error;          /**< an error that occurred while listening */
} picture;

/** Begin to write NAME.picture.png beside the outputs for `input`, with a name that follows from
 *  `options` as theirs do. BSM_EXISTS if there is such a file and options->force is false, and the
 *  errors of making a file. */
BSM_NODISCARD bsm_status picture_begin(picture *p, const char *input,
                                       const bsm_separate_options *options, bsm_error *error);

/** A bsm_listen_fn whose listener is the picture. */
void picture_listen(void *listener, const bsm_separated_block *block);

/** Draw the picture and give the file its final name. The picture is freed in any case. */
BSM_NODISCARD bsm_status picture_finish(picture *p, bsm_error *error);

/** Discard a picture that was begun. */
void picture_abandon(picture *p);

#endif
