/* SPDX-License-Identifier: ISC */
/** Mixing the channels of surround sound down to two. */
#ifndef BSM_FILE_DOWNMIX_H
#define BSM_FILE_DOWNMIX_H

#include <stdbool.h>
#include <stddef.h>

enum { BSM_MIXED_CHANNELS = 8 /* the most that can be mixed down */ };

/** The weights of 3 to 8 channels in the left and the right one (ITU-R BS.775: the middle and what
 *  is behind with -3 dB, the low frequency effects not at all), such that nothing becomes louder
 *  than full scale. `vorbis`: they are in the order of Vorbis and Opus, otherwise in that of WAV.
 */
void bsm_downmix_gains(size_t channels, bool vorbis, float gains[2][BSM_MIXED_CHANNELS]);

/** Mix interleaved samples. */
void bsm_downmix(const float *samples, size_t channels, size_t count,
                 const float gains[2][BSM_MIXED_CHANNELS], float *left, float *right);

#endif
