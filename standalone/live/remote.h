/* SPDX-License-Identifier: ISC */
/** Gains from other programs and from touch screens, by OSC over UDP:
 *
 *      /bsm/vocals DB    /bsm/instrumental DB    /bsm/solo 0|1|2    /bsm/bypass 0|1
 *
 *  All is for the main thread; the audio thread hears of it as of a key. */
#ifndef BSM_LIVE_REMOTE_H
#define BSM_LIVE_REMOTE_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/remix.h"
#include "bsm/status.h"

typedef struct remote remote;

/** Listen on a port. BSM_UNSUPPORTED: built without liblo; BSM_IO: the port is taken. */
BSM_NODISCARD bsm_status remote_open(size_t port, remote **result, bsm_error *error);

/** NULL is fine. */
void remote_close(remote *r);

/** Readable when there are messages; for poll. Of NULL -1. */
int remote_fd(const remote *r);

/** Take what has come into `mix`. @return whether anything has */
bool remote_take(remote *r, bsm_remix_settings *mix);

#endif
