/* SPDX-License-Identifier: ISC */
/* Decodes with libsndfile. */
#include <sndfile.h>
#include <stdio.h>
#include <string.h>

#include "file/decoder.h"

static sf_count_t io_length(void *user)
{
    const bsm_file_bytes *bytes = user;
    return (sf_count_t)(bytes->end - bytes->start);
}

static sf_count_t io_seek(sf_count_t offset, int whence, void *user)
{
    return bsm_file_bytes_seek(user, offset, whence);
}

static sf_count_t io_read(void *data, sf_count_t count, void *user)
{
    return (sf_count_t)bsm_file_bytes_read(user, data, (size_t)count);
}

static sf_count_t io_write(const void *data, sf_count_t count, void *user)
{
    (void)data, (void)count, (void)user;
    return 0;
}

static sf_count_t io_tell(void *user)
{
    return io_seek(0, SEEK_CUR, user);
}

static size_t read_samples(bsm_decoder *decoder, float *samples, size_t count)
{
    const sf_count_t got = sf_readf_float(decoder->state, samples, (sf_count_t)count);
    return got > 0 ? (size_t)got : 0;
}

static bool seek(bsm_decoder *decoder, uint64_t frame)
{
    return sf_seek(decoder->state, (sf_count_t)frame, SEEK_SET) == (sf_count_t)frame;
}

static void read_tags(bsm_decoder *decoder, bsm_audio_tags *tags)
{
    static const int names[BSM_NUM_TAGS] = {
        [BSM_TAG_TITLE] = SF_STR_TITLE,       [BSM_TAG_ARTIST] = SF_STR_ARTIST,
        [BSM_TAG_ALBUM] = SF_STR_ALBUM,       [BSM_TAG_DATE] = SF_STR_DATE,
        [BSM_TAG_TRACK] = SF_STR_TRACKNUMBER, [BSM_TAG_GENRE] = SF_STR_GENRE,
        [BSM_TAG_COMMENT] = SF_STR_COMMENT,   [BSM_TAG_COPYRIGHT] = SF_STR_COPYRIGHT};
    for (size_t i = 0; i < BSM_NUM_TAGS; i++) {
        const char *text = sf_get_string(decoder->state, names[i]);
        bsm_audio_tags_set(tags, (bsm_tag)i, text, text ? strlen(text) : 0);
    }
}

static void close_file(bsm_decoder *decoder)
{
    sf_close(decoder->state);
}

/* Some of libsndfile's texts end with a full stop or a line feed. */
static bsm_status fail_open(const bsm_decoder *decoder, const char *path, bsm_error *error)
{
    const char *text = sf_strerror(NULL);
    size_t length = strlen(text);
    while (length && strchr(".\r\n ", text[length - 1])) {
        length--;
    }
    if (decoder->bytes.cause) {
        return bsm_fail_errno(error, decoder->bytes.cause, path, "cannot read");
    }
    return bsm_fail(error, BSM_BAD_AUDIO, "%s: not an audio file that bsm reads: %.*s", path,
                    (int)length, text);
}

static bsm_status open_as(bsm_decoder *decoder, const char *path, SF_INFO info, bsm_error *error)
{
    static const bsm_decoder_functions functions = {
        .read = read_samples, .seek = seek, .close = close_file, .tags = read_tags};
    SF_VIRTUAL_IO io = {.get_filelen = io_length,
                        .seek = io_seek,
                        .read = io_read,
                        .write = io_write,
                        .tell = io_tell};
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &decoder->bytes);
    if (!file) {
        return fail_open(decoder, path, error);
    }
    decoder->functions = &functions;
    decoder->state = file;
    decoder->rate = (size_t)info.samplerate;
    decoder->channels = (size_t)info.channels;
    decoder->frames = info.frames == SF_COUNT_MAX ? BSM_UNKNOWN_FRAMES : (uint64_t)info.frames;
    return BSM_OK;
}

bsm_status bsm_sndfile_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error)
{
    return open_as(decoder, path, (SF_INFO){0}, error);
}

bsm_status bsm_raw_decoder_open(bsm_decoder *decoder, const char *path, const bsm_raw_samples *raw,
                                bsm_error *error)
{
    const int encoding = raw->real         ? (raw->bits == 64 ? SF_FORMAT_DOUBLE : SF_FORMAT_FLOAT)
                         : raw->bits == 8  ? SF_FORMAT_PCM_U8
                         : raw->bits == 16 ? SF_FORMAT_PCM_16
                         : raw->bits == 24 ? SF_FORMAT_PCM_24
                                           : SF_FORMAT_PCM_32;
    const SF_INFO info = {.samplerate = (int)raw->rate,
                          .channels = (int)raw->channels,
                          .format = SF_FORMAT_RAW | SF_ENDIAN_LITTLE | encoding};
    return open_as(decoder, path, info, error);
}
