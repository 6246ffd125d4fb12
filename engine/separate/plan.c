/* SPDX-License-Identifier: ISC */
/* Checks the options of a separation and converts them to samples and frames. */
#include "separate/plan.h"

#include <math.h>

static const double max_window = BSM_MAX_WINDOW, max_overlap = 0.9;
enum { MAX_BLOCK = BSM_MAX_BLOCK };

static bsm_status plan_bits(const bsm_separate_options *options, bsm_separate_plan *plan,
                            bsm_error *error)
{
    const int bits = options->bits;
    const bool flac = options->format == BSM_FILE_FLAC;
    switch (options->format) {
    case BSM_FILE_WAV:
    case BSM_FILE_RAW:
    case BSM_FILE_FLAC:
        plan->bits = bits ? bits : flac ? 24 : 32;
        if (plan->bits == 16 || plan->bits == 24 || (plan->bits == 32 && !flac)) {
            return BSM_OK;
        }
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s bits here, not %d",
                        flac ? "FLAC has 16 or 24" : "WAV has 16, 24 or 32", bits);
    case BSM_FILE_OGG:
    case BSM_FILE_MP3:
    case BSM_FILE_OPUS:
        plan->bits = 0;
        return bits == 0 ? BSM_OK
                         : bsm_fail(error, BSM_INVALID_ARGUMENT,
                                    "Ogg Vorbis, Opus and MP3 have no number of bits");
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "unknown file format %d", (int)options->format);
}

/* A stream of bytes has no room for a second output, and its length cannot be written into its
 * beginning afterwards. */
static bsm_status plan_stream(const bsm_separate_options *options, bsm_error *error)
{
    const bool wav = options->format == BSM_FILE_WAV, raw = options->format == BSM_FILE_RAW;
    if (options->stream > 0 &&
        ((!wav && !raw) || options->only == BSM_BOTH_PARTS || options->all_stems)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "a stream takes one part, the vocals or the instrumental, as WAV or raw");
    }
    return raw && options->stream <= 0
               ? bsm_fail(error, BSM_INVALID_ARGUMENT, "raw samples go into a stream only")
               : BSM_OK;
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

bsm_status bsm_separate_plan_make(const bsm_config *config, const bsm_model *model,
                                  const bsm_separate_options *options, bsm_separate_plan *plan,
                                  bsm_error *error)
{
    *plan = (bsm_separate_plan){.commit = options->commit, .lookahead = options->lookahead};
    bsm_status status = plan_bits(options, plan, error);
    if (!status) {
        status = plan_stream(options, error);
    }
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
    const bsm_memory_wish wish = {options->memory, options->history, options->warmup};
    return bsm_memory_plan_make(model, &wish, plan->commit, plan->lookahead, &plan->memory, error);
}

void bsm_separate_plan_network(const bsm_config *config, const bsm_separate_plan *plan,
                               bsm_network_options *network)
{
    network->max_frames = plan->commit ? plan->memory.history + plan->commit + plan->lookahead
                                       : 1 + plan->window / config->hop;
    network->streaming = plan->commit && !plan->memory.history;
    network->rolling = plan->memory.rolling;
}

bsm_status bsm_separate_network(const bsm_model *model, const bsm_separate_options *options,
                                bsm_network_options *network, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(model);
    bsm_separate_plan plan;
    bsm_status status = bsm_separate_plan_make(config, model, options, &plan, error);
    if (!status) {
        bsm_separate_plan_network(config, &plan, network);
    }
    return status;
}
