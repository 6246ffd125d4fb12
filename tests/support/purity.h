/* SPDX-License-Identifier: ISC */
/** Checks that an audio thread does not allocate, lock, wait, read or write. Between purity_enter
 *  and purity_leave, a call of such a function by this thread prints the function's name and ends
 *  the program. Does not work with sanitizers, which have their own malloc. */
#ifndef BSM_TESTS_STREAM_PURITY_H
#define BSM_TESTS_STREAM_PURITY_H

void purity_enter(void);
void purity_leave(void);

/** Return the number of calls of sem_post, which are allowed, since the last call of this
 *  function. */
int purity_wakes(void);

/** Make four forbidden calls, one of them inside a shared library, and return how many were
 *  noticed. */
int purity_self_test(void);

#endif
