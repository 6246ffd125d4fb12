/* SPDX-License-Identifier: ISC */
/* Measures how loud the vocals of a song are compared with the rest. */
#include "balance.h"

#include <math.h>
#include <stdio.h>

/* Power below this is rounding noise in a silent part. */
static const double silence = 1e-10;

static double sum_of_squares(const float *const *planes, size_t channels, size_t count)
{
    double sum = 0;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < count; i++) {
            sum += (double)planes[c][i] * (double)planes[c][i];
        }
    }
    return sum;
}

void balance_add(balance *b, const bsm_separated_block *block)
{
    b->vocals += sum_of_squares(block->vocals, block->channels, block->count);
    b->rest += sum_of_squares(block->instrumental, block->channels, block->count);
}

void balance_format(const balance *b, char *text, size_t size)
{
    if (b->vocals <= silence) {
        snprintf(text, size, "no vocals");
    } else if (b->rest <= silence) {
        snprintf(text, size, "nothing but vocals");
    } else {
        const double level = 10 * log10(b->vocals / b->rest);
        snprintf(text, size, "vocals %.1f dB %s the rest", fabs(level),
                 level < 0 ? "below" : "above");
    }
}
