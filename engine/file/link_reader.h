/* SPDX-License-Identifier: ISC */
/** Reading one link of an audio file, a plane per channel, at the rate and in the channels of the
 *  whole file. */
#ifndef BSM_FILE_LINK_READER_H
#define BSM_FILE_LINK_READER_H

#include "file/decoder.h"
#include "file/downmix.h"
#include "signal/resample.h"

enum { BSM_READER_CHANNELS = 2, BSM_READER_BLOCK = 4096 };

typedef struct bsm_link_reader {
    bsm_decoder decoder;
    size_t rate, channels;    /**< as they are given out */
    bsm_resampler *resampler; /**< NULL: the rates are equal */
    uint64_t position;        /**< samples decoded, from the link's start */
    uint64_t nonfinite;       /**< NaN and Inf met since it was opened, read as 0 */
    bool ended;               /**< the decoder has no more */
    size_t at, have;          /**< of `planes`, what is not in the resampler yet */
    float planes[BSM_READER_CHANNELS][BSM_READER_BLOCK];
    float gains[BSM_READER_CHANNELS][BSM_MIXED_CHANNELS]; /**< of more channels than are read */
    float block[BSM_MIXED_CHANNELS * BSM_READER_BLOCK];   /**< interleaved */
} bsm_link_reader;

/** As bsm_decoder_open; BSM_BAD_AUDIO, too, for rates and channels that bsm does not take. It is
 *  read as it is until bsm_link_reader_convert, but more than two channels are mixed down to two.
 */
BSM_NODISCARD bsm_status bsm_link_reader_open(bsm_link_reader *reader, int fd, const char *path,
                                              const bsm_audio_link *link, bsm_error *error);
void bsm_link_reader_close(bsm_link_reader *reader);

/** Have it read at another rate, or one channel as two. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_link_reader_convert(bsm_link_reader *reader, size_t rate,
                                                 size_t channels, bsm_error *error);

/** The next samples; fewer than `count` at the end. BSM_IO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_link_reader_read(bsm_link_reader *reader, const char *path,
                                              float *const *audio, size_t count, size_t *got,
                                              bsm_error *error);

/** False: it can only be read from its start. */
bool bsm_link_reader_seek(bsm_link_reader *reader, uint64_t frame);

#endif
