/* SPDX-License-Identifier: ISC */
/** The devices that a network can run on. All functions may be called from any thread. */
#ifndef BSM_DEVICE_KIND_H
#define BSM_DEVICE_KIND_H

#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef enum bsm_device_kind {
    BSM_DEVICE_AUTO,      /**< the fastest device that works */
    BSM_DEVICE_CPU,       /**< fast: chunked scan, oneDNN, all cores */
    BSM_DEVICE_REFERENCE, /**< plain C that follows the equations literally; slow */
    BSM_DEVICE_CUDA,
} bsm_device_kind;

/** How exactly matrix products are computed. Everything else is float32, and so are sums, except
 *  exact sums of integers. This is a minimum: a device may compute more exactly. The CPU has
 *  float32 and, if its instructions make that faster, bfloat16 and int8. The GPU has all but int8,
 *  for which it uses bfloat16. The reference has float32 only. */
typedef enum bsm_precision {
    BSM_PRECISION_FLOAT32,
    BSM_PRECISION_BFLOAT16, /**< products of bfloat16 */
    BSM_PRECISION_TF32,     /**< products of float32 rounded to 10 bits of mantissa; GPU only */
    BSM_PRECISION_INT8,     /**< the least exact: the paths' products with weights as products of
                                 8-bit integers, with a scale per output and per row, those of the
                                 scan in bfloat16 where that is faster than float32; CPU only, and
                                 not for training */
    BSM_PRECISION_LIVE = BSM_PRECISION_BFLOAT16, /**< "auto" in live programs: the fastest one that
                                                    keeps a signal-to-error ratio of 40 dB on every
                                                    device (docs/performance.md, Rounding) */
} bsm_precision;

/** Parse "auto", "cpu", "reference" or "cuda". BSM_NOT_FOUND for another name. */
BSM_API BSM_NODISCARD bsm_status bsm_device_kind_parse(const char *name, bsm_device_kind *kind,
                                                       bsm_error *error);

/** Parse "float32", "bfloat16", "tf32", "int8" or common spellings of them ("fp32", "bf16"), in
 *  upper or lower case. BSM_NOT_FOUND for another name, with a message that lists the right ones.
 */
BSM_API BSM_NODISCARD bsm_status bsm_precision_parse(const char *name, bsm_precision *precision,
                                                     bsm_error *error);

/** Return the name that bsm_precision_parse accepts, or NULL for an invalid value. */
BSM_API const char *bsm_precision_name(bsm_precision precision);

/** Describe a device in one line, such as "cpu (oneDNN 2.6.3, AVX-512)". BSM_NO_DEVICE with the
 *  reason if it cannot be used here. Waking a GPU may take a second. */
BSM_API BSM_NODISCARD bsm_status bsm_device_describe(bsm_device_kind kind, char *text, size_t size,
                                                     bsm_error *error);

/** Choose a GPU for this process, which is number `place` (from 0) of `processes` on this machine
 *  that do the same. To be called before anything is opened on a GPU; otherwise the first usable
 *  GPU is taken. BSM_INVALID_ARGUMENT: there are fewer GPUs than processes. BSM_NO_DEVICE: there is
 *  no GPU, with the reason. */
BSM_API BSM_NODISCARD bsm_status bsm_device_take_gpu(size_t place, size_t processes,
                                                     bsm_error *error);

BSM_END_DECLS

#endif
