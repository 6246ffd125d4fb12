/* SPDX-License-Identifier: ISC */
/* What every decoder can. */
#include "file/decoder.h"

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
