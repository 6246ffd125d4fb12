/* SPDX-License-Identifier: ISC */
/** What a training tells: lines for the person who started it, log.jsonl and TensorBoard files. */
#ifndef BSM_TRAINER_OUTPUT_OUTPUT_H
#define BSM_TRAINER_OUTPUT_OUTPUT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"
#include "bsm/training.h"

/* What a training tells the person who started it, on standard error: a bar that moves on a
 *  terminal, now and then a line elsewhere. Any thread. */

typedef struct bsm_console {
    bool quiet;    /**< only errors */
    bool terminal; /**< standard error is one */
    bool drawn;    /**< a bar is on its last line */
    int tenths;    /**< of the epoch, that were told without a terminal */
} bsm_console;

/** How an epoch goes. */
typedef struct bsm_pace {
    uint64_t epoch, num_epochs; /**< this one's number, from 1 */
    uint64_t step, num_steps;   /**< steps finished of the epoch */
    bsm_loss loss;              /**< mean over them */
    size_t num_windows;
    double norm;
    double steps_per_second; /**< 0: not known yet */
    double audio_per_second; /**< seconds of audio that went through, per second */
    double waiting;          /**< part of the time that was spent waiting for data, 0 to 1 */
} bsm_pace;

/** One line, with everything in it made fit for a terminal. */
void bsm_console_say(bsm_console *console, const char *format, ...) BSM_PRINTF(2, 3);

/** As bsm_console_say, even when quiet: what is wrong. */
void bsm_console_warn(bsm_console *console, const char *format, ...) BSM_PRINTF(2, 3);

/** A line that the next one takes the place of; only on a terminal. */
void bsm_console_show(bsm_console *console, const char *format, ...) BSM_PRINTF(2, 3);

/** Move the bar. */
void bsm_console_pace(bsm_console *console, const bsm_pace *pace);

/** Take the bar away, so that other text can follow. */
void bsm_console_clear(bsm_console *console);

/** "loss 0.512 (time 0.0123, stft 0.389), norm 1.2, 0.21 steps/s, 10 s of audio per s, 1 % waiting
 *  for data". */
void bsm_pace_format(const bsm_pace *pace, char *text, size_t size);

/* ---- log.jsonl: what a training did, one JSON object per line, each with its "step" ---- */

typedef struct bsm_log bsm_log;

/** Go on with the log of `folder`, or begin one. Lines about steps after `step` are taken away:
 *  they will be done again. What writing a file reports. */
BSM_NODISCARD bsm_status bsm_log_open(const char *folder, uint64_t step, bsm_log **log,
                                      bsm_error *error);
bsm_status bsm_log_close(bsm_log *log, bsm_error *error);

/** Write a line and free `object`, which may be NULL (out of memory). */
BSM_NODISCARD bsm_status bsm_log_write(bsm_log *log, cJSON *object, bsm_error *error);

/* TensorBoard event files: figures over steps.
 *
 *  A file is a row of records: the length (8 bytes, little-endian), its checksum, a protocol buffer
 *  (an Event of
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto), its
 * checksum. The checksums are CRC-32C, rotated and shifted
 *  (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h).
 */

typedef struct bsm_tensorboard bsm_tensorboard;

/** A new file in `folder`. What older files say of steps from `step` on no longer counts. */
BSM_NODISCARD bsm_status bsm_tensorboard_open(const char *folder, uint64_t step,
                                              bsm_tensorboard **board, bsm_error *error);
bsm_status bsm_tensorboard_close(bsm_tensorboard *board, bsm_error *error);

/** Add a figure to those of a step. Not finite ones are left out. */
void bsm_tensorboard_add(bsm_tensorboard *board, const char *tag, double value);

/** Write the figures that were added, as those of `step`. BSM_NO_SPACE, BSM_IO. */
BSM_NODISCARD bsm_status bsm_tensorboard_write(bsm_tensorboard *board, uint64_t step,
                                               bsm_error *error);

/** Castagnoli's CRC, and what the format makes of it. */
uint32_t bsm_crc32c(const void *data, size_t size);
uint32_t bsm_crc32c_masked(const void *data, size_t size);

#endif
