/* SPDX-License-Identifier: ISC */
/** Memory for the spectra of the wanted stems. */
#ifndef BSM_NET_STEM_SPECTRA_H
#define BSM_NET_STEM_SPECTRA_H

#include "separate/separation.h"

typedef struct bsm_stem_spectra {
    float *stems[BSM_MAX_STEMS]; /**< NULL for one that is not wanted */
} bsm_stem_spectra;

/** `frames` frames for each wanted stem; false if memory is short. */
bool bsm_stem_spectra_allocate(bsm_stem_spectra *spectra, const bsm_separation *separation,
                               size_t frames);
void bsm_stem_spectra_clear(bsm_stem_spectra *spectra);

/** Memory for a spectrum of `frames` frames; NULL if memory is short. */
float *bsm_spectrum_new(const bsm_config *config, size_t frames);

#endif
