/* SPDX-License-Identifier: ISC */
/* The layer between a writer of audio files and libsndfile. */
#include "file/encoder.h"

#include <errno.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/ogg_comment.h"

/* The names of libsndfile for the formats, and the sample rates that they support. */

enum { OTHER_HEADERS = 65536 };

static bool fits_wav(const bsm_audio_format *format)
{
    const uint64_t frame = format->channels * (uint64_t)format->bits / 8;
    return format->frames <= (UINT32_MAX - OTHER_HEADERS) / frame;
}

int bsm_encoder_format(const bsm_audio_format *format)
{
    const int bits = format->bits == 16   ? SF_FORMAT_PCM_16
                     : format->bits == 24 ? SF_FORMAT_PCM_24
                                          : SF_FORMAT_FLOAT;
    switch (format->format) {
    case BSM_FILE_FLAC: return SF_FORMAT_FLAC | bits;
    case BSM_FILE_OGG: return SF_FORMAT_OGG | SF_FORMAT_VORBIS;
    case BSM_FILE_OPUS: return SF_FORMAT_OGG | SF_FORMAT_OPUS;
    case BSM_FILE_MP3: return SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III;
    case BSM_FILE_WAV:
    case BSM_FILE_RAW: break;
    }
    return (fits_wav(format) ? SF_FORMAT_WAV : SF_FORMAT_RF64) | bits;
}

static size_t next_higher(const size_t *rates, size_t count, size_t rate)
{
    size_t i = 0;
    while (i + 1 < count && rates[i] < rate) {
        i++;
    }
    return rates[i];
}

size_t bsm_encoder_rate(const bsm_audio_format *format)
{
    static const size_t opus[] = {8000, 12000, 16000, 24000, 48000};
    static const size_t mpeg[] = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000};
    switch (format->format) {
    case BSM_FILE_OPUS: return next_higher(opus, sizeof opus / sizeof *opus, format->rate);
    case BSM_FILE_MP3: return next_higher(mpeg, sizeof mpeg / sizeof *mpeg, format->rate);
    case BSM_FILE_WAV:
    case BSM_FILE_FLAC:
    case BSM_FILE_OGG:
    case BSM_FILE_RAW: break;
    }
    return format->rate;
}

bool bsm_encoder_is_integer(const bsm_audio_format *format)
{
    return format->bits == 16 || format->bits == 24;
}

/* ---- The file that libsndfile writes ---- */

enum { WRITE_BACK = 8 << 20 };

static sf_count_t io_length(void *user)
{
    const bsm_encoder_io *io = user;
    struct stat status;
    return fstat(io->fd, &status) ? -1 : status.st_size - io->inserted;
}

static sf_count_t io_seek(sf_count_t offset, int whence, void *user)
{
    bsm_encoder_io *io = user;
    const sf_count_t from = whence == SEEK_SET   ? 0
                            : whence == SEEK_CUR ? io->position
                                                 : io_length(user);
    io->position = from + offset;
    return io->position;
}

static sf_count_t io_read(void *data, sf_count_t count, void *user)
{
    (void)data, (void)count, (void)user;
    return 0;
}

static sf_count_t io_tell(void *user)
{
    return ((const bsm_encoder_io *)user)->position;
}

/* Let the disk write while we compute, so that fsync finds little left to do. */
static void begin_write_back(bsm_encoder_io *io, size_t written)
{
    io->unsent += written;
    if (io->unsent >= WRITE_BACK) {
        sync_file_range(io->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        io->unsent = 0;
    }
}

static size_t write_at(bsm_encoder_io *io, const void *data, size_t count, int64_t at)
{
    size_t done = 0;
    while (done < count && !io->cause) {
        const ssize_t written =
            pwrite(io->fd, (const char *)data + done, count - done, at + (int64_t)done);
        if (written >= 0) {
            done += (size_t)written;
        } else if (errno != EINTR) {
            io->cause = errno;
        }
    }
    begin_write_back(io, done);
    return done;
}

/* Write bytes before or after the insertion. */
static size_t write_side(bsm_encoder_io *io, const void *data, size_t count)
{
    const bool behind = io->insert && io->position >= io->insert_at;
    if (behind && !io->inserted) {
        io->inserted = (int64_t)write_at(io, io->insert, io->insert_size, io->insert_at);
    }
    const size_t done = write_at(io, data, count, io->position + (behind ? io->inserted : 0));
    io->position += (int64_t)done;
    return done;
}

/* Ogg files are written from start to end without seeking. */
static sf_count_t write_ogg(bsm_encoder_io *io, const void *data, sf_count_t count)
{
    const void *out = NULL;
    const size_t size = bsm_ogg_comment_pass(io->ogg, data, (size_t)count, &out);
    if (size == SIZE_MAX) {
        io->cause = ENOMEM;
        return 0;
    }
    const size_t done = write_at(io, out, size, io->passed);
    io->passed += (int64_t)done;
    io->position += count;
    return done == size ? count : 0;
}

static sf_count_t io_write(const void *data, sf_count_t count, void *user)
{
    bsm_encoder_io *io = user;
    if (io->ogg) {
        return write_ogg(io, data, count);
    }
    size_t first = (size_t)count, done;
    if (io->insert && io->position < io->insert_at && io->position + count > io->insert_at) {
        first = (size_t)(io->insert_at - io->position);
    }
    done = write_side(io, data, first);
    if (done == first && first < (size_t)count) {
        done += write_side(io, (const char *)data + first, (size_t)count - first);
    }
    return (sf_count_t)done;
}

SF_VIRTUAL_IO bsm_encoder_io_functions(void)
{
    return (SF_VIRTUAL_IO){.get_filelen = io_length,
                           .seek = io_seek,
                           .read = io_read,
                           .write = io_write,
                           .tell = io_tell};
}

void bsm_encoder_io_clear(bsm_encoder_io *io)
{
    bsm_ogg_comment_free(io->ogg);
    io->ogg = NULL;
    free(io->insert);
    io->insert = NULL;
}
