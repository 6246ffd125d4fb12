/* SPDX-License-Identifier: ISC */
/* The usual 14 validation tracks of MUSDB18. */
#include "data/musdb.h"

#include <stddef.h>
#include <string.h>

static const char *const validation_tracks[] = {
    "ANiMAL - Rockshow",
    "Actions - One Minute Smile",
    "Alexander Ross - Goodbye Bolero",
    "Clara Berry And Wooldog - Waltz For My Victims",
    "Fergessen - Nos Palpitants",
    "James May - On The Line",
    "Johnny Lokke - Promises & Lies",
    "Leaf - Summerghost",
    "Meaxic - Take A Step",
    "Patrick Talbot - A Reason To Leave",
    "Skelpolu - Human Mistakes",
    "Traffic Experiment - Sirens",
    "Triviul - Angelsaint",
    "Young Griffo - Pennies",
};

bool bsm_musdb_is_validation(const char *track)
{
    for (size_t i = 0; i < sizeof validation_tracks / sizeof validation_tracks[0]; i++) {
        if (strcmp(validation_tracks[i], track) == 0) {
            return true;
        }
    }
    return false;
}
