/* SPDX-License-Identifier: ISC */
/* Decodes Ogg Vorbis with libvorbisfile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OV_EXCLUDE_STATIC_CALLBACKS
#include <vorbis/vorbisfile.h>

#include "file/decoder.h"

enum {
    RUN_IN = 16384,    /* samples: two of the longest blocks */
    MOST_HOLES = 10000 /* channels */
};

static size_t io_read(void *data, size_t size, size_t count, void *user)
{
    return size ? bsm_file_bytes_read(user, data, size * count) / size : 0;
}

static int io_seek(void *user, ogg_int64_t offset, int whence)
{
    return bsm_file_bytes_seek(user, offset, whence) < 0 ? -1 : 0;
}

static long io_tell(void *user)
{
    return (long)bsm_file_bytes_seek(user, 0, SEEK_CUR);
}

static size_t read_samples(bsm_decoder *decoder, float *samples, size_t count)
{
    float **planes;
    int section;
    long got;
    size_t holes = 0;
    do { /* a hole in the data: damaged packets are skipped */
        got = ov_read_float(decoder->state, &planes, count < 4096 ? (int)count : 4096, &section);
    } while ((got == OV_HOLE || got == OV_EBADLINK) && ++holes < MOST_HOLES);
    for (size_t c = 0; got > 0 && c < decoder->channels; c++) {
        for (size_t i = 0; i < (size_t)got; i++) {
            samples[i * decoder->channels + c] = planes[c][i];
        }
    }
    return got > 0 ? (size_t)got : 0;
}

/* Start some way before the position, so that all blocks that overlap it are decoded. */
static bool seek(bsm_decoder *decoder, uint64_t frame)
{
    const uint64_t before = frame < RUN_IN ? frame : RUN_IN;
    return ov_pcm_seek(decoder->state, (ogg_int64_t)(frame - before)) == 0 &&
           bsm_decoder_skip(decoder, before);
}

static void read_tags(bsm_decoder *decoder, bsm_audio_tags *tags)
{
    const vorbis_comment *comments = ov_comment(decoder->state, -1);
    for (int i = 0; comments && i < comments->comments; i++) {
        bsm_audio_tags_set_comment(tags, comments->user_comments[i],
                                   (size_t)comments->comment_lengths[i]);
    }
}

static void close_file(bsm_decoder *decoder)
{
    ov_clear(decoder->state);
    free(decoder->state);
}

bsm_status bsm_vorbis_decoder_open(bsm_decoder *decoder, const char *path, bsm_error *error)
{
    static const bsm_decoder_functions functions = {
        .read = read_samples, .seek = seek, .close = close_file, .tags = read_tags};
    const ov_callbacks callbacks = {
        .read_func = io_read, .seek_func = io_seek, .tell_func = io_tell};
    OggVorbis_File *file = malloc(sizeof *file);
    if (!file) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    if (ov_open_callbacks(&decoder->bytes, file, NULL, 0, callbacks) != 0) {
        free(file);
        return bsm_fail(error, BSM_BAD_AUDIO,
                        "%s: not an audio file that bsm reads: bad Ogg Vorbis", path);
    }
    const ogg_int64_t length = ov_pcm_total(file, -1);
    const vorbis_info *info = ov_info(file, -1);
    decoder->functions = &functions;
    decoder->state = file;
    decoder->rate = (size_t)info->rate;
    decoder->channels = (size_t)info->channels;
    decoder->vorbis_order = true;
    decoder->frames = length < 0 ? BSM_UNKNOWN_FRAMES : (uint64_t)length;
    return BSM_OK;
}
