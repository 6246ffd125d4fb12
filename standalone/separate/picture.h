/* SPDX-License-Identifier: ISC */
/** bsm-separate --picture: spectrograms of the mixture, the vocals and the instrumental as a PNG.
 */
#ifndef BSM_STANDALONE_SEPARATE_PICTURE_H
#define BSM_STANDALONE_SEPARATE_PICTURE_H

#include "bsm/new_file.h"
#include "bsm/separate.h"

/* How loud the parts of a song are over time and frequency, in memory that does not grow with its
 *  length: where the columns are full, each two become one. */

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

/* ---- Drawing three spectrograms, one above the other: with cairo, or not at all ---- */

/** Where the picture's parts lie, in pixels. */
enum {
    DRAW_WIDTH = 1120,
    DRAW_HEIGHT = 720,
    DRAW_LEFT = 60,   /**< of the panels, and */
    DRAW_TOP = 40,    /**< of the first one */
    DRAW_PANEL = 960, /**< wide, and SPECTROGRAM_ROWS high */
    DRAW_STEP = 214,  /**< from one panel to the next */
};

/** Takes the file's next bytes. */
typedef bsm_status draw_write(void *user, const void *data, size_t size, bsm_error *error);

/** BSM_OK, or BSM_UNSUPPORTED where the program was built without cairo. */
BSM_NODISCARD bsm_status draw_supported(bsm_error *error);

/** Write the picture of a finished spectrogram as PNG, with the name of the file `path` above it.
 *  The colours reach 70 dB down from the loudest place of the mixture, rounded up to 10 dB.
 *  BSM_NO_MEMORY, BSM_UNSUPPORTED and what `write` reports. */
BSM_NODISCARD bsm_status draw_png(const spectrogram *s, const char *path, draw_write *write,
                                  void *user, bsm_error *error);

/* bsm-separate --picture: a PNG that shows the mixture, the vocals and the instrumental over time
 *  and frequency. */

/** A picture on its way. All zero: there is none. */
typedef struct picture {
    const char *input; /**< the song's path, the caller's */
    char path[BSM_MAX_PATH];
    bool force;
    bsm_new_file file;
    spectrogram *spectrogram; /**< from the first samples on */
    bsm_error error;          /**< what went wrong meanwhile */
} picture;

/** Begin NAME.picture.png where `options` have the outputs of `input`. BSM_EXISTS if there is such
 *  a file and options->force is false, and what making a file reports. */
BSM_NODISCARD bsm_status picture_begin(picture *p, const char *input,
                                       const bsm_separate_options *options, bsm_error *error);

/** A bsm_listen_fn, with the picture as its listener. */
void picture_listen(void *listener, const bsm_separated_block *block);

/** Draw, and give the file its name. Whatever happens, the picture is done with. */
BSM_NODISCARD bsm_status picture_finish(picture *p, bsm_error *error);

/** Take back what was begun. */
void picture_abandon(picture *p);

#endif
