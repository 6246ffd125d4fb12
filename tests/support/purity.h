/* SPDX-License-Identifier: ISC */
/** An audio thread may not allocate, lock, wait, read or write. Between purity_enter and
 *  purity_leave, a call of such a function by this thread ends the program, and names it. Not for
 *  use with sanitizers, which have a malloc of their own. */
#ifndef BSM_TESTS_STREAM_PURITY_H
#define BSM_TESTS_STREAM_PURITY_H

void purity_enter(void);
void purity_leave(void);

/** Calls of sem_post meanwhile, which are allowed, since the last question. */
int purity_wakes(void);

/** Makes four forbidden calls, one of them inside a shared library, and gives how many of them were
 * seen. */
int purity_self_test(void);

#endif
