/* SPDX-License-Identifier: ISC */
/* Decoding MPEG audio by libmpg123. */
#include <mpg123.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "file/decoder.h"

enum {
    /* Frames decoded before a place that was sought: the reservoir's 511 bytes reach back over nine
     * of the smallest frames, and the filters over two more. */
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
    do { /* a new format is the one that is known: the link is of one */
        code = mpg123_read(decoder->state, (unsigned char *)samples, count * frame, &bytes);
    } while (bytes == 0 && code == MPG123_NEW_FORMAT);
    return bytes / frame;
}

static bool seek(bsm_decoder *decoder, uint64_t frame)
{
    return mpg123_seek(decoder->state, 0, SEEK_SET) == 0 &&
           mpg123_seek(decoder->state, (off_t)frame, SEEK_SET) == (off_t)frame;
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

/* Silent: what it has to say is said by others. */
static bool set_up(mpg123_handle *handle)
{
    return mpg123_param(handle, MPG123_ADD_FLAGS, MPG123_FORCE_FLOAT | MPG123_QUIET, 0) ==
               MPG123_OK &&
           mpg123_param(handle, MPG123_RESYNC_LIMIT, -1, 0) == MPG123_OK &&
           mpg123_param(handle, MPG123_INDEX_SIZE, -1000, 0) == MPG123_OK &&
           mpg123_param(handle, MPG123_PREFRAMES, RUN_IN, 0) == MPG123_OK &&
           mpg123_replace_reader_handle(handle, io_read, io_seek, NULL) == MPG123_OK;
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
        .read = read_samples, .seek = seek, .close = close_handle};
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
