/* SPDX-License-Identifier: ISC */
/* Writes audio files with libsndfile. */
#include "file/audio_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bsm/new_file.h"
#include "file/audio_tags.h"
#include "file/encoder.h"
#include "file/ogg_comment.h"
#include "signal/signal.h"

enum {
    BLOCK = 4096,
    VORBIS_MAX_RATE = 200000,
    FLAC_INFO = 42 /* bytes of FLAC up to the end of its first block */
};

struct bsm_audio_writer {
    bsm_audio_format format;
    char *path;
    bool force;
    bsm_new_file part;
    bsm_encoder_io io;        /* what libsndfile writes to part.fd */
    SNDFILE *file;            /* NULL for a stream */
    bsm_resampler *resampler; /* NULL if the file has the samples' rate ... */
    float **converted;        /* ... otherwise its output [channels][BLOCK] */
    uint64_t clipped;
    union {
        float real[BLOCK * BSM_MAX_CHANNELS];
        int integer[BLOCK * BSM_MAX_CHANNELS];
    } block; /* interleaved */
};

/* ---- Opening ---- */

static bsm_status open_sndfile(bsm_audio_writer *writer, bsm_error *error)
{
    SF_VIRTUAL_IO io = bsm_encoder_io_functions();
    SF_INFO info = {.samplerate = (int)bsm_encoder_rate(&writer->format),
                    .channels = (int)writer->format.channels,
                    .format = bsm_encoder_format(&writer->format)};
    if (writer->format.format != BSM_FILE_OGG || writer->format.rate <= VORBIS_MAX_RATE) {
        writer->file = sf_open_virtual(&io, SFM_WRITE, &info, &writer->io);
    }
    if (writer->io.cause) {
        return bsm_fail_errno(error, writer->io.cause, writer->path, "cannot write");
    }
    if (!writer->file) {
        return bsm_fail(error, BSM_UNSUPPORTED, "%s: the format cannot hold %zu channels at %zu Hz",
                        writer->path, writer->format.channels, writer->format.rate);
    }
    /* libsndfile's PEAK chunk contains the time, but equal audio must give equal files. */
    sf_command(writer->file, SFC_SET_ADD_PEAK_CHUNK, NULL, SF_FALSE);
    /* A damaged input may end long before its announced end. */
    sf_command(writer->file, SFC_RF64_AUTO_DOWNGRADE, NULL, SF_TRUE);
    double quality = 0.6; /* about 190 kbit/s for stereo; only for lossy formats */
    sf_command(writer->file, SFC_SET_VBR_ENCODING_QUALITY, &quality, sizeof quality);
    return BSM_OK;
}

/* Insert the cover as a block after the first one. The first block is not marked as the last,
 * since libFLAC always writes a third one. */
static void insert_flac_cover(bsm_encoder_io *io, const bsm_cover *cover)
{
    enum { PICTURE = 6, HEADER = 4 };
    size_t size;
    unsigned char *block = cover->data ? bsm_cover_block(cover, &size) : NULL;
    unsigned char *insert = block ? malloc(HEADER + size) : NULL;
    if (insert) {
        insert[0] = PICTURE;
        insert[1] = (unsigned char)(size >> 16);
        insert[2] = (unsigned char)(size >> 8);
        insert[3] = (unsigned char)size;
        memcpy(insert + HEADER, block, size);
        io->insert = insert;
        io->insert_size = HEADER + size;
        io->insert_at = FLAC_INFO;
    }
    free(block);
}

static void pass_through_comment(bsm_encoder_io *io, const bsm_cover *cover)
{
    size_t length = 0;
    char *comment = cover->data ? bsm_cover_comment(cover, &length) : NULL;
    io->ogg = comment ? bsm_ogg_comment_new(comment, length) : NULL;
}

/* Insert the tags that libsndfile does not write. If memory is short, the music is written without
 * them. */
static void insert_tags(bsm_encoder_io *io, const bsm_audio_format *format)
{
    if (format->tags && format->format == BSM_FILE_FLAC) {
        insert_flac_cover(io, &format->tags->cover);
    } else if (format->tags && format->format == BSM_FILE_MP3) {
        io->insert = bsm_id3_tag(format->tags, &io->insert_size);
    } else if (format->tags &&
               (format->format == BSM_FILE_OGG || format->format == BSM_FILE_OPUS)) {
        pass_through_comment(io, &format->tags->cover);
    }
}

