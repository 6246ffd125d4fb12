/* SPDX-License-Identifier: ISC */
/* Decodes FLAC with libFLAC.
 *
 * libFLAC is shown a header that does not say how many samples there are. So it reads to the end
 * whatever was announced, and goes on after damaged frames, which become silence. */
#include <FLAC/stream_decoder.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/decoder.h"

enum {
    HEADER = 42, /* bytes up to the end of the first block, STREAMINFO */
    /* position of the 36 bits with the number of samples; the upper four of the first byte's
     * bits belong to another field */
    COUNT_AT = 21,
    LONGEST_GAP = 60 /* seconds; a longer gap is more likely a wrong number */
};

typedef struct flac {
    FLAC__StreamDecoder *handle;
    float *block;           /* of one frame, or of silence and the frame after it; interleaved */
    size_t at, have, frame; /* samples: already output, in the block, in the last frame */
    uint64_t silence;       /* samples of silence to output before the block */
    uint64_t next;          /* number of the sample that follows the block */
    uint64_t lost;          /* samples that were replaced by silence */
    FLAC__uint64 end;       /* position in the link at which the last frame ended */
    bool broken;            /* the next frame is damaged */
    bool sought;            /* the next frame was sought */
    char complaint[96];
} flac;

/* ---- Callbacks of libFLAC ---- */

static FLAC__StreamDecoderReadStatus io_read(const FLAC__StreamDecoder *handle, FLAC__byte *to,
                                             size_t *count, void *user)
{
    (void)handle;
    bsm_decoder *decoder = user;
    *count = bsm_file_bytes_read(&decoder->bytes, to, *count);
    return decoder->bytes.cause ? FLAC__STREAM_DECODER_READ_STATUS_ABORT
           : *count             ? FLAC__STREAM_DECODER_READ_STATUS_CONTINUE
                                : FLAC__STREAM_DECODER_READ_STATUS_END_OF_STREAM;
}

static FLAC__StreamDecoderSeekStatus io_seek(const FLAC__StreamDecoder *handle, FLAC__uint64 offset,
                                             void *user)
{
    (void)handle;
    bsm_decoder *decoder = user;
    return bsm_file_bytes_seek(&decoder->bytes, (int64_t)offset, SEEK_SET) < 0
               ? FLAC__STREAM_DECODER_SEEK_STATUS_ERROR
               : FLAC__STREAM_DECODER_SEEK_STATUS_OK;
}

static FLAC__StreamDecoderTellStatus io_tell(const FLAC__StreamDecoder *handle,
                                             FLAC__uint64 *offset, void *user)
{
    (void)handle;
    bsm_decoder *decoder = user;
    *offset = (FLAC__uint64)bsm_file_bytes_seek(&decoder->bytes, 0, SEEK_CUR);
    return FLAC__STREAM_DECODER_TELL_STATUS_OK;
}

static FLAC__StreamDecoderLengthStatus io_length(const FLAC__StreamDecoder *handle,
                                                 FLAC__uint64 *length, void *user)
{
    (void)handle;
    const bsm_decoder *decoder = user;
    *length = decoder->bytes.end - decoder->bytes.start;
    return FLAC__STREAM_DECODER_LENGTH_STATUS_OK;
}

static FLAC__bool io_ended(const FLAC__StreamDecoder *handle, void *user)
{
    (void)handle;
    const bsm_decoder *decoder = user;
    return decoder->bytes.at >= decoder->bytes.end;
}

static void on_error(const FLAC__StreamDecoder *handle, FLAC__StreamDecoderErrorStatus status,
                     void *user)
{
    (void)handle;
    const bsm_decoder *decoder = user;
    flac *f = decoder->state;
    f->broken = status == FLAC__STREAM_DECODER_ERROR_STATUS_FRAME_CRC_MISMATCH;
}

/* Frames have numbers, so samples that are missing before this one can become silence. */
static void count_gap(const bsm_decoder *decoder, flac *f, const FLAC__FrameHeader *header)
{
    const uint64_t number = header->number.sample_number;
    const bool gap =
        !f->sought && number > f->next && number - f->next <= LONGEST_GAP * (uint64_t)decoder->rate;
    f->silence = gap ? number - f->next : 0;
    f->lost += f->silence + (f->broken && !f->sought ? header->blocksize : 0);
    f->next = number + header->blocksize;
    f->broken = false;
}

