/* SPDX-License-Identifier: ISC */
/** Writing sound into a pipe, where nothing can be changed afterwards. */
#ifndef BSM_FILE_STREAM_WRITER_H
#define BSM_FILE_STREAM_WRITER_H

#include "file/audio_writer.h"

/** The header of WAV, with the sizes that mean "to the end"; of raw samples nothing.
 *  False: errno says why it could not be written. */
bool bsm_stream_begin(const bsm_audio_format *format);

/** Interleaved samples: floats, or if format->bits is 16 or 24 integers of which the highest bits
 *  count. They are scratch afterwards. */
bool bsm_stream_write(const bsm_audio_format *format, void *samples, size_t count);

#endif
