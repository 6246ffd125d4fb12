/* SPDX-License-Identifier: ISC */
/* Reads one link of an audio file. */
#include "file/decoder.h"

#include <math.h>
#include <string.h>

enum { MIN_RATE = 1000, MAX_RATE = 768000 };

static bsm_status check(const bsm_decoder *decoder, const char *path, bsm_error *error)
{
    if (decoder->channels < 1 || decoder->channels > BSM_MIXED_CHANNELS) {
        return bsm_fail(error, BSM_BAD_AUDIO,
                        "%s: has %zu channels, not 1 to %d: mix it down before, as with "
                        "ffmpeg -i IN -ac 2 OUT.flac",
                        path, decoder->channels, BSM_MIXED_CHANNELS);
    }
    if (decoder->rate < MIN_RATE || decoder->rate > MAX_RATE) {
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: has a sample rate of %zu Hz, not %d to %d", path,
                        decoder->rate, MIN_RATE, MAX_RATE);
    }
    if (decoder->frames < 1) {
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: holds no samples", path);
    }
    return BSM_OK;
}

bsm_status bsm_link_reader_open(bsm_link_reader *reader, int fd, const char *path,
                                const bsm_audio_link *link, bsm_error *error)
{
    bsm_link_reader_close(reader);
    bsm_status status = bsm_decoder_open(&reader->decoder, fd, path, link, error);
    if (!status) {
        status = check(&reader->decoder, path, error);
    }
    if (status) {
        bsm_decoder_close(&reader->decoder);
        return status;
    }
    reader->rate = reader->decoder.rate;
    reader->channels = reader->decoder.channels;
    if (reader->channels > BSM_READER_CHANNELS) {
        bsm_downmix_gains(reader->channels, reader->decoder.vorbis_order, reader->gains);
        reader->channels = BSM_READER_CHANNELS;
    }
    reader->position = reader->nonfinite = 0;
    reader->ended = false;
    reader->at = reader->have = 0;
    return BSM_OK;
}

void bsm_link_reader_close(bsm_link_reader *reader)
{
    bsm_decoder_close(&reader->decoder);
    bsm_resampler_free(reader->resampler);
    reader->resampler = NULL;
}

bsm_status bsm_link_reader_convert(bsm_link_reader *reader, size_t rate, size_t channels,
                                   bsm_error *error)
{
    reader->channels = channels;
    if (rate == reader->rate) {
        return BSM_OK;
    }
    reader->rate = rate;
    return bsm_resampler_new(reader->decoder.rate, rate, channels, &reader->resampler, error);
}

/* ---- Reading ---- */

static void drop_nonfinite(bsm_link_reader *reader, size_t count)
{
    for (size_t i = 0; i < count * reader->decoder.channels; i++) {
        if (!isfinite(reader->block[i])) {
            reader->block[i] = 0.0F;
            reader->nonfinite++;
        }
    }
}

static void deinterleave(bsm_link_reader *reader, float *const *audio, size_t offset, size_t count)
{
    const size_t channels = reader->decoder.channels;
    drop_nonfinite(reader, count);
    if (channels > BSM_READER_CHANNELS) {
        bsm_downmix(reader->block, channels, count,
                    (const float(*)[BSM_MIXED_CHANNELS])reader->gains, audio[0] + offset,
                    audio[1] + offset);
        return;
    }
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < count; i++) {
            audio[c][offset + i] = reader->block[i * channels + c];
        }
    }
    for (size_t c = channels; c < reader->channels; c++) {
        memcpy(audio[c] + offset, audio[0] + offset, count * sizeof(float));
    }
}

/* Read at the link's own rate. */
static bsm_status read_plain(bsm_link_reader *reader, const char *path, float *const *audio,
                             size_t count, size_t *got, bsm_error *error)
{
    bsm_decoder *decoder = &reader->decoder;
    *got = 0;
    while (*got < count && !reader->ended) {
        const size_t wanted = count - *got < BSM_READER_BLOCK ? count - *got : BSM_READER_BLOCK;
        const size_t read = decoder->functions->read(decoder, reader->block, wanted);
        reader->ended = read == 0;
        deinterleave(reader, audio, *got, read);
        *got += read;
    }
    reader->position += *got;
    return decoder->bytes.cause ? bsm_fail_errno(error, decoder->bytes.cause, path, "cannot read")
                                : BSM_OK;
}

static bsm_status read_resampled(bsm_link_reader *reader, const char *path, float *const *audio,
                                 size_t count, size_t *got, bsm_error *error)
{
    bsm_status status = BSM_OK;
    bool drained = false;
    *got = 0;
    while (*got < count && !drained && !status) {
        float *const planes[] = {reader->planes[0], reader->planes[1]};
        if (reader->have == 0) {
            reader->at = 0;
            status = read_plain(reader, path, planes, BSM_READER_BLOCK, &reader->have, error);
        }
        const float *in[] = {planes[0] + reader->at, planes[1] + reader->at};
        float *out[BSM_READER_CHANNELS] = {audio[0] + *got};
        if (reader->channels == 2) {
            out[1] = audio[1] + *got;
        }
        size_t used = 0, made = 0;
        const bool end = reader->have == 0;
        if (!status) {
            status = bsm_resampler_process(reader->resampler, end ? NULL : in, reader->have, &used,
                                           out, count - *got, &made, error);
        }
        reader->at += used;
        reader->have -= used;
        *got += made;
        drained = end && made == 0;
    }
    return status;
}

bsm_status bsm_link_reader_read(bsm_link_reader *reader, const char *path, float *const *audio,
                                size_t count, size_t *got, bsm_error *error)
{
    return reader->resampler ? read_resampled(reader, path, audio, count, got, error)
                             : read_plain(reader, path, audio, count, got, error);
}

bool bsm_link_reader_seek(bsm_link_reader *reader, uint64_t frame)
{
    bsm_decoder *decoder = &reader->decoder;
    if (reader->resampler || !decoder->functions->seek ||
        !decoder->functions->seek(decoder, frame)) {
        return false;
    }
    reader->position = frame;
    reader->ended = false;
    return true;
}