static void set_texts(SNDFILE *file, const bsm_audio_tags *tags)
{
    static const int names[BSM_NUM_TAGS] = {
        [BSM_TAG_TITLE] = SF_STR_TITLE,       [BSM_TAG_ARTIST] = SF_STR_ARTIST,
        [BSM_TAG_ALBUM] = SF_STR_ALBUM,       [BSM_TAG_DATE] = SF_STR_DATE,
        [BSM_TAG_TRACK] = SF_STR_TRACKNUMBER, [BSM_TAG_GENRE] = SF_STR_GENRE,
        [BSM_TAG_COMMENT] = SF_STR_COMMENT,   [BSM_TAG_COPYRIGHT] = SF_STR_COPYRIGHT};
    for (size_t i = 0; i < BSM_NUM_TAGS; i++) {
        if (*tags->texts[i]) { /* a format without such a tag refuses it, which does no harm */
            sf_set_string(file, names[i], tags->texts[i]);
        }
    }
}

/* WAV's own tags cannot hold a cover. */
static void set_id3_chunk(SNDFILE *file, const bsm_audio_tags *tags)
{
    size_t size;
    SF_CHUNK_INFO chunk = {.id = "id3 ", .id_size = 4, .data = bsm_id3_tag(tags, &size)};
    if (chunk.data) {
        chunk.datalen = (unsigned)size;
        sf_set_chunk(file, &chunk);
        free(chunk.data);
    }
}

static void write_tags(bsm_audio_writer *writer)
{
    const bsm_audio_tags *tags = writer->format.tags;
    if (tags && writer->format.format != BSM_FILE_MP3) {
        set_texts(writer->file, tags);
    }
    if (tags && tags->cover.data && writer->format.format == BSM_FILE_WAV) {
        set_id3_chunk(writer->file, tags);
    }
    writer->format.tags = NULL;
}

static bsm_status open_file(bsm_audio_writer *writer, bsm_error *error)
{
    bsm_status status = bsm_new_file_begin(writer->path, writer->force, &writer->part, error);
    if (!status) {
        writer->io.fd = writer->part.fd;
        insert_tags(&writer->io, &writer->format);
        status = open_sndfile(writer, error);
    }
    if (!status) {
        write_tags(writer);
    }
    return status;
}

static bsm_status open_stream(bsm_audio_writer *writer, bsm_error *error)
{
    return bsm_stream_begin(&writer->format)
               ? BSM_OK
               : bsm_fail_errno(error, errno, "standard output", "cannot write");
}

static bsm_status open_resampler(bsm_audio_writer *writer, bsm_error *error)
{
    const bsm_audio_format *format = &writer->format;
    const size_t rate = bsm_encoder_rate(format);
    if (rate == format->rate) {
        return BSM_OK;
    }
    writer->converted = bsm_planes_new(format->channels, BLOCK);
    return writer->converted
               ? bsm_resampler_new(format->rate, rate, format->channels, &writer->resampler, error)
               : bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", writer->path);
}

bsm_status bsm_audio_writer_new(const char *path, const bsm_audio_format *format, bool force,
                                bsm_audio_writer **writer, bsm_error *error)
{
    *writer = NULL;
    bsm_audio_writer *made = calloc(1, sizeof *made);
    if (!made || !(made->path = strdup(path))) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    made->format = *format;
    made->force = force;
    made->part.fd = -1;
    bsm_status status = open_resampler(made, error);
    if (!status) {
        status = format->stream > 0 ? open_stream(made, error) : open_file(made, error);
    }
    if (status) {
        bsm_audio_writer_free(made);
        return status;
    }
    *writer = made;
    return BSM_OK;
}

/* ---- Samples ---- */

/* The scale is that of reading: since 0x8000 is read as -1, 1 - 2^-15 is the highest sample of 16
 * bits. */
static double scale_of(const bsm_audio_format *format)
{
    return format->bits == 16 ? 0x1p15 : 0x1p23;
}

static double to_integer(double scale, float sample)
{
    return fmin(fmax(rint((double)sample * scale), -scale), scale - 1);
}

void bsm_audio_writer_round(const bsm_audio_writer *writer, float *const *audio, size_t count)
{
    if (!bsm_encoder_is_integer(&writer->format)) {
        return;
    }
    const double scale = scale_of(&writer->format);
    for (size_t c = 0; c < writer->format.channels; c++) {
        for (size_t i = 0; i < count; i++) {
            audio[c][i] = (float)(to_integer(scale, audio[c][i]) / scale);
        }
    }
}

/* libsndfile takes integers of 32 bits, whatever the file's width. */
static void interleave_integers(bsm_audio_writer *writer, const float *const *audio, size_t offset,
                                size_t count)
{
    const size_t channels = writer->format.channels;
    const double scale = scale_of(&writer->format);
    const int unit = writer->format.bits == 16 ? 1 << 16 : 1 << 8;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < count; i++) {
            float sample = audio[c][offset + i];
            double integer = to_integer(scale, sample);
            writer->clipped += fabs((double)sample * scale - integer) > 0.5;
            writer->block.integer[i * channels + c] = (int)integer * unit;
        }
    }
}

