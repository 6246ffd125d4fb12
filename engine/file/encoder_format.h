/* SPDX-License-Identifier: ISC */
/** What libsndfile calls the formats that are written, and the sample rates that they have. */
#ifndef BSM_FILE_ENCODER_FORMAT_H
#define BSM_FILE_ENCODER_FORMAT_H

#include <stdbool.h>

#include "file/audio_writer.h"

/** The number of libsndfile's format, and of its encoding. */
int bsm_encoder_format(const bsm_audio_format *format);

/** The rate to encode with: that of the samples, or the next higher that the format has, or its
 *  highest. */
size_t bsm_encoder_rate(const bsm_audio_format *format);

/** True if the file's samples are integers. */
bool bsm_encoder_is_integer(const bsm_audio_format *format);

#endif
