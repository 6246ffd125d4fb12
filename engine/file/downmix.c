/* SPDX-License-Identifier: ISC */
/* Mixing the channels of surround sound down to two. */
#include "file/downmix.h"

#include <math.h>

/* L and R in front, C between them, l and r at the sides or behind, c behind, - low frequencies. */
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
