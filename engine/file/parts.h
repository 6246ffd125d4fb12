/* SPDX-License-Identifier: ISC */
/** An audio file as a network needs it, and the files that a separation writes from it. */
#ifndef BSM_FILE_PARTS_H
#define BSM_FILE_PARTS_H

#include <stddef.h>

#include "bsm/status.h"
#include "file/audio_reader.h"
#include "file/output_files.h"
#include "separate/plan.h"
#include "separate/separation.h"
#include "signal/signal.h"

/* An audio file as a network needs it, with the model's rate and at least its channels, and the
 * original samples beside it. */

typedef struct bsm_source bsm_source;

/** Open `path`, to be read at `rate` with at least `channels` channels: a mono file's channel is
 *  repeated as often as needed. Errors as for bsm_audio_reader_open. */
BSM_NODISCARD bsm_status bsm_source_open(const char *path, size_t rate, size_t channels,
                                         bsm_source **source, bsm_error *error);
void bsm_source_free(bsm_source *source);

const bsm_audio_info *bsm_source_info(const bsm_source *source);

/** The file's tags, known before the signal is read. */
void bsm_source_tags(bsm_source *source, bsm_audio_tags *tags);

/** The number of channels of the signal: that of the file or the requested one, whichever is
 *  larger. */
size_t bsm_source_channels(const bsm_source *source);

/** The converted signal. */
bsm_signal bsm_source_signal(bsm_source *source);

/** From now on, reading the signal also puts the original samples here, at the file's rate and
 *  with its channels. */
bsm_sample_queue *bsm_source_original(bsm_source *source);

/* ---- Samples that wait in a nameless file until all are known ---- */

typedef struct bsm_sample_spool bsm_sample_spool;

/** Make a spool for blocks of up to `most` samples in `planes` planes, in the folder of `beside`,
 *  whose disk must have room for them. Messages name `beside`. BSM_NO_MEMORY, BSM_NO_PERMISSION,
 *  BSM_NOT_FOUND, BSM_IO. */
BSM_NODISCARD bsm_status bsm_sample_spool_new(const char *beside, size_t planes, size_t most,
                                              bsm_sample_spool **spool, bsm_error *error);
void bsm_sample_spool_free(bsm_sample_spool *spool);

/** Append a block. BSM_NO_SPACE, BSM_IO. */
BSM_NODISCARD bsm_status bsm_sample_spool_add(bsm_sample_spool *spool, float *const *audio,
                                              size_t count, bsm_error *error);

/** Begin to read what was added. */
BSM_NODISCARD bsm_status bsm_sample_spool_rewind(bsm_sample_spool *spool, bsm_error *error);

/** Read the next block as it was added; 0 at the end. */
BSM_NODISCARD bsm_status bsm_sample_spool_take(bsm_sample_spool *spool, float *const *audio,
                                               size_t *count, bsm_error *error);

/* From the separated signal, which has the model's rate and channels, to the files, which have the
 * input's: vocals, the input without them, and the other stems. */

typedef struct bsm_parts bsm_parts;

/** Begin the files that `options` ask for. The source must outlive the parts.
 *  @param vocals the index of the vocals' stem
 *  @param output_failed set to true by any function here when a file could not be written */
BSM_NODISCARD bsm_status bsm_parts_new(const bsm_separation *separation, bsm_source *source,
                                       const char *path, const bsm_separate_options *options,
                                       const bsm_separate_plan *plan, size_t vocals,
                                       bool *output_failed, bsm_parts **parts, bsm_error *error);

/** Free; files that were not published are removed. */
void bsm_parts_free(bsm_parts *parts);

/** The queue for original samples; they must be there before their parts are added. */
bsm_sample_queue *bsm_parts_input(bsm_parts *parts);

/** Add the next separated samples: bsm_separation_planes planes. Any thread, one at a time. */
BSM_NODISCARD bsm_status bsm_parts_add(bsm_parts *parts, float *const *audio, size_t count,
                                       bsm_error *error);

/** The separated signal has ended: write the rest of the input, and publish the files. */
BSM_NODISCARD bsm_status bsm_parts_finish(bsm_parts *parts, bsm_error *error);

/** How many files there are. */
size_t bsm_parts_count(const bsm_parts *parts);

/** Samples per channel written so far. */
uint64_t bsm_parts_written(const bsm_parts *parts);

/** Report the names of the files, for which there is room, and how many samples were clipped. */
void bsm_parts_report(const bsm_parts *parts, bsm_separate_result *result);

#endif
