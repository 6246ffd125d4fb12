/* SPDX-License-Identifier: ISC */
/* Replaces draw.c in a build without cairo. */
#include "picture.h"

bsm_status draw_supported(bsm_error *error)
{
    return bsm_fail(error, BSM_UNSUPPORTED, "--picture: this program was built without cairo");
}

bsm_status draw_png(const spectrogram *s, const char *path, draw_write *write, void *user,
                    bsm_error *error)
{
    (void)s;
    (void)path;
    (void)write;
    (void)user;
    return draw_supported(error);
}
