/* SPDX-License-Identifier: ISC */
/* Which decoder a link of an audio file takes. */
#include <string.h>

#include "file/decoder.h"

bsm_status bsm_decoder_open(bsm_decoder *decoder, int fd, const char *path,
                            const bsm_audio_link *link, bsm_error *error)
{
    *decoder = (bsm_decoder){
        .bytes = {.fd = fd, .start = link->start, .end = link->end, .at = link->start}};
    memcpy(decoder->bytes.patches, link->patches, sizeof link->patches);
    switch (link->codec) {
    case BSM_CODEC_FLAC: return bsm_flac_decoder_open(decoder, path, error);
    case BSM_CODEC_SNDFILE: return bsm_sndfile_decoder_open(decoder, path, error);
    case BSM_CODEC_RAW: return bsm_raw_decoder_open(decoder, path, &link->raw, error);
    case BSM_CODEC_MPEG: return bsm_mpeg_decoder_open(decoder, path, error);
    case BSM_CODEC_VORBIS: return bsm_vorbis_decoder_open(decoder, path, error);
    case BSM_CODEC_OPUS: return bsm_opus_decoder_open(decoder, path, error);
    case BSM_CODEC_PROGRAM: break;
    }
    return bsm_program_decoder_open(decoder, path, error);
}
