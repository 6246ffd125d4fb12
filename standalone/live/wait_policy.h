/* SPDX-License-Identifier: ISC */
/** How OpenMP's threads wait for work. */
#ifndef BSM_LIVE_WAIT_POLICY_H
#define BSM_LIVE_WAIT_POLICY_H

/** Let them sleep rather than spin, unless the user's environment says how they shall wait. OpenMP
 *  reads that once, before main: so the program is executed again, with the same arguments. Returns
 *  where nothing is to be done, or where that cannot be. */
void wait_policy_prefer_sleep(char **argv);

#endif
