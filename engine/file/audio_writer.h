/* SPDX-License-Identifier: ISC */
/** Writing an audio file, which gets its name when it is complete. */
#ifndef BSM_FILE_AUDIO_WRITER_H
#define BSM_FILE_AUDIO_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "bsm/separate.h"
#include "bsm/status.h"
#include "file/audio_tags.h"

typedef struct bsm_audio_writer bsm_audio_writer;

typedef struct bsm_audio_format {
    bsm_file_format format;
    int bits;              /**< 16, 24 or 32 (float); 0 for what has no bits */
    size_t rate, channels; /**< of the samples; a format that lacks the rate has its next higher */
    uint64_t frames;       /**< the most that may be written: more than WAV's 4 GB make it RF64 */
    int stream;            /**< > 0: write to this descriptor, which is not closed, as WAV or raw */
    const bsm_audio_tags *tags; /**< to write into a file, while it is opened; NULL: none */
} bsm_audio_format;

/** Start to write `path`, under another name beside it.
 *  BSM_EXISTS unless `force`, BSM_NO_PERMISSION, BSM_NOT_FOUND (the folder), BSM_UNSUPPORTED. */
BSM_NODISCARD bsm_status bsm_audio_writer_new(const char *path, const bsm_audio_format *format,
                                              bool force, bsm_audio_writer **writer,
                                              bsm_error *error);

/** Round samples to those that the file will hold, so that what is left of a signal without them
 *  can be computed exactly. Nothing happens for float and lossy files. */
void bsm_audio_writer_round(const bsm_audio_writer *writer, float *const *audio, size_t count);

/** Add `count` samples per channel. Those that an integer format cannot hold are clipped. */
BSM_NODISCARD bsm_status bsm_audio_writer_write(bsm_audio_writer *writer, float *const *audio,
                                                size_t count, bsm_error *error);

/** Samples clipped so far. */
uint64_t bsm_audio_writer_clipped(const bsm_audio_writer *writer);

/** End the file: all of it is on the disk, so that with several files none replaces an old one
 *  before each has been written. */
BSM_NODISCARD bsm_status bsm_audio_writer_finish(bsm_audio_writer *writer, bsm_error *error);

/** Give the finished file its name. */
BSM_NODISCARD bsm_status bsm_audio_writer_publish(bsm_audio_writer *writer, bsm_error *error);

/** Free; a file that was not published is removed. */
void bsm_audio_writer_free(bsm_audio_writer *writer);

#endif
