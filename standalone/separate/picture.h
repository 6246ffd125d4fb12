/* SPDX-License-Identifier: ISC */
/** bsm-separate --picture: a PNG that shows the mixture, the vocals and the instrumental over time
 *  and frequency. */
#ifndef BSM_STANDALONE_PICTURE_H
#define BSM_STANDALONE_PICTURE_H

#include "base/new_file.h"
#include "spectrogram.h"

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
