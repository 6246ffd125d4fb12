/* SPDX-License-Identifier: ISC */
/** The emulated GPU's counters, and the faults that tests can give it
 *  (tests/cuda/emulated_gpu.cc). */
#ifndef BSM_TESTS_CUDA_PLAYED_GPU_H
#define BSM_TESTS_CUDA_PLAYED_GPU_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/attributes.h"

BSM_BEGIN_DECLS

typedef struct emulated_gpu {
    bool missing;              /**< no GPU is found */
    bool busy;                 /**< the GPU never finishes its work */
    size_t gpus;               /**< the number of GPUs, for several processes */
    size_t memory;             /**< bytes of its memory */
    size_t fail_at;            /**< the queued operation that fails, from 1; 0: none */
    bool no_recordings;        /**< nothing can be captured */
    size_t used;               /**< bytes in use now */
    size_t operations;         /**< operations queued so far, also during capture */
    size_t graphs;             /**< graphs made so far */
    size_t plays;              /**< launches of graphs so far */
    size_t waits;              /**< how often the host has waited so far */
    size_t uploads, downloads; /**< copies done so far, including those in graphs */
} emulated_gpu;

extern emulated_gpu the_emulated_gpu;

BSM_END_DECLS

#endif
