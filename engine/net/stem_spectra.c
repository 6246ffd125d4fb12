/* SPDX-License-Identifier: ISC */
/* Memory for the spectra of the wanted stems. */
#include "net/stem_spectra.h"

#include <stdlib.h>

float *bsm_spectrum_new(const bsm_config *config, size_t frames)
{
    return calloc(frames, bsm_config_features(config) * sizeof(float));
}

bool bsm_stem_spectra_allocate(bsm_stem_spectra *spectra, const bsm_separation *separation,
                               size_t frames)
{
    *spectra = (bsm_stem_spectra){0};
    for (size_t s = 0; s < separation->config->num_stems; s++) {
        if (separation->wanted[s] &&
            !(spectra->stems[s] = bsm_spectrum_new(separation->config, frames))) {
            return false;
        }
    }
    return true;
}

void bsm_stem_spectra_clear(bsm_stem_spectra *spectra)
{
    for (size_t s = 0; s < BSM_MAX_STEMS; s++) {
        free(spectra->stems[s]);
        spectra->stems[s] = NULL;
    }
}
