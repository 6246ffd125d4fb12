/* SPDX-License-Identifier: ISC */
/** What a network can run on. Any thread. */
#ifndef BSM_DEVICE_KIND_H
#define BSM_DEVICE_KIND_H

#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef enum bsm_device_kind {
    BSM_DEVICE_AUTO,      /**< the fastest that works */
    BSM_DEVICE_CPU,       /**< fast: chunked scan, oneDNN, OpenMP */
    BSM_DEVICE_REFERENCE, /**< plain C that follows the equations; slow */
    BSM_DEVICE_CUDA,
} bsm_device_kind;

/** "auto", "cpu", "reference", "cuda"; BSM_NOT_FOUND for another name. */
BSM_API BSM_NODISCARD bsm_status bsm_device_kind_parse(const char *name, bsm_device_kind *kind,
                                                       bsm_error *error);

BSM_END_DECLS

#endif
