/* SPDX-License-Identifier: ISC */
/* What all decoders share, the choice of a link's decoder, and which files are audio files. */
#include "file/decoder.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "bsm/separate.h"

/* ---- Audio files, recognised by their names ---- */

bool bsm_is_audio_name(const char *name)
{
    static const char *const extensions[] = {
        "wav", "wave", "bwf", "rf64", "w64", "flac", "ogg", "oga", "opus", "spx", "mp3", "mp2",
        "mp1", "mpa", "mpga", "aif", "aiff", "aifc", "au", "snd", "caf", "voc",
        /* read by ffmpeg; some of them are films */
        "m4a", "m4b", "aac", "adts", "alac", "wma", "wv", "ape", "tta", "tak", "mpc", "mka", "ac3",
        "eac3", "dts", "amr", "dsf", "dff", "shn", "ra", "mp4", "m4v", "mkv", "webm", "mov", "ogv",
        "ogx", "avi", "wmv", "asf", "flv", "3gp", "mpg", "mpeg", "vob"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof extensions / sizeof extensions[0]; i++) {
        if (strcasecmp(dot + 1, extensions[i]) == 0) {
            return name[0] != '.';
        }
    }
    return false;
}

/* ---- What all decoders share ---- */

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

/* ---- The decoder for a link of an audio file ---- */

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

/* ---- Mixing surround audio down to two channels ---- */

/* L and R are the front channels, C is between them, l and r are at the sides or behind, c is
 * behind, and - stands for low frequencies. */
static const char *const orders[2][BSM_MIXED_CHANNELS - 2] = {
    {"LRC", "LRlr", "LRClr", "LRC-lr", "LRC-clr", "LRC-lrlr"},
    {"LCR", "LRlr", "LCRlr", "LCRlr-", "LCRlrc-", "LCRlrlr-"}};

static float gain_of(char place, bool right)
{
    switch (place) {
    case 'L': return right ? 0.0F : 1.0F;
    case 'R': return right ? 1.0F : 0.0F;
    case 'C': return (float)M_SQRT1_2;
    case 'l': return right ? 0.0F : (float)M_SQRT1_2;
    case 'r': return right ? (float)M_SQRT1_2 : 0.0F;
    case 'c': return 0.5F;
    default: return 0.0F;
    }
}

void bsm_downmix_gains(size_t channels, bool vorbis, float gains[2][BSM_MIXED_CHANNELS])
{
    const char *order = orders[vorbis][channels - 3];
    for (size_t side = 0; side < 2; side++) {
        float sum = 0;
        for (size_t c = 0; c < channels; c++) {
            sum += gains[side][c] = gain_of(order[c], side == 1);
        }
        for (size_t c = 0; c < channels; c++) {
            gains[side][c] /= sum;
        }
    }
}

void bsm_downmix(const float *samples, size_t channels, size_t count,
                 const float gains[2][BSM_MIXED_CHANNELS], float *left, float *right)
{
    for (size_t i = 0; i < count; i++) {
        const float *frame = samples + i * channels;
        float sum[2] = {0, 0};
        for (size_t c = 0; c < channels; c++) {
            sum[0] += gains[0][c] * frame[c];
            sum[1] += gains[1][c] * frame[c];
        }
        left[i] = sum[0];
        right[i] = sum[1];
    }
}
