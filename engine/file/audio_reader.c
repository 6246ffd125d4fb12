/* SPDX-License-Identifier: ISC */
/* Reads an audio file: its links, one after the other. */
#include "file/audio_reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "file/decoder.h"

enum { MUCH = 2048 /* bytes that are not audio; fewer are not worth a remark */ };

struct bsm_audio_reader {
    int fd;
    uint64_t size; /* of the file */
    char *path;
    bsm_audio_info info;
    bsm_audio_links links;
    uint64_t *frames; /* of each link, at the file's rate, or BSM_UNKNOWN_FRAMES */
    size_t current;   /* the current link; links.count at the end */
    bsm_link_reader link;
};

/* ---- Remarks ---- */

static void remark(bsm_audio_reader *reader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Only the first remark is kept, because it is nearest to the cause. */
static void remark(bsm_audio_reader *reader, const char *format, ...)
{
    if (!reader->info.remark[0]) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(reader->info.remark, sizeof reader->info.remark, format, arguments);
        va_end(arguments);
    }
}

static void remark_bytes(bsm_audio_reader *reader)
{
    const bsm_audio_links *links = &reader->links;
    const bsm_audio_link *last = &links->links[links->count - 1];
    if (links->torn && (last->codec == BSM_CODEC_VORBIS || last->codec == BSM_CODEC_OPUS)) {
        remark(reader, "the file ends inside a page of Ogg: it was cut off");
    }
    if (links->others >= MUCH) {
        remark(reader, "%llu bytes in it are neither sound nor tags: the file is damaged",
               (unsigned long long)links->others);
    }
}

/* ---- Opening ---- */

static uint64_t at_file_rate(const bsm_audio_reader *reader, double frames, size_t rate)
{
    return (uint64_t)llround(frames * (double)reader->info.rate / (double)rate);
}

/* A few samples may be missing only by the way an encoder counts. */
static void add_missing(bsm_audio_reader *reader, uint64_t frames)
{
    if (frames > reader->info.rate / 20) {
        reader->info.missing += frames;
    }
}

/* Note how many samples a link has, and how many fewer these are than it announces. */
static void count_link(bsm_audio_reader *reader, size_t index, const bsm_decoder *decoder)
{
    const bsm_audio_link *link = &reader->links.links[index];
    if (decoder->frames == BSM_UNKNOWN_FRAMES) {
        reader->frames[index] = BSM_UNKNOWN_FRAMES;
        reader->info.frames = BSM_UNKNOWN_FRAMES;
        return;
    }
    const double frames = (double)decoder->frames;
    reader->frames[index] = at_file_rate(reader, frames, decoder->rate);
    if (link->announced > link->present && link->present > 0) {
        const double more = (double)(link->announced - link->present) / (double)link->present;
        add_missing(reader, at_file_rate(reader, frames * more, decoder->rate));
    }
    if (reader->info.frames != BSM_UNKNOWN_FRAMES) {
        reader->info.frames += reader->frames[index];
    }
}

static bsm_status open_link(bsm_audio_reader *reader, size_t index, bsm_error *error)
{
    return bsm_link_reader_open(&reader->link, reader->fd, reader->path,
                                &reader->links.links[index], error);
}

/* Note the rates and channels of the other links; those that cannot be read are dropped. */
static bsm_status look_at_others(bsm_audio_reader *reader)
{
    bsm_audio_links *links = &reader->links;
    bsm_link_reader *other = calloc(1, sizeof *other);
    size_t kept = 1;
    for (size_t i = 1; other && i < links->count; i++) {
        const bsm_audio_link *link = &links->links[i];
        if (link->codec == BSM_CODEC_PROGRAM ||
            bsm_link_reader_open(other, reader->fd, reader->path, link, NULL)) {
            remark(reader, "%llu bytes that were joined to it cannot be read and are left out",
                   (unsigned long long)(link->end - link->start));
            continue;
        }
        links->links[kept++] = *link;
        reader->info.rate = other->rate > reader->info.rate ? other->rate : reader->info.rate;
        reader->info.channels =
            other->channels > reader->info.channels ? other->channels : reader->info.channels;
    }
    links->count = kept;
    const bool good = other != NULL;
    if (other) {
        bsm_link_reader_close(other);
    }
    free(other);
    return good ? BSM_OK : BSM_NO_MEMORY;
}

