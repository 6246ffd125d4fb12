/* SPDX-License-Identifier: ISC */
/** The devices that a network can run on, and the precision of its products. All functions may be
 *  called from any thread but the audio thread. */
#ifndef BSM_DEVICE_KIND_H
#define BSM_DEVICE_KIND_H

#include <stddef.h>

#include "bsm/status.h"

BSM_BEGIN_DECLS

typedef enum bsm_device_kind {
    BSM_DEVICE_AUTO,      /**< the fastest device that works here */
    BSM_DEVICE_CPU,       /**< the CPU, fast: vector instructions, chunked scan, oneDNN */
    BSM_DEVICE_REFERENCE, /**< plain C that follows the equations; slow */
    BSM_DEVICE_CUDA,      /**< an NVIDIA GPU */
} bsm_device_kind;

/** How exactly matrix products are computed. Their sums, and everything else, are computed at least
 *  in float32; only sums of integers are integers, which are exact.
 *
 *  A precision is the least that is acceptable: a device may compute more exactly. The CPU computes
 *  in float32 and, if it has instructions that make them faster, in bfloat16 and int8. A GPU
 *  computes in all precisions but int8, for which it uses bfloat16. The reference computes in
 *  float32. */
typedef enum bsm_precision {
    BSM_PRECISION_FLOAT32,
    BSM_PRECISION_BFLOAT16, /**< factors are rounded to bfloat16 */
    BSM_PRECISION_TF32,     /**< factors are float32 with 10 bits of mantissa; GPU only */
    BSM_PRECISION_INT8,     /**< the least exact: in the paths, weights and what they are
                                 multiplied with are 8-bit integers with one scale per output and
                                 per row; the products of the scan are those of bfloat16 where that
                                 is faster than float32. CPU only, and not for training */
    BSM_PRECISION_LIVE = BSM_PRECISION_BFLOAT16, /**< the meaning of "auto" in programs that play
                                                      live: the fastest precision that keeps a
                                                      signal-to-error ratio of 40 dB on every
                                                      device (docs/performance.md, Rounding) */
} bsm_precision;

/** Parse "auto", "cpu", "reference" or "cuda". BSM_NOT_FOUND for any other name. */
BSM_API BSM_NODISCARD bsm_status bsm_device_kind_parse(const char *name, bsm_device_kind *kind,
                                                       bsm_error *error);

/** Parse "float32", "bfloat16", "tf32" or "int8", or what other programs call them ("fp32",
 *  "bf16"), in upper or lower case. BSM_NOT_FOUND for any other name, with a message that lists the
 *  valid ones. */
BSM_API BSM_NODISCARD bsm_status bsm_precision_parse(const char *name, bsm_precision *precision,
                                                     bsm_error *error);

/** Return the name that bsm_precision_parse accepts; NULL if `precision` is not a precision. */
BSM_API const char *bsm_precision_name(bsm_precision precision);

/** Describe a device in one line, such as "cpu (AVX-512, oneDNN 2.6.3); bfloat16 by AMX, int8 by
 *  AMX". May take a second if it has to wake a GPU. BSM_NO_DEVICE, with a message that says why the
 *  device cannot be used here. */
BSM_API BSM_NODISCARD bsm_status bsm_device_describe(bsm_device_kind kind, char *text, size_t size,
                                                     bsm_error *error);

/** Choose a GPU for this process alone, when `processes` processes on this machine do the same and
 *  this one is number `place` (from 0) of them. Call it before anything is opened on a GPU; without
 *  this call, the first GPU that can be used is chosen. BSM_INVALID_ARGUMENT: there are fewer
 *  usable GPUs than processes. BSM_NO_DEVICE: there is none, with a message that says why. */
BSM_API BSM_NODISCARD bsm_status bsm_device_take_gpu(size_t place, size_t processes,
                                                     bsm_error *error);

BSM_END_DECLS

#endif
