/* SPDX-License-Identifier: ISC */
/* What libsndfile calls the formats that are written, and the sample rates that they have. */
#include "file/encoder_format.h"

#include <sndfile.h>

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
