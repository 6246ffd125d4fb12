/* SPDX-License-Identifier: ISC */
/* Replaces remote.c in a build without liblo. */
#include "live.h"

bsm_status remote_open(size_t port, remote **result, bsm_error *error)
{
    *result = NULL;
    return bsm_fail(error, BSM_UNSUPPORTED, "--osc %zu: this program was built without liblo",
                    port);
}

void remote_close(remote *r)
{
    (void)r;
}

int remote_fd(const remote *r)
{
    (void)r;
    return -1;
}

bool remote_take(remote *r, bsm_remix_settings *mix)
{
    (void)r, (void)mix;
    return false;
}
