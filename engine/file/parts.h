/* SPDX-License-Identifier: ISC */
/** From the separated signal, at the model's rate and in its channels, to the files: vocals, what
 *  the input leaves without them, and the other stems, at the input's rate and in its channels. */
#ifndef BSM_FILE_PARTS_H
#define BSM_FILE_PARTS_H

#include "file/output_files.h"
#include "file/source.h"
#include "separate/plan.h"
#include "separate/separation.h"

typedef struct bsm_parts bsm_parts;

/** Begin the files that `options` ask for. The source has to outlive the parts.
 *  @param vocals the number of the vocals' stem
 *  @param output_failed set to true by any function here when a file could not be written */
BSM_NODISCARD bsm_status bsm_parts_new(const bsm_separation *separation, bsm_source *source,
                                       const char *path, const bsm_separate_options *options,
                                       const bsm_separate_plan *plan, size_t vocals,
                                       bool *output_failed, bsm_parts **parts, bsm_error *error);

/** Free; files that were not published are removed. */
void bsm_parts_free(bsm_parts *parts);

/** Where the original samples belong, before their parts are added. */
bsm_sample_queue *bsm_parts_input(bsm_parts *parts);

/** Add the next separated samples: bsm_separation_planes planes. Any thread, one at a time. */
BSM_NODISCARD bsm_status bsm_parts_add(bsm_parts *parts, float *const *audio, size_t count,
                                       bsm_error *error);

/** The separated signal has ended: write what is left of the input, and publish the files. */
BSM_NODISCARD bsm_status bsm_parts_finish(bsm_parts *parts, bsm_error *error);

/** Samples per channel written so far. */
uint64_t bsm_parts_written(const bsm_parts *parts);

/** The names of the files, and how many samples were clipped. */
void bsm_parts_report(const bsm_parts *parts, bsm_separate_result *result);

#endif
