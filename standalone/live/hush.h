/* SPDX-License-Identifier: ISC */
/** Keeping what libraries print away from the terminal, where it would stand among our own lines
 *  without a name. */
#ifndef BSM_LIVE_HUSH_H
#define BSM_LIVE_HUSH_H

/** From here on nothing that is written to standard error is seen. The value is for hush_end. */
int hush_begin(void);
void hush_end(int kept);

#endif
