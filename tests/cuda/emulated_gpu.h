/* SPDX-License-Identifier: ISC */
/** What tests can make go wrong with the host that plays a GPU (tests/cuda/emulated_gpu.cc). */
#ifndef BSM_TESTS_CUDA_PLAYED_GPU_H
#define BSM_TESTS_CUDA_PLAYED_GPU_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/attributes.h"

BSM_BEGIN_DECLS

typedef struct emulated_gpu {
    bool missing;              /**< no GPU is found */
    bool busy;                 /**< it is never done */
    size_t gpus;               /**< how many there are, for several processes */
    size_t memory;             /**< bytes it has */
    size_t fail_at;            /**< the queued operation, from 1, that fails; 0: none */
    bool no_recordings;        /**< nothing can be captured */
    size_t used;               /**< bytes in use now */
    size_t operations;         /**< queued so far, also during capture */
    size_t graphs;             /**< made so far */
    size_t plays;              /**< of graphs so far */
    size_t waits;              /**< of the host so far */
    size_t uploads, downloads; /**< done so far, in graphs, too */
} emulated_gpu;

extern emulated_gpu the_emulated_gpu;

BSM_END_DECLS

#endif
