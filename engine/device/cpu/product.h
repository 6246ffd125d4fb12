/* SPDX-License-Identifier: ISC */
/** Matrix products on one thread: by oneDNN where bsm is built with it, else in plain C. */
#ifndef BSM_CPU_PRODUCT_H
#define BSM_CPU_PRODUCT_H

#include <signal.h>

#include "device/cpu/kernels.h"

/** C = op(A) op(B) + beta C */
void bsm_cpu_product(const bsm_kernels *kernels, const bsm_product *p);

/** "oneDNN 2.6.3" or "plain C"; a static string. */
const char *bsm_cpu_product_name(void);

/** What a thread sets while it computes, and sets back afterwards. */
typedef struct bsm_thread_mode {
    unsigned int float_control;
    int library_threads;
    sigset_t signals;
} bsm_thread_mode;

/** Flush denormals to zero, keep a library from starting threads inside this one, and keep signals
 *  away: oneDNN's products use the stack pointer as a pointer into the heap, where a signal's frame
 *  would be written over other data. To be called at the start of each thread of a parallel region,
 *  around all products. */
bsm_thread_mode bsm_cpu_enter_thread(void);
void bsm_cpu_leave_thread(bsm_thread_mode mode);

#endif
