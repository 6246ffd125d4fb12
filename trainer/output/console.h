/* SPDX-License-Identifier: ISC */
/** What a training tells the person who started it, on standard error: a bar that moves on a
 *  terminal, now and then a line elsewhere. Any thread. */
#ifndef BSM_TRAINER_CONSOLE_H
#define BSM_TRAINER_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bsm/training.h"

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

#endif
