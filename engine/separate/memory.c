/* SPDX-License-Identifier: ISC */
/* Decides what a stream remembers. */
#include "separate/plan.h"

#include <math.h>
#include <string.h>

enum { MAX_FRAMES = 6000 };

/* With a segment of 8 s this warm-up takes a third more work than a single state; tools/memory.py
 * measures what shorter and longer ones are worth. */
static const double DEFAULT_WARMUP = 2, MOST_WARMUP = 60; /* seconds */
static const double DEFAULT_PART = 0.25;                  /* the largest part of a segment */

static const char *const names[] = {[BSM_MEMORY_MODEL] = "model",
                                    [BSM_MEMORY_CARRY] = "carry",
                                    [BSM_MEMORY_ROLLING] = "rolling",
                                    [BSM_MEMORY_BOUNDED] = "bounded"};

const char *bsm_memory_name(bsm_memory memory)
{
    return names[memory];
}

/* The memory that the model's file asks for, or rolling memory if it asks for none. */
static bsm_status memory_of_model(const bsm_model *model, bsm_memory *memory, bsm_error *error)
{
    const char *said = bsm_model_metadata(model, "memory");
    *memory = BSM_MEMORY_ROLLING;
    for (bsm_memory m = BSM_MEMORY_CARRY; said && m <= BSM_MEMORY_BOUNDED; m++) {
        if (!strcmp(said, names[m])) {
            *memory = m;
            return BSM_OK;
        }
    }
    return said ? bsm_fail(error, BSM_BAD_MODEL,
                           "%s: memory '%s': expected carry, rolling or bounded",
                           bsm_model_path(model), said)
                : BSM_OK;
}

static size_t to_frames(const bsm_config *config, double seconds)
{
    const double frames = seconds * (double)config->sample_rate / (double)config->hop;
    return frames > MAX_FRAMES ? MAX_FRAMES : (size_t)frames;
}

static bsm_rolling rolling_of(const bsm_config *config, double warmup)
{
    const double most = DEFAULT_PART * config->segment;
    const double chosen = DEFAULT_WARMUP < most ? DEFAULT_WARMUP : most;
    const size_t frames = to_frames(config, warmup > 0 ? warmup : chosen);
    return (bsm_rolling){.segment = to_frames(config, config->segment),
                         .warmup = frames > 0 ? frames : 1};
}

/* At any time there are at most two states. */
static bool has_room(const bsm_rolling *rolling, size_t commit, size_t lookahead)
{
    const size_t room = rolling->segment > lookahead ? rolling->segment - lookahead : 0;
    const size_t warm = (rolling->warmup + commit - 1) / commit;
    return 2 * warm <= room / commit;
}

/* The whole window of a block is as long as the model's segment. */
static size_t rest_of_segment(const bsm_config *config, size_t block)
{
    const size_t segment = to_frames(config, config->segment);
    return segment > block ? segment - block : 1;
}

/* Plan rolling memory. If the blocks are so long that a segment has no room for two states,
 * bounded memory is used, which is cheap with such blocks, unless the caller asked for a warm-up
 * that is too long. */
static bsm_status roll(const bsm_model *model, const bsm_memory_wish *wish, size_t commit,
                       size_t lookahead, bsm_memory_plan *plan, bsm_error *error)
{
    const bsm_config *config = bsm_model_config(model);
    const bsm_rolling rolling = rolling_of(config, wish->warmup);
    if (has_room(&rolling, commit, lookahead)) {
        plan->rolling = rolling;
    } else if (wish->memory == BSM_MEMORY_ROLLING || wish->warmup > 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "rolling memory: blocks of %zu frames and %zu ahead leave no room for two "
                        "warm-ups of %zu in the model's segment of %zu: shorter ones or bounded "
                        "memory will do",
                        commit, lookahead, rolling.warmup, rolling.segment);
    } else {
        plan->history = rest_of_segment(config, commit + lookahead);
    }
    return BSM_OK;
}

bsm_status bsm_memory_plan_make(const bsm_model *model, const bsm_memory_wish *wish, size_t commit,
                                size_t lookahead, bsm_memory_plan *plan, bsm_error *error)
{
    bsm_memory memory = wish->memory;
    bsm_status status = BSM_OK;
    *plan = (bsm_memory_plan){0};
    if (!(wish->warmup >= 0 && wish->warmup <= MOST_WARMUP)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "a warm-up of %g s: expected 0 to %g",
                        wish->warmup, MOST_WARMUP);
    }
    if (!model) {
        return BSM_OK;
    }
    if (memory == BSM_MEMORY_MODEL) {
        status = memory_of_model(model, &memory, error);
    }
    if (!status && memory == BSM_MEMORY_ROLLING) {
        status = roll(model, wish, commit, lookahead, plan, error);
    } else if (!status && memory == BSM_MEMORY_BOUNDED) {
        const bool given = wish->memory == BSM_MEMORY_BOUNDED && wish->history > 0;
        plan->history =
            given ? wish->history : rest_of_segment(bsm_model_config(model), commit + lookahead);
    }
    return status;
}
