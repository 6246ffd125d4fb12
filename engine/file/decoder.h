/* SPDX-License-Identifier: ISC */
/** Decoding one link of an audio file, by one of several libraries or by a program. */
#ifndef BSM_FILE_DECODER_H
#define BSM_FILE_DECODER_H

#include <stdbool.h>

#include "bsm/status.h"
#include "file/audio_links.h"
#include "file/audio_tags.h"

/** The length of a link that does not say it. */
#define BSM_UNKNOWN_FRAMES UINT64_MAX

typedef struct bsm_decoder bsm_decoder;

typedef struct bsm_decoder_functions {
    /** Decode the next samples, interleaved: up to `count` per channel, 0 at the end. A failure of
     *  the system is in bytes.cause; damage is passed over as well as it can be. */
    size_t (*read)(bsm_decoder *decoder, float *samples, size_t count);
    /** Go to a sample. False: this link can only be read from its start. NULL: never. */
    bool (*seek)(bsm_decoder *decoder, uint64_t frame);
    void (*close)(bsm_decoder *decoder);
    /** What went wrong until its end, as a sentence, or NULL; NULL: nothing can be told. */
    const char *(*complaint)(bsm_decoder *decoder);
    /** Add what the file says of its music. NULL: nothing. */
    void (*tags)(bsm_decoder *decoder, bsm_audio_tags *tags);
} bsm_decoder_functions;

struct bsm_decoder {
    const bsm_decoder_functions *functions;
    void *state;
    bsm_file_bytes bytes; /**< what the state reads from: does not move */
    size_t rate, channels;
    bool vorbis_order; /**< of more than two channels; otherwise WAV's */
    uint64_t frames;   /**< samples per channel that are there, or BSM_UNKNOWN_FRAMES */
};

/** Open a link of an open file. Messages name `path`. `decoder` must not move until it is closed.
 *  BSM_BAD_AUDIO, BSM_NO_MEMORY, BSM_IO. */
BSM_NODISCARD bsm_status bsm_decoder_open(bsm_decoder *decoder, int fd, const char *path,
                                          const bsm_audio_link *link, bsm_error *error);

/** Of one that was opened, or is all zeros. */
void bsm_decoder_close(bsm_decoder *decoder);

/** Decode `count` samples that nobody hears. False: there are not so many. */
bool bsm_decoder_skip(bsm_decoder *decoder, uint64_t count);

/* ---- One for each codec: called by bsm_decoder_open, which has set `bytes` ---- */

bsm_status bsm_sndfile_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_raw_decoder_open(bsm_decoder *decoder, const char *path, const bsm_raw_samples *raw,
                                bsm_error *error);
bsm_status bsm_flac_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_mpeg_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_vorbis_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_opus_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_program_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);

#endif
