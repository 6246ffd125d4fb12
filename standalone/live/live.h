/* SPDX-License-Identifier: ISC */
/** A running bsm-live: everything that its main thread owns. */
#ifndef BSM_LIVE_LIVE_H
#define BSM_LIVE_LIVE_H

#include "bsm/fit.h"
#include "events.h"
#include "exit_code.h"
#include "options.h"
#include "panel.h"
#include "pipeline.h"
#include "remote.h"
#include "stats_log.h"

typedef struct live {
    live_options options;
    char **arguments; /**< of the command line, with a NULL at the end */
    pipeline *pipeline;
    audio_backend *backend;
    events events;  /**< from the audio system's threads */
    int signals;    /**< a signalfd */
    remote *remote; /**< NULL: nobody is listened to */
    panel panel;
    stats_log stats;
    live_view view; /**< as of the last tick */
    bsm_fit fit;    /**< of what plays */
    char device[128];
    char model[PANEL_ANSWER_SIZE];   /**< the file that was typed last */
    float stats_peak[BSM_NUM_PARTS]; /**< since the last line of statistics */

    /* What has been told in plain lines. */
    uint64_t misses_told, xruns_told;
    double told_at;
    bool failure_told;

    double stats_at; /**< when the next line of statistics is due */
    bool stop;
    exit_code code;
} live;

/** Block the signals that bsm-live takes, in this thread and those that it starts. */
BSM_NODISCARD bsm_status live_block_signals(live *l, bsm_error *error);

/** From here on, a signal ends the program at once. */
void live_unblock_signals(void);

/** From the first sound to the last: keys, signals, news, panel and statistics. */
void live_run(live *l);

/** Take over what the pipeline says of itself. */
void live_refresh(live *l);

/** Print an error, and end. */
void live_fail(live *l, exit_activity activity, const bsm_error *error);

/** What is asked of a stream of this model here: measured, and chosen as far as the user has not.
 *  As bsm_fit_stream. */
BSM_NODISCARD bsm_status live_choose(const live *l, bsm_model *model, size_t rate, bsm_fit *fit,
                                     bsm_error *error);

/** Say what was chosen, or that the model is too slow, from now on in the panel, too. */
void live_tell_fit(live *l, const bsm_fit *fit);

/** A line if the audio system's periods are so long that the network can never be in time. */
void live_warn_period(live *l);

#endif
