/* SPDX-License-Identifier: ISC */
/** Drawing three spectrograms, one above the other: with cairo, or not at all. */
#ifndef BSM_STANDALONE_DRAW_H
#define BSM_STANDALONE_DRAW_H

#include "spectrogram.h"

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

#endif
