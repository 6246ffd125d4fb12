/* SPDX-License-Identifier: ISC */
/** The output of a training: lines for the person who started it, log.jsonl and TensorBoard
 *  files. */
#ifndef BSM_TRAINER_OUTPUT_OUTPUT_H
#define BSM_TRAINER_OUTPUT_OUTPUT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/status.h"
#include "bsm/training.h"

/* Progress on standard error: a moving bar on a terminal, otherwise a line now and then. Any
 * thread. */

typedef struct bsm_console {
    bool quiet;    /**< show errors only */
    bool terminal; /**< standard error is a terminal */
    bool drawn;    /**< a bar is on the terminal's last line */
    int tenths;    /**< tenths of the epoch that were reported without a terminal */
} bsm_console;

/** The progress of an epoch. */
typedef struct bsm_pace {
    uint64_t epoch, num_epochs; /**< this epoch's number, from 1 */
    uint64_t step, num_steps;   /**< finished steps of the epoch */
    bsm_loss loss;              /**< the mean over them */
    size_t num_windows;
    double norm;
    double steps_per_second; /**< 0: not known yet */
    double audio_per_second; /**< seconds of audio processed per second */
    double waiting;          /**< the part of the time that was spent waiting for data, 0 to 1 */
} bsm_pace;

/** Write one line, made safe for a terminal. */
void bsm_console_say(bsm_console *console, const char *format, ...) BSM_PRINTF(2, 3);

/** Like bsm_console_say, even if quiet: for errors. */
void bsm_console_warn(bsm_console *console, const char *format, ...) BSM_PRINTF(2, 3);

/** Show a line that the next one replaces; only on a terminal. */
void bsm_console_show(bsm_console *console, const char *format, ...) BSM_PRINTF(2, 3);

/** Move the bar. */
void bsm_console_pace(bsm_console *console, const bsm_pace *pace);

/** Remove the bar, so that other text can follow. */
void bsm_console_clear(bsm_console *console);

/** Write "loss 0.512 (time 0.0123, stft 0.389), norm 1.2, 0.21 steps/s, 10 s of audio per s, 1 %
 *  waiting for data". */
void bsm_pace_format(const bsm_pace *pace, char *text, size_t size);

/* ---- log.jsonl: what a training did, one JSON object per line, each with its "step" ---- */

typedef struct bsm_log bsm_log;

/** Continue the log of `folder`, or begin one. Lines about steps after `step` are removed, since
 *  those steps will be done again. Returns the errors of writing a file. */
BSM_NODISCARD bsm_status bsm_log_open(const char *folder, uint64_t step, bsm_log **log,
                                      bsm_error *error);
bsm_status bsm_log_close(bsm_log *log, bsm_error *error);

/** Write a line and free `object`, which may be NULL (out of memory). */
BSM_NODISCARD bsm_status bsm_log_write(bsm_log *log, cJSON *object, bsm_error *error);

/* TensorBoard event files: figures over steps.
 *
 * A file is a sequence of records: the length (8 bytes, little-endian), its checksum, a protocol
 * buffer (an Event of
 * https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/util/event.proto), and its
 * checksum. The checksums are CRC-32C, rotated and shifted
 * (https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/lib/io/record_writer.h). */

typedef struct bsm_tensorboard bsm_tensorboard;

/** Begin a new file in `folder`. What older files say of steps from `step` on no longer counts. */
BSM_NODISCARD bsm_status bsm_tensorboard_open(const char *folder, uint64_t step,
                                              bsm_tensorboard **board, bsm_error *error);
bsm_status bsm_tensorboard_close(bsm_tensorboard *board, bsm_error *error);

/** Add a figure to the current step. Figures that are not finite are left out. */
void bsm_tensorboard_add(bsm_tensorboard *board, const char *tag, double value);

/** Write the figures that were added, as those of `step`. BSM_NO_SPACE, BSM_IO. */
BSM_NODISCARD bsm_status bsm_tensorboard_write(bsm_tensorboard *board, uint64_t step,
                                               bsm_error *error);

/** Castagnoli's CRC, and the format's masked form of it. */
uint32_t bsm_crc32c(const void *data, size_t size);
uint32_t bsm_crc32c_masked(const void *data, size_t size);

#endif
