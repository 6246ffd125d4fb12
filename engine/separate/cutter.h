/* SPDX-License-Identifier: ISC */
/** Separating a long signal in the windows or the blocks of a plan. */
#ifndef BSM_SEPARATE_CUTTER_H
#define BSM_SEPARATE_CUTTER_H

#include "separate/plan.h"
#include "separate/separation.h"

typedef struct bsm_cutter bsm_cutter;

/** `name` is the signal's, for messages. BSM_NO_MEMORY, BSM_UNSUPPORTED (blocks of two lanes). */
BSM_NODISCARD bsm_status bsm_cutter_new(const bsm_separation *separation,
                                        const bsm_separate_plan *plan, const char *name,
                                        bsm_cutter **cutter, bsm_error *error);
void bsm_cutter_free(bsm_cutter *cutter);

/** As bsm_windows_next. */
BSM_NODISCARD bsm_status bsm_cutter_next(bsm_cutter *cutter, float *const **audio, size_t *count,
                                         bsm_error *error);

#endif