static bsm_status count_frames(bsm_audio_reader *reader, bsm_error *error)
{
    const bsm_audio_links *links = &reader->links;
    reader->frames = calloc(links->count, sizeof *reader->frames);
    bsm_decoder *other = calloc(1, sizeof *other);
    bsm_status status = reader->frames && other ? BSM_OK : BSM_NO_MEMORY;
    if (!status) {
        count_link(reader, 0, &reader->link.decoder);
    }
    for (size_t i = 1; i < links->count && !status; i++) {
        status = bsm_decoder_open(other, reader->fd, reader->path, &links->links[i], error);
        if (!status) {
            count_link(reader, i, other);
            bsm_decoder_close(other);
        }
    }
    if (!status && reader->info.frames != BSM_UNKNOWN_FRAMES) {
        reader->info.frames += reader->info.missing;
    }
    reader->info.parts = links->count;
    free(other);
    return status;
}

/* A file that libsndfile cannot read may be one for ffmpeg, which then reads all of it. */
static bsm_status open_by_program(bsm_audio_reader *reader, bsm_error *error)
{
    bsm_error cause = {0};
    char start[256] = "";
    const bool read = pread(reader->fd, start, sizeof start - 1, 0) > 0;
    const char *mistake = read ? bsm_mistaken_file(start) : NULL;
    if (mistake) {
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: %s", reader->path, mistake);
    }
    reader->links.links[0].codec = BSM_CODEC_PROGRAM;
    reader->links.count = 1;
    bsm_status status = open_link(reader, 0, &cause);
    if (status == BSM_UNSUPPORTED) {
        return bsm_fail(error, BSM_BAD_AUDIO,
                        "%s: not an audio file that bsm reads alone: install ffmpeg (Debian: apt "
                        "install ffmpeg), through which it reads many more",
                        reader->path);
    }
    return status ? bsm_fail(error, status, "%s", cause.message) : BSM_OK;
}

static bsm_status open_first(bsm_audio_reader *reader, bsm_error *error)
{
    const bsm_codec codec = reader->links.links[0].codec;
    bsm_error cause = {0};
    bsm_status status = codec == BSM_CODEC_PROGRAM ? BSM_BAD_AUDIO : open_link(reader, 0, &cause);
    const bool known = reader->link.decoder.rate > 0; /* the file was opened, and then refused */
    if (status == BSM_BAD_AUDIO && !known) {
        return open_by_program(reader, error);
    }
    return status ? bsm_fail(error, status, "%s", cause.message) : BSM_OK;
}

static bsm_status open_links(bsm_audio_reader *reader, bsm_error *error)
{
    bsm_status status =
        bsm_audio_links_find(reader->fd, reader->size, reader->path, &reader->links, error);
    if (!status) {
        status = open_first(reader, error);
    }
    if (status) {
        return status;
    }
    reader->info.rate = reader->link.rate;
    reader->info.channels = reader->link.channels;
    const size_t channels = reader->link.decoder.channels;
    reader->info.mixed = channels > BSM_READER_CHANNELS ? channels : 0;
    status = look_at_others(reader);
    if (!status) {
        status = count_frames(reader, error);
    }
    if (!status) {
        remark_bytes(reader);
        status =
            bsm_link_reader_convert(&reader->link, reader->info.rate, reader->info.channels, error);
    }
    return status == BSM_NO_MEMORY ? bsm_fail(error, status, "%s: out of memory", reader->path)
                                   : status;
}

bsm_status bsm_audio_reader_open(const char *path, bsm_audio_reader **reader, bsm_error *error)
{
    *reader = NULL;
    bsm_audio_reader *made = calloc(1, sizeof *made);
    if (!made || !(made->path = strdup(path))) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    struct stat file;
    made->fd = -1;
    bsm_status status = bsm_open_regular(path, BSM_BAD_AUDIO, &made->fd, &file, error);
    if (!status) {
        made->size = (uint64_t)file.st_size;
        status = open_links(made, error);
    }
    if (status) {
        bsm_audio_reader_free(made);
        return status;
    }
    *reader = made;
    return BSM_OK;
}

void bsm_audio_reader_free(bsm_audio_reader *reader)
{
    if (reader) {
        bsm_link_reader_close(&reader->link);
        bsm_audio_links_clear(&reader->links);
        if (reader->fd >= 0) {
            close(reader->fd);
        }
        free(reader->frames);
        free(reader->path);
        free(reader);
    }
}

