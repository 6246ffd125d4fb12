/* SPDX-License-Identifier: ISC */
/* The options of a separation, checked and in samples and frames. */
#include "file/separate_plan.h"

#include <math.h>

static const double max_window = BSM_MAX_WINDOW, max_overlap = 0.9;
enum { MAX_BLOCK = BSM_MAX_BLOCK };

static bsm_status plan_bits(const bsm_separate_options *options, bsm_separate_plan *plan,
                            bsm_error *error)
{
    const int bits = options->bits;
    switch (options->format) {
    case BSM_FILE_WAV:
        plan->bits = bits ? bits : 32;
        if (plan->bits == 16 || plan->bits == 24 || plan->bits == 32) {
            return BSM_OK;
        }
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "WAV has 16, 24 or 32 bits here, not %d",
                        bits);
    case BSM_FILE_FLAC:
        plan->bits = bits ? bits : 24;
        if (plan->bits == 16 || plan->bits == 24) {
            return BSM_OK;
        }
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "FLAC has 16 or 24 bits here, not %d", bits);
    case BSM_FILE_OGG:
        plan->bits = 0;
        if (bits == 0) {
            return BSM_OK;
        }
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "Ogg Vorbis has no number of bits");
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "unknown file format %d", (int)options->format);
}

static bsm_status plan_windows(const bsm_config *config, const bsm_separate_options *options,
                               bsm_separate_plan *plan, bsm_error *error)
{
    const double seconds = options->window == 0 ? config->segment : options->window;
    const double shortest = (double)config->n_fft / (double)config->sample_rate;
    if (!(seconds >= shortest && seconds <= max_window)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "the window is %g s, not %.3g to %g", seconds,
                        shortest, max_window);
    }
    const double overlap = options->overlap < 0 ? 0.5 : options->overlap;
    if (!(overlap <= max_overlap)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "the overlap is %g, not 0 to %g", overlap,
                        max_overlap);
    }
    plan->window = (size_t)llround(seconds * (double)config->sample_rate);
    plan->step = plan->window - (size_t)llround(overlap * (double)plan->window);
    return BSM_OK;
}

bsm_status bsm_separate_plan_make(const bsm_config *config, const bsm_separate_options *options,
                                  bsm_separate_plan *plan, bsm_error *error)
{
    *plan = (bsm_separate_plan){.commit = options->commit, .lookahead = options->lookahead};
    bsm_status status = plan_bits(options, plan, error);
    if (status) {
        return status;
    }
    if (options->commit == 0 && options->lookahead == 0) {
        return plan_windows(config, options, plan, error);
    }
    if (options->commit < 1 || options->commit > MAX_BLOCK || options->lookahead > MAX_BLOCK) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "a stream commits %zu frames and looks %zu ahead, not 1 to %d and 0 to %d",
                        options->commit, options->lookahead, MAX_BLOCK, MAX_BLOCK);
    }
    return BSM_OK;
}

size_t bsm_separate_plan_frames(const bsm_config *config, const bsm_separate_plan *plan)
{
    return plan->commit ? plan->history + plan->commit + plan->lookahead
                        : 1 + plan->window / config->hop;
}

size_t bsm_separate_max_frames(const bsm_config *config, const bsm_separate_options *options)
{
    bsm_separate_plan plan;
    if (bsm_separate_plan_make(config, options, &plan, NULL)) {
        return 0;
    }
    return bsm_separate_plan_frames(config, &plan);
}
