/* SPDX-License-Identifier: ISC */
/** Beginning anew when the JACK server comes back. */
#ifndef BSM_LIVE_RESTART_H
#define BSM_LIVE_RESTART_H

#include "live.h"

/** Become a new bsm-live with the arguments of the first one, and with the gains, solo and model as
 *  they are now. A client of a server that has gone cannot be closed safely, and holds threads: a
 * new program has none of it. Returns only if that fails. */
void live_restart(const live *l);

/** Sleep a second, or until a signal that ends the program. */
void live_wait_to_retry(live *l);

#endif