const bsm_audio_info *bsm_audio_reader_info(const bsm_audio_reader *reader)
{
    return &reader->info;
}

void bsm_audio_reader_tags(bsm_audio_reader *reader, bsm_audio_tags *tags)
{
    bsm_decoder *decoder = &reader->link.decoder;
    *tags = (bsm_audio_tags){0};
    if (decoder->functions->tags) {
        decoder->functions->tags(decoder, tags);
    }
}

/* ---- Reading ---- */

/* Containers round their lengths, and the samples that an encoder adds may or may not be
 * included. */
static uint64_t tolerance(const bsm_audio_reader *reader, const bsm_audio_link *link)
{
    return link->codec == BSM_CODEC_PROGRAM ? reader->info.rate / 2 : 0;
}

/* The current link has ended: note what is missing. */
static void judge(bsm_audio_reader *reader)
{
    const bsm_audio_link *link = &reader->links.links[reader->current];
    bsm_decoder *decoder = &reader->link.decoder;
    const uint64_t frames = reader->frames[reader->current];
    const uint64_t got = at_file_rate(reader, (double)reader->link.position, decoder->rate);
    const char *words =
        decoder->functions->complaint ? decoder->functions->complaint(decoder) : NULL;
    if (frames != BSM_UNKNOWN_FRAMES && got + tolerance(reader, link) < frames) {
        add_missing(reader, frames - got);
    }
    if (words) {
        remark(reader, "%s", words);
    }
}

static bsm_status begin_link(bsm_audio_reader *reader, bsm_error *error)
{
    bsm_status status = open_link(reader, reader->current, error);
    return status ? status
                  : bsm_link_reader_convert(&reader->link, reader->info.rate, reader->info.channels,
                                            error);
}

static bsm_status next_link(bsm_audio_reader *reader, bsm_error *error)
{
    judge(reader);
    bsm_status status = BSM_OK;
    reader->current++;
    while (!status && reader->current < reader->links.count) {
        status = begin_link(reader, error);
        if (status != BSM_BAD_AUDIO) {
            break;
        }
        remark(reader, "a part that was joined to it cannot be read and is left out");
        reader->current++;
        status = BSM_OK;
    }
    return status;
}

bsm_status bsm_audio_reader_read(bsm_audio_reader *reader, float *const *audio, size_t count,
                                 size_t *got, bsm_error *error)
{
    bsm_status status = BSM_OK;
    *got = 0;
    while (*got < count && reader->current < reader->links.count && !status) {
        float *at[BSM_READER_CHANNELS] = {audio[0] + *got};
        size_t read = 0;
        const size_t wanted = count - *got;
        if (reader->info.channels == 2) {
            at[1] = audio[1] + *got;
        }
        status = bsm_link_reader_read(&reader->link, reader->path, at, wanted, &read, error);
        *got += read;
        reader->info.nonfinite += reader->link.nonfinite;
        reader->link.nonfinite = 0;
        if (!status && read < wanted) {
            status = next_link(reader, error);
        }
    }
    return status;
}

/* Find the link that contains sample `frame`, and the link's first sample. */
static size_t find_link(const bsm_audio_reader *reader, uint64_t frame, uint64_t *first)
{
    size_t i = 0;
    *first = 0;
    while (i + 1 < reader->links.count && reader->frames[i] != BSM_UNKNOWN_FRAMES &&
           frame - *first >= reader->frames[i]) {
        *first += reader->frames[i++];
    }
    return i;
}

bsm_status bsm_audio_reader_seek(bsm_audio_reader *reader, uint64_t frame, bsm_error *error)
{
    if (frame > reader->info.frames || frame > INT64_MAX) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: has no sample %llu", reader->path,
                        (unsigned long long)frame);
    }
    uint64_t first;
    const size_t index = find_link(reader, frame, &first);
    bsm_status status = BSM_OK;
    if (index != reader->current) {
        reader->current = index;
        status = begin_link(reader, error);
    }
    if (!status && !bsm_link_reader_seek(&reader->link, frame - first)) {
        status = bsm_fail(error, BSM_UNSUPPORTED, "%s: cannot seek", reader->path);
    }
    return status;
}