static FLAC__StreamDecoderWriteStatus on_frame(const FLAC__StreamDecoder *handle,
                                               const FLAC__Frame *frame,
                                               const FLAC__int32 *const planes[], void *user)
{
    (void)handle;
    bsm_decoder *decoder = user;
    flac *f = decoder->state;
    const FLAC__FrameHeader *header = &frame->header;
    const float scale = 1.0F / (float)(1U << (header->bits_per_sample - 1));
    const size_t channels = decoder->channels;
    if (header->channels != channels) { /* a damaged frame whose checksum is right by chance */
        return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
    }
    float *block = realloc(f->block, (f->have + header->blocksize) * channels * sizeof *block);
    if (!block) {
        decoder->bytes.cause = ENOMEM;
        return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
    }
    f->block = block;
    block += f->have * channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < header->blocksize; i++) {
            block[i * channels + c] = (float)planes[c][i] * scale;
        }
    }
    f->have += header->blocksize;
    f->frame = header->blocksize;
    count_gap(decoder, f, header);
    return FLAC__STREAM_DECODER_WRITE_STATUS_CONTINUE;
}

/* ---- The decoder's functions ---- */

/* False at the end. Newer versions of libFLAC return silence for samples that are missing before a
 * frame. */
static bool next_frame(flac *f)
{
    while (f->have == 0) {
        f->at = 0;
        const FLAC__StreamDecoderState state = FLAC__stream_decoder_get_state(f->handle);
        if (state == FLAC__STREAM_DECODER_END_OF_STREAM ||
            !FLAC__stream_decoder_process_single(f->handle)) {
            return false;
        }
        if (f->have) {
            f->lost += f->have - f->frame;
            FLAC__stream_decoder_get_decode_position(f->handle, &f->end);
        }
    }
    return true;
}

static size_t read_samples(bsm_decoder *decoder, float *samples, size_t count)
{
    flac *f = decoder->state;
    if (!next_frame(f)) {
        return 0;
    }
    if (f->silence) {
        count = count < f->silence ? count : (size_t)f->silence;
        memset(samples, 0, count * decoder->channels * sizeof *samples);
        f->silence -= count;
        return count;
    }
    count = count < f->have ? count : f->have;
    memcpy(samples, f->block + f->at * decoder->channels,
           count * decoder->channels * sizeof *samples);
    f->at += count;
    f->have -= count;
    return count;
}

static bool seek(bsm_decoder *decoder, uint64_t frame)
{
    flac *f = decoder->state;
    f->at = f->have = 0;
    f->silence = 0;
    f->sought = true;
    const bool good = FLAC__stream_decoder_seek_absolute(f->handle, frame) != 0;
    f->sought = f->broken = false;
    if (!good) {
        FLAC__stream_decoder_flush(f->handle);
    }
    return good || frame == decoder->frames;
}

/* Whether the bytes after the last whole frame begin another frame. */
static bool is_torn(bsm_decoder *decoder)
{
    const flac *f = decoder->state;
    unsigned char sync[2];
    return bsm_file_bytes_seek(&decoder->bytes, (int64_t)f->end, SEEK_SET) >= 0 &&
           bsm_file_bytes_read(&decoder->bytes, sync, 2) == 2 && sync[0] == 0xFF &&
           (sync[1] & 0xFE) == 0xF8;
}

static const char *complaint(bsm_decoder *decoder)
{
    flac *f = decoder->state;
    if (f->lost) {
        snprintf(f->complaint, sizeof f->complaint,
                 "the file is damaged: %.2f s in it cannot be read and are silent",
                 (double)f->lost / (double)decoder->rate);
        return f->complaint;
    }
    return is_torn(decoder) ? "the file ends inside a block of FLAC: it was cut off" : NULL;
}

static void on_metadata(const FLAC__StreamDecoder *handle, const FLAC__StreamMetadata *metadata,
                        void *user)
{
    (void)handle;
    bsm_decoder *decoder = user;
    decoder->rate = metadata->data.stream_info.sample_rate;
    decoder->channels = metadata->data.stream_info.channels;
}

/* ---- Tags, which a separate handle reads ---- */

static FLAC__StreamDecoderWriteStatus pass_frame(const FLAC__StreamDecoder *handle,
                                                 const FLAC__Frame *frame,
                                                 const FLAC__int32 *const planes[], void *user)
{
    (void)handle, (void)frame, (void)planes, (void)user;
    return FLAC__STREAM_DECODER_WRITE_STATUS_ABORT;
}

