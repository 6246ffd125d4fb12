/* SPDX-License-Identifier: ISC */
/** Which tracks of MUSDB18's train folder are for validation. */
#ifndef BSM_TRAINER_MUSDB_H
#define BSM_TRAINER_MUSDB_H

#include <stdbool.h>

/** True for the 14 tracks that the musdb package lists (configs/mus.yaml, "validation_tracks"). */
bool bsm_musdb_is_validation(const char *track);

#endif