static void interleave_floats(bsm_audio_writer *writer, const float *const *audio, size_t offset,
                              size_t count)
{
    const size_t channels = writer->format.channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < count; i++) {
            writer->block.real[i * channels + c] = audio[c][offset + i];
        }
    }
}

/* Write to the file or stream; returns how many samples were written. */
static sf_count_t write_block(bsm_audio_writer *writer, const float *const *audio, size_t offset,
                              size_t count)
{
    const bool integer = bsm_encoder_is_integer(&writer->format);
    if (integer) {
        interleave_integers(writer, audio, offset, count);
    } else {
        interleave_floats(writer, audio, offset, count);
    }
    if (!writer->file) {
        const bool good = bsm_stream_write(&writer->format, &writer->block, count);
        writer->io.cause = good ? 0 : errno;
        return good ? (sf_count_t)count : 0;
    }
    return integer ? sf_writef_int(writer->file, writer->block.integer, (sf_count_t)count)
                   : sf_writef_float(writer->file, writer->block.real, (sf_count_t)count);
}

static const char *name_of(const bsm_audio_writer *writer)
{
    return writer->format.stream > 0 ? "standard output" : writer->path;
}

static bsm_status write_plain(bsm_audio_writer *writer, const float *const *audio, size_t count,
                              bsm_error *error)
{
    for (size_t done = 0; done < count;) {
        size_t block = count - done < BLOCK ? count - done : BLOCK;
        sf_count_t written = write_block(writer, audio, done, block);
        if (writer->io.cause) {
            return bsm_fail_errno(error, writer->io.cause, name_of(writer), "cannot write");
        }
        if (written != (sf_count_t)block) {
            return bsm_fail(error, BSM_IO, "%s: cannot write: %s", writer->path,
                            sf_strerror(writer->file));
        }
        done += block;
    }
    return BSM_OK;
}

/* An `audio` of NULL means the end. */
static bsm_status write_resampled(bsm_audio_writer *writer, float *const *audio, size_t count,
                                  bsm_error *error)
{
    bsm_status status = BSM_OK;
    size_t done = 0, made = 0;
    do {
        float *at[BSM_MAX_CHANNELS];
        size_t used = 0;
        if (audio) {
            bsm_planes_at(audio, writer->format.channels, done, at);
        }
        status = bsm_resampler_process(writer->resampler, audio ? (const float *const *)at : NULL,
                                       count - done, &used, writer->converted, BLOCK, &made, error);
        done += used;
        if (!status) {
            status = write_plain(writer, (const float *const *)writer->converted, made, error);
        }
    } while (!status && (done < count || made > 0));
    return status;
}

bsm_status bsm_audio_writer_write(bsm_audio_writer *writer, float *const *audio, size_t count,
                                  bsm_error *error)
{
    return writer->resampler ? write_resampled(writer, audio, count, error)
                             : write_plain(writer, (const float *const *)audio, count, error);
}

uint64_t bsm_audio_writer_clipped(const bsm_audio_writer *writer)
{
    return writer->clipped;
}

/* ---- The end ---- */

bsm_status bsm_audio_writer_finish(bsm_audio_writer *writer, bsm_error *error)
{
    if (writer->resampler) {
        bsm_status status = write_resampled(writer, NULL, 0, error);
        if (status) {
            return status;
        }
    }
    if (!writer->file) {
        return BSM_OK;
    }
    int code = sf_close(writer->file);
    writer->file = NULL;
    if (writer->io.cause) {
        return bsm_fail_errno(error, writer->io.cause, writer->path, "cannot write");
    }
    if (code) {
        return bsm_fail(error, BSM_IO, "%s: cannot write: %s", writer->path, sf_error_number(code));
    }
    if (fsync(writer->part.fd)) {
        return bsm_fail_errno(error, errno, writer->path, "cannot write");
    }
    return BSM_OK;
}

bsm_status bsm_audio_writer_publish(bsm_audio_writer *writer, bsm_error *error)
{
    return writer->format.stream > 0 ? BSM_OK
                                     : bsm_new_file_commit(&writer->part, writer->force, error);
}

void bsm_audio_writer_free(bsm_audio_writer *writer)
{
    if (writer) {
        sf_close(writer->file);
        bsm_encoder_io_clear(&writer->io);
        bsm_new_file_abandon(&writer->part);
        bsm_resampler_free(writer->resampler);
        free(writer->converted);
        free(writer->path);
        free(writer);
    }
}