static void pass_error(const FLAC__StreamDecoder *handle, FLAC__StreamDecoderErrorStatus status,
                       void *user)
{
    (void)handle, (void)status, (void)user;
}

/** The state of the handle for tags. */
typedef struct tag_reader {
    bsm_decoder decoder; /* its own view of the bytes */
    bsm_audio_tags *tags;
} tag_reader;

static void on_tag(const FLAC__StreamDecoder *handle, const FLAC__StreamMetadata *metadata,
                   void *user)
{
    (void)handle;
    tag_reader *reader = user;
    const FLAC__StreamMetadata_VorbisComment *comments = &metadata->data.vorbis_comment;
    const FLAC__StreamMetadata_Picture *picture = &metadata->data.picture;
    if (metadata->type == FLAC__METADATA_TYPE_PICTURE) {
        bsm_cover_set(&reader->tags->cover, picture->mime_type, picture->data,
                      picture->data_length);
        return;
    }
    for (size_t i = 0; i < comments->num_comments; i++) {
        bsm_audio_tags_set_comment(reader->tags, (const char *)comments->comments[i].entry,
                                   comments->comments[i].length);
    }
}

static void read_tags(bsm_decoder *decoder, bsm_audio_tags *tags)
{
    tag_reader reader = {.decoder = {.bytes = decoder->bytes}, .tags = tags};
    FLAC__StreamDecoder *handle = FLAC__stream_decoder_new();
    reader.decoder.bytes.at = reader.decoder.bytes.start;
    if (handle && FLAC__stream_decoder_set_metadata_ignore_all(handle) &&
        FLAC__stream_decoder_set_metadata_respond(handle, FLAC__METADATA_TYPE_VORBIS_COMMENT) &&
        FLAC__stream_decoder_set_metadata_respond(handle, FLAC__METADATA_TYPE_PICTURE) &&
        FLAC__stream_decoder_init_stream(handle, io_read, NULL, NULL, NULL, NULL, pass_frame,
                                         on_tag, pass_error,
                                         &reader) == FLAC__STREAM_DECODER_INIT_STATUS_OK) {
        FLAC__stream_decoder_process_until_end_of_metadata(handle);
    }
    if (handle) {
        FLAC__stream_decoder_delete(handle);
    }
}

/* ---- Opening ---- */

static void close_flac(bsm_decoder *decoder)
{
    flac *f = decoder->state;
    if (f->handle) {
        FLAC__stream_decoder_delete(f->handle);
    }
    free(f->block);
    free(f);
}

/* Get the number of samples from the header; from now on it is read as 0, which means unknown. */
static uint64_t take_count(bsm_file_bytes *bytes)
{
    unsigned char header[HEADER];
    if (bsm_file_bytes_read(bytes, header, HEADER) < HEADER) {
        return 0;
    }
    bytes->at = bytes->start;
    bsm_byte_patch *patch = &bytes->patches[0];
    *patch = (bsm_byte_patch){.at = bytes->start + COUNT_AT, .size = 5};
    patch->bytes[0] = header[COUNT_AT] & 0xF0;
    return (uint64_t)(header[COUNT_AT] & 0x0F) << 32 | bsm_big(header + COUNT_AT + 1, 4);
}

static bool begin(bsm_decoder *decoder, FLAC__StreamDecoder *handle)
{
    return FLAC__stream_decoder_init_stream(handle, io_read, io_seek, io_tell, io_length, io_ended,
                                            on_frame, on_metadata, on_error,
                                            decoder) == FLAC__STREAM_DECODER_INIT_STATUS_OK &&
           FLAC__stream_decoder_process_until_end_of_metadata(handle) && decoder->rate > 0;
}

bsm_status bsm_flac_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error)
{
    static const bsm_decoder_functions functions = {.read = read_samples,
                                                    .seek = seek,
                                                    .close = close_flac,
                                                    .complaint = complaint,
                                                    .tags = read_tags};
    flac *f = calloc(1, sizeof *f);
    if (!f || !(f->handle = FLAC__stream_decoder_new())) {
        free(f);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    decoder->functions = &functions;
    decoder->state = f;
    const uint64_t frames = take_count(&decoder->bytes);
    decoder->frames = frames ? frames : BSM_UNKNOWN_FRAMES;
    if (!begin(decoder, f->handle)) {
        bsm_decoder_close(decoder);
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: not an audio file that bsm reads: bad FLAC",
                        path);
    }
    return BSM_OK;
}
