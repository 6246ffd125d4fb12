/* SPDX-License-Identifier: ISC */
/** An audio file as a network wants it, at the model's rate and in at least its channels, and the
 *  original samples beside. */
#ifndef BSM_FILE_SOURCE_H
#define BSM_FILE_SOURCE_H

#include "file/audio_reader.h"
#include "signal/sample_queue.h"
#include "signal/signal.h"

typedef struct bsm_source bsm_source;

/** Open `path`, to be read at `rate` with `channels` channels: those of the file, or where it has
 *  one, that one as often as needed. As bsm_audio_reader_open. */
BSM_NODISCARD bsm_status bsm_source_open(const char *path, size_t rate, size_t channels,
                                         bsm_source **source, bsm_error *error);
void bsm_source_free(bsm_source *source);

const bsm_audio_info *bsm_source_info(const bsm_source *source);

/** What the file says of its music, before the signal is read. */
void bsm_source_tags(bsm_source *source, bsm_audio_tags *tags);

/** Channels of the signal: the larger of the file's and those asked for. */
size_t bsm_source_channels(const bsm_source *source);

/** The converted signal. */
bsm_signal bsm_source_signal(bsm_source *source);

/** Where reading the signal leaves the original samples from now on, at the file's rate and in its
 *  channels. */
bsm_sample_queue *bsm_source_original(bsm_source *source);

#endif
