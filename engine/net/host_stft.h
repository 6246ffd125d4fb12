/* SPDX-License-Identifier: ISC */
/** The transforms of a network's blocks, for a device that takes spectra. A frame that two blocks
 *  share is transformed once. */
#ifndef BSM_NET_HOST_STFT_H
#define BSM_NET_HOST_STFT_H

#include "bsm/block.h"
#include "bsm/config.h"

typedef struct bsm_host_stft bsm_host_stft;

/** For blocks of up to `max_frames` frames. BSM_NO_MEMORY. */
BSM_NODISCARD bsm_status bsm_host_stft_new(const bsm_config *config, size_t max_frames,
                                           bsm_host_stft **stft, bsm_error *error);
void bsm_host_stft_free(bsm_host_stft *stft);

/** Transform a block; its spectrum is then bsm_host_stft_mixture. */
void bsm_host_stft_analyse(bsm_host_stft *stft, const bsm_block *block);

/** Add what bsm_host_stft_stem holds to a stem of the block. */
void bsm_host_stft_synthesise(bsm_host_stft *stft, size_t stem, const bsm_block *block);

/** [max_frames][bin][channel][re, im]: the mixture's, and room for a stem's. */
const float *bsm_host_stft_mixture(const bsm_host_stft *stft);
float *bsm_host_stft_stem(const bsm_host_stft *stft);

#endif
