/* SPDX-License-Identifier: ISC */
/** Decoding one link of an audio file. */
#ifndef BSM_FILE_DECODER_H
#define BSM_FILE_DECODER_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"
#include "file/audio_links.h"
#include "file/audio_tags.h"
#include "signal/signal.h"

/* ---- Mixing the channels of surround sound down to two ---- */

enum { BSM_MIXED_CHANNELS = 8 /* the most that can be mixed down */ };

/** The weights of 3 to 8 channels in the left and the right one (ITU-R BS.775: the middle and what
 *  is behind with -3 dB, the low frequency effects not at all), such that nothing becomes louder
 *  than full scale. `vorbis`: they are in the order of Vorbis and Opus, otherwise in that of WAV.
 */
void bsm_downmix_gains(size_t channels, bool vorbis, float gains[2][BSM_MIXED_CHANNELS]);

/** Mix interleaved samples. */
void bsm_downmix(const float *samples, size_t channels, size_t count,
                 const float gains[2][BSM_MIXED_CHANNELS], float *left, float *right);

/* ---- Decoding one link of an audio file, by one of several libraries or by a program ---- */

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

/* Reading one link of an audio file, a plane per channel, at the rate and in the channels of the
 *  whole file. */

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
