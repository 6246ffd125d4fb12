/* SPDX-License-Identifier: ISC */
/** The CPU device's memory for one network, and parallel work in its floating-point mode. */
#ifndef BSM_DEVICE_CPU_WORKSPACE_H
#define BSM_DEVICE_CPU_WORKSPACE_H

#include <stddef.h>

#include "device/cpu/mixer.h"
#include "device/device.h"

/* Work that the team's threads share, each in the mode in which the CPU device computes. */

/** Works on one index. `thread` counts from 0; no two threads of a region have the same number. */
typedef void bsm_cpu_task(void *job, size_t thread, size_t index);

/** Work on the indices 0 to `count` - 1 with at most `threads` threads, including the caller's. */
void bsm_cpu_run(size_t threads, size_t count, bsm_cpu_task *task, void *job);

/* ---- The CPU device's memory for one network, and its modules ---- */

/** One thread's own memory. */
typedef struct bsm_cpu_thread {
    bsm_cpu_tile tile;
    bsm_cpu_state state;    /**< of the current sequence */
    float *forward;         /**< [longest sequence][dim] x + M_fwd(n_fwd(x)) */
    float *backward;        /**< [chunk][dim] the same for the backward mixer, last step first */
    float *reversed;        /**< [chunk][dim] likewise, first step first */
    float *hidden, *values; /**< [chunk][mask hidden width], [chunk][2 features of widest band] */
} bsm_cpu_thread;

typedef struct bsm_cpu_workspace {
    const bsm_cpu_weights *weights;
    const bsm_kernels *kernels;
    bsm_workspace_options options;
    float *x;                       /**< [band][frame][dim] */
    float *streams[BSM_MAX_STATES]; /**< [depth][band][state], along time; NULL: none */
    bool started[BSM_MAX_STATES];   /**< false: that state counts as zero */
    size_t state;                   /**< number of the selected state */
    bsm_cpu_thread *threads;        /**< of a region */
    void *memory;                   /**< of all threads */
} bsm_cpu_workspace;

/* The modules of bsm_device. */
bsm_status bsm_cpu_band_split(void *workspace, const float *spectrum, size_t frames,
                              bsm_error *error);
bsm_status bsm_cpu_mask(void *workspace, size_t stem, const bsm_block *block, const float *spectrum,
                        float *masked, bsm_error *error);
bsm_status bsm_cpu_time_path(void *workspace, size_t layer, const bsm_block *block,
                             bsm_error *error);
bsm_status bsm_cpu_band_path(void *workspace, size_t layer, const bsm_block *block,
                             bsm_error *error);

#endif
