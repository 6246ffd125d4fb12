/* SPDX-License-Identifier: ISC */
/* Decodes MPEG audio with libmpg123. */
#include <mpg123.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "file/decoder.h"

enum {
    /* Frames decoded before a position that was sought: the 511 bytes of the bit reservoir reach
     * back over nine of the smallest frames, and the filters over two more. */
    RUN_IN = 16
};

static mpg123_ssize_t io_read(void *user, void *data, size_t count)
{
    return (mpg123_ssize_t)bsm_file_bytes_read(user, data, count);
}

static off_t io_seek(void *user, off_t offset, int whence)
{
    return (off_t)bsm_file_bytes_seek(user, offset, whence);
}

static size_t read_samples(bsm_decoder *decoder, float *samples, size_t count)
{
    size_t bytes = 0;
    const size_t frame = decoder->channels * sizeof *samples;
    int code;
    do { /* a report of a new format is only of the known one, since a link has one format */
        code = mpg123_read(decoder->state, (unsigned char *)samples, count * frame, &bytes);
    } while (bytes == 0 && code == MPG123_NEW_FORMAT);
    return bytes / frame;
}

static bool seek(bsm_decoder *decoder, uint64_t frame)
{
    return mpg123_seek(decoder->state, 0, SEEK_SET) == 0 &&
           mpg123_seek(decoder->state, (off_t)frame, SEEK_SET) == (off_t)frame;
}

/* Messages of libmpg123 are turned off, because the reader reports problems itself. */
static bool set_up(mpg123_handle *handle)
{
    return mpg123_param(handle, MPG123_ADD_FLAGS, MPG123_FORCE_FLOAT | MPG123_QUIET, 0) ==
               MPG123_OK &&
           mpg123_param(handle, MPG123_RESYNC_LIMIT, -1, 0) == MPG123_OK &&
           mpg123_param(handle, MPG123_INDEX_SIZE, -1000, 0) == MPG123_OK &&
           mpg123_param(handle, MPG123_PREFRAMES, RUN_IN, 0) == MPG123_OK &&
           mpg123_replace_reader_handle(handle, io_read, io_seek, NULL) == MPG123_OK;
}

static void set_tag(bsm_audio_tags *tags, bsm_tag tag, const mpg123_string *text)
{
    if (text && text->fill > 1) { /* including the terminating 0 */
        bsm_audio_tags_set(tags, tag, text->p, strnlen(text->p, text->fill));
    }
}

static void set_id3(bsm_audio_tags *tags, const mpg123_id3v2 *id3)
{
    set_tag(tags, BSM_TAG_TITLE, id3->title);
    set_tag(tags, BSM_TAG_ARTIST, id3->artist);
    set_tag(tags, BSM_TAG_ALBUM, id3->album);
    set_tag(tags, BSM_TAG_DATE, id3->year);
    set_tag(tags, BSM_TAG_GENRE, id3->genre);
    set_tag(tags, BSM_TAG_COMMENT, id3->comment);
    if (id3->pictures > 0) {
        const mpg123_string *type = &id3->picture[0].mime_type;
        bsm_cover_set(&tags->cover, type->fill > 0 ? type->p : "", id3->picture[0].data,
                      id3->picture[0].size);
    }
    for (size_t i = 0; i < id3->texts; i++) {
        if (memcmp(id3->text[i].id, "TRCK", 4) == 0) {
            set_tag(tags, BSM_TAG_TRACK, &id3->text[i].text);
        } else if (memcmp(id3->text[i].id, "TDRC", 4) == 0) {
            set_tag(tags, BSM_TAG_DATE, &id3->text[i].text);
        } else if (memcmp(id3->text[i].id, "TCOP", 4) == 0) {
            set_tag(tags, BSM_TAG_COPYRIGHT, &id3->text[i].text);
        }
    }
}

/* The link begins after the tag, so another handle reads the tag. */
static void read_tags(bsm_decoder *decoder, bsm_audio_tags *tags)
{
    bsm_file_bytes bytes = decoder->bytes;
    mpg123_id3v1 *old = NULL;
    mpg123_id3v2 *id3 = NULL;
    long rate;
    int channels, encoding;
    mpg123_handle *handle = mpg123_new(NULL, NULL);
    bytes.start = bytes.at = 0;
    if (handle && set_up(handle) &&
        mpg123_param(handle, MPG123_ADD_FLAGS, MPG123_PICTURE, 0) == MPG123_OK &&
        mpg123_open_handle(handle, &bytes) == MPG123_OK &&
        mpg123_getformat(handle, &rate, &channels, &encoding) == MPG123_OK &&
        mpg123_id3(handle, &old, &id3) == MPG123_OK && id3) {
        set_id3(tags, id3);
    }
    if (handle) {
        mpg123_close(handle);
        mpg123_delete(handle);
    }
}

static void close_handle(bsm_decoder *decoder)
{
    mpg123_close(decoder->state);
    mpg123_delete(decoder->state);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void initialise(void)
{
    mpg123_init();
}

static bool begin(bsm_decoder *decoder, mpg123_handle *handle)
{
    long rate = 0;
    int channels = 0, encoding = 0;
    if (mpg123_open_handle(handle, &decoder->bytes) != MPG123_OK ||
        mpg123_getformat(handle, &rate, &channels, &encoding) != MPG123_OK ||
        mpg123_scan(handle) != MPG123_OK) {
        return false;
    }
    const off_t length = mpg123_length(handle);
    decoder->rate = (size_t)rate;
    decoder->channels = (size_t)channels;
    decoder->frames = length < 0 ? BSM_UNKNOWN_FRAMES : (uint64_t)length;
    return true;
}

bsm_status bsm_mpeg_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error)
{
    static const bsm_decoder_functions functions = {
        .read = read_samples, .seek = seek, .close = close_handle, .tags = read_tags};
    pthread_once(&once, initialise);
    mpg123_handle *handle = mpg123_new(NULL, NULL);
    if (!handle || !set_up(handle)) {
        mpg123_delete(handle);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    if (!begin(decoder, handle)) {
        bsm_status status =
            mpg123_errcode(handle) == MPG123_OUT_OF_MEM
                ? bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path)
                : bsm_fail(error, BSM_BAD_AUDIO, "%s: not an audio file that bsm reads: %s", path,
                           mpg123_strerror(handle));
        mpg123_delete(handle);
        return status;
    }
    decoder->functions = &functions;
    decoder->state = handle;
    return BSM_OK;
}
