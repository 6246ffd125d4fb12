/* SPDX-License-Identifier: ISC */
/* Decodes Ogg Opus with libopusfile, at Opus's rate of 48 kHz. */
#include <limits.h>
#include <opusfile.h>
#include <stdio.h>

#include "file/decoder.h"

enum { OPUS_RATE = 48000, RUN_IN = 16384 /* samples */, MOST_HOLES = 10000 /* channels */ };

static int io_read(void *user, unsigned char *data, int count)
{
    return count > 0 ? (int)bsm_file_bytes_read(user, data, (size_t)count) : 0;
}

static int io_seek(void *user, opus_int64 offset, int whence)
{
    return bsm_file_bytes_seek(user, offset, whence) < 0 ? -1 : 0;
}

static opus_int64 io_tell(void *user)
{
    return bsm_file_bytes_seek(user, 0, SEEK_CUR);
}

static size_t read_samples(bsm_decoder *decoder, float *samples, size_t count)
{
    const size_t values = count * decoder->channels;
    int got;
    size_t holes = 0;
    do { /* a hole in the data: damaged packets are skipped */
        got =
            op_read_float(decoder->state, samples, values < INT_MAX ? (int)values : INT_MAX, NULL);
    } while ((got == OP_HOLE || got == OP_EBADPACKET) && ++holes < MOST_HOLES);
    return got > 0 ? (size_t)got : 0;
}

/* opusfile itself starts 80 ms before the position, but the decoder's memory of tones fades more
 * slowly. */
static bool seek(bsm_decoder *decoder, uint64_t frame)
{
    const uint64_t before = frame < RUN_IN ? frame : RUN_IN;
    return op_pcm_seek(decoder->state, 0) == 0 &&
           op_pcm_seek(decoder->state, (ogg_int64_t)(frame - before)) == 0 &&
           bsm_decoder_skip(decoder, before);
}

static void read_tags(bsm_decoder *decoder, bsm_audio_tags *tags)
{
    const OpusTags *comments = op_tags(decoder->state, -1);
    for (int i = 0; comments && i < comments->comments; i++) {
        bsm_audio_tags_set_comment(tags, comments->user_comments[i],
                                   (size_t)comments->comment_lengths[i]);
    }
}

static void close_file(bsm_decoder *decoder)
{
    op_free(decoder->state);
}

bsm_status bsm_opus_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error)
{
    static const bsm_decoder_functions functions = {
        .read = read_samples, .seek = seek, .close = close_file, .tags = read_tags};
    const OpusFileCallbacks callbacks = {.read = io_read, .seek = io_seek, .tell = io_tell};
    int code = 0;
    OggOpusFile *file = op_open_callbacks(&decoder->bytes, &callbacks, NULL, 0, &code);
    if (!file) {
        return code == OP_EFAULT
                   ? bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path)
                   : bsm_fail(error, BSM_BAD_AUDIO,
                              "%s: not an audio file that bsm reads: bad Ogg Opus", path);
    }
    const ogg_int64_t length = op_pcm_total(file, -1);
    decoder->functions = &functions;
    decoder->state = file;
    decoder->rate = OPUS_RATE;
    decoder->vorbis_order = true;
    decoder->channels = (size_t)op_channel_count(file, -1);
    decoder->frames = length < 0 ? BSM_UNKNOWN_FRAMES : (uint64_t)length;
    return BSM_OK;
}
