/* SPDX-License-Identifier: ISC */
/* Decoding one link of an audio file. */
#include "file/decoder.h"

#include <string.h>

bsm_status bsm_decoder_open(bsm_decoder *decoder, int fd, const char *path,
                            const bsm_audio_link *link, bsm_error *error)
{
    *decoder = (bsm_decoder){
        .bytes = {.fd = fd, .start = link->start, .end = link->end, .at = link->start}};
    memcpy(decoder->bytes.patches, link->patches, sizeof link->patches);
    switch (link->codec) {
    case BSM_CODEC_SNDFILE:
    case BSM_CODEC_FLAC: return bsm_sndfile_decoder_open(decoder, path, error);
    case BSM_CODEC_MPEG: return bsm_mpeg_decoder_open(decoder, path, error);
    case BSM_CODEC_VORBIS: return bsm_vorbis_decoder_open(decoder, path, error);
    case BSM_CODEC_OPUS: return bsm_opus_decoder_open(decoder, path, error);
    case BSM_CODEC_PROGRAM: break;
    }
    return bsm_program_decoder_open(decoder, path, error);
}

void bsm_decoder_close(bsm_decoder *decoder)
{
    if (decoder->state) {
        decoder->functions->close(decoder);
        decoder->state = NULL;
    }
}

bool bsm_decoder_skip(bsm_decoder *decoder, uint64_t count)
{
    float samples[4096];
    const size_t room = sizeof samples / sizeof *samples / decoder->channels;
    while (count > 0) {
        const size_t got =
            decoder->functions->read(decoder, samples, count < room ? (size_t)count : room);
        if (got == 0) {
            return false;
        }
        count -= got;
    }
    return true;
}
