/* SPDX-License-Identifier: ISC */
/** Decodes one link of an audio file. */
#ifndef BSM_FILE_DECODER_H
#define BSM_FILE_DECODER_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"
#include "file/audio_links.h"
#include "file/audio_tags.h"
#include "signal/signal.h"

/* ---- Mixing surround audio down to two channels ---- */

enum { BSM_MIXED_CHANNELS = 8 /* the most channels that can be mixed down */ };

/** Get the weights of 3 to 8 channels in the left and the right channel (ITU-R BS.775: centre and
 *  rear channels by -3 dB, low frequency effects not at all), scaled so that nothing gets louder
 *  than full scale. With `vorbis` the channels have the order of Vorbis and Opus, otherwise that
 *  of WAV. */
void bsm_downmix_gains(size_t channels, bool vorbis, float gains[2][BSM_MIXED_CHANNELS]);

/** Mix interleaved samples. */
void bsm_downmix(const float *samples, size_t channels, size_t count,
                 const float gains[2][BSM_MIXED_CHANNELS], float *left, float *right);

/* ---- Decoding one link of an audio file, by one of several libraries or by a program ---- */

/** The length of a link that does not say its length. */
#define BSM_UNKNOWN_FRAMES UINT64_MAX

typedef struct bsm_decoder bsm_decoder;

typedef struct bsm_decoder_functions {
    /** Decode the next samples, interleaved: up to `count` per channel, 0 at the end. bytes.cause
     *  reports an error of the system; damaged data are skipped as well as possible. */
    size_t (*read)(bsm_decoder *decoder, float *samples, size_t count);
    /** Go to a sample. False if this link can only be read from its start; NULL if that is always
     *  so. */
    bool (*seek)(bsm_decoder *decoder, uint64_t frame);
    void (*close)(bsm_decoder *decoder);
    /** Say in a sentence what was wrong up to the end, or return NULL; NULL if it cannot say so. */
    const char *(*complaint)(bsm_decoder *decoder);
    /** Add the file's tags; NULL if there are none. */
    void (*tags)(bsm_decoder *decoder, bsm_audio_tags *tags);
} bsm_decoder_functions;

struct bsm_decoder {
    const bsm_decoder_functions *functions;
    void *state;
    bsm_file_bytes bytes; /**< the part of the file that it reads from; must not move */
    size_t rate, channels;
    bool vorbis_order; /**< order of more than two channels; otherwise it is WAV's */
    uint64_t frames;   /**< samples per channel that are present, or BSM_UNKNOWN_FRAMES */
};

/** Open a link of an open file. `path` is for messages. `decoder` must not move until it is
 *  closed. BSM_BAD_AUDIO, BSM_NO_MEMORY, BSM_IO. */
BSM_NODISCARD bsm_status bsm_decoder_open(bsm_decoder *decoder, int fd, const char *path,
                                          const bsm_audio_link *link, bsm_error *error);

/** Close a decoder that was opened, or that is all zeros. */
void bsm_decoder_close(bsm_decoder *decoder);

/** Decode and discard `count` samples. False if there are not so many. */
bool bsm_decoder_skip(bsm_decoder *decoder, uint64_t count);

/* ---- Openers for each codec; bsm_decoder_open, which has set `bytes`, calls them ---- */

bsm_status bsm_sndfile_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_raw_decoder_open(bsm_decoder *decoder, const char *path, const bsm_raw_samples *raw,
                                bsm_error *error);
bsm_status bsm_flac_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_mpeg_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_vorbis_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_opus_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);
bsm_status bsm_program_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error);

/* Reading one link of an audio file, a plane per channel, at the rate and with the channels of the
 * whole file. */

enum { BSM_READER_CHANNELS = 2, BSM_READER_BLOCK = 4096 };

typedef struct bsm_link_reader {
    bsm_decoder decoder;
    size_t rate, channels;    /**< the samples that are output */
    bsm_resampler *resampler; /**< NULL if the rates are equal */
    uint64_t position;        /**< samples decoded since the link's start */
    uint64_t nonfinite; /**< NaN and infinite samples since it was opened, which are read as 0 */
    bool ended;         /**< the decoder has reached its end */
    size_t at, have;    /**< the samples in `planes` that are not in the resampler yet */
    float planes[BSM_READER_CHANNELS][BSM_READER_BLOCK];
    /** weights if the link has more channels than are read */
    float gains[BSM_READER_CHANNELS][BSM_MIXED_CHANNELS];
    float block[BSM_MIXED_CHANNELS * BSM_READER_BLOCK]; /**< interleaved */
} bsm_link_reader;

/** Open a link like bsm_decoder_open. BSM_BAD_AUDIO also for rates and channels that bsm does not
 *  accept. Samples come at the link's rate until bsm_link_reader_convert is called, and more than
 *  two channels are mixed down to two. */
BSM_NODISCARD bsm_status bsm_link_reader_open(bsm_link_reader *reader, int fd, const char *path,
                                              const bsm_audio_link *link, bsm_error *error);
void bsm_link_reader_close(bsm_link_reader *reader);

/** Read at another rate from now on, or read one channel as two. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_link_reader_convert(bsm_link_reader *reader, size_t rate,
                                                 size_t channels, bsm_error *error);

/** Read the next samples; fewer than `count` at the end. BSM_IO, BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_link_reader_read(bsm_link_reader *reader, const char *path,
                                              float *const *audio, size_t count, size_t *got,
                                              bsm_error *error);

/** Go to a sample. False if the link can only be read from its start. */
bool bsm_link_reader_seek(bsm_link_reader *reader, uint64_t frame);

#endif
