/* SPDX-License-Identifier: ISC */
/** Writes an audio file, which gets its name once it is complete. */
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
    int bits; /**< 16, 24 or 32 (float); 0 for formats without a sample width */
    /** of the samples; a format that lacks this rate gets the next higher one */
    size_t rate, channels;
    /** the most samples that may be written: if they exceed WAV's 4 GB, the file becomes RF64 */
    uint64_t frames;
    int stream; /**< if > 0: write WAV or raw samples to this descriptor, which is not closed */
    /** to be written; used only while the file is opened; NULL: none */
    const bsm_audio_tags *tags;
} bsm_audio_format;

/** Begin to write `path`, under a temporary name beside it.
 *  BSM_EXISTS unless `force`, BSM_NO_PERMISSION, BSM_NOT_FOUND (the folder), BSM_UNSUPPORTED. */
BSM_NODISCARD bsm_status bsm_audio_writer_new(const char *path, const bsm_audio_format *format,
                                              bool force, bsm_audio_writer **writer,
                                              bsm_error *error);

/** Round samples to the values that the file will hold, so that the rest of a signal after
 *  subtracting them can be computed exactly. Does nothing for float and lossy files. */
void bsm_audio_writer_round(const bsm_audio_writer *writer, float *const *audio, size_t count);

/** Append `count` samples per channel. Samples that an integer format cannot hold are clipped. */
BSM_NODISCARD bsm_status bsm_audio_writer_write(bsm_audio_writer *writer, float *const *audio,
                                                size_t count, bsm_error *error);

/** The number of samples clipped so far. */
uint64_t bsm_audio_writer_clipped(const bsm_audio_writer *writer);

/** Complete the file and flush it to the disk. With several files, finish each before any is
 *  published, so that none replaces an old file too early. */
BSM_NODISCARD bsm_status bsm_audio_writer_finish(bsm_audio_writer *writer, bsm_error *error);

/** Give the finished file its name. */
BSM_NODISCARD bsm_status bsm_audio_writer_publish(bsm_audio_writer *writer, bsm_error *error);

/** Free the writer; a file that was not published is removed. */
void bsm_audio_writer_free(bsm_audio_writer *writer);

#endif
