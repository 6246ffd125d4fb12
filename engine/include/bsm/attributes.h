/* SPDX-License-Identifier: ISC */
/** Attributes of functions that all other bsm headers use. */
#ifndef BSM_ATTRIBUTES_H
#define BSM_ATTRIBUTES_H

#ifdef __cplusplus
#define BSM_BEGIN_DECLS extern "C" {
#define BSM_END_DECLS }
#else
#define BSM_BEGIN_DECLS
#define BSM_END_DECLS
#endif

#if defined(__GNUC__) || defined(__clang__)
#define BSM_API __attribute__((visibility("default")))
#define BSM_NODISCARD __attribute__((warn_unused_result))
#define BSM_PRINTF(format_index, first_argument)                                                   \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define BSM_API
#define BSM_NODISCARD
#define BSM_PRINTF(format_index, first_argument)
#endif

/** Marks a function that may be called from an audio thread: it does not allocate, lock, wait or
 *  call the system, and its running time is bounded. Exceptions are documented at the function. A
 *  function without this marker must not be called from an audio thread. */
#define BSM_REALTIME

#endif
