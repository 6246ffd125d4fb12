/* SPDX-License-Identifier: ISC */
/** What a network can run on. Any thread. */
#ifndef BSM_DEVICE_KIND_H
#define BSM_DEVICE_KIND_H

#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef enum bsm_device_kind {
    BSM_DEVICE_AUTO,      /**< the fastest that works */
    BSM_DEVICE_CPU,       /**< fast: chunked scan, oneDNN, all processors */
    BSM_DEVICE_REFERENCE, /**< plain C that follows the equations; slow */
    BSM_DEVICE_CUDA,
} bsm_device_kind;

/** How exactly matrix products are computed; all else is float32 everywhere, and so are sums, but
 *  those of integers, which are exact. It is the least that is asked for: a device may be more
 *  exact. The CPU computes in float32 and, where its instructions make that faster, in bfloat16 and
 *  int8, the GPU in all but int8, for which it takes bfloat16, the reference in float32. */
typedef enum bsm_precision {
    BSM_PRECISION_FLOAT32,
    BSM_PRECISION_BFLOAT16, /**< products of bfloat16 */
    BSM_PRECISION_TF32,     /**< products of float32 cut to 10 bits of mantissa; GPU only */
    BSM_PRECISION_INT8,     /**< the least exact: the paths' products with weights as products of
                                 8-bit integers, with a scale per output and per row, those of the
                                 scan in bfloat16 where that is faster than float32; CPU only, and
                                 not for training */
    BSM_PRECISION_LIVE = BSM_PRECISION_BFLOAT16, /**< "auto" in what plays live: the fastest that
                                                      keeps 40 dB of signal to error on every
                                                      device (docs/performance.md, Rounding) */
} bsm_precision;

/** "auto", "cpu", "reference", "cuda"; BSM_NOT_FOUND for another name. */
BSM_API BSM_NODISCARD bsm_status bsm_device_kind_parse(const char *name, bsm_device_kind *kind,
                                                       bsm_error *error);

/** "float32", "bfloat16", "tf32", "int8", and as others spell them ("fp32", "bf16"), in any case;
 *  BSM_NOT_FOUND for another name, with a message that names the right ones. */
BSM_API BSM_NODISCARD bsm_status bsm_precision_parse(const char *name, bsm_precision *precision,
                                                     bsm_error *error);

/** The name that bsm_precision_parse takes; NULL for a value that is none. */
BSM_API const char *bsm_precision_name(bsm_precision precision);

/** One line on a device, "cpu (oneDNN 2.6.3, AVX-512)" and the like. BSM_NO_DEVICE, and why it
 *  cannot be used here. May take a second where it wakes a GPU. */
BSM_API BSM_NODISCARD bsm_status bsm_device_describe(bsm_device_kind kind, char *text, size_t size,
                                                     bsm_error *error);

/** Take a GPU of its own for this process, number `place` (from 0) of `processes` on this machine
 *  that do so; before anything is opened on a GPU. Without it the first GPU that can be used is
 *  taken. BSM_INVALID_ARGUMENT: fewer GPUs than processes. BSM_NO_DEVICE: no GPU at all, and why.
 */
BSM_API BSM_NODISCARD bsm_status bsm_device_take_gpu(size_t place, size_t processes,
                                                     bsm_error *error);

BSM_END_DECLS

#endif
