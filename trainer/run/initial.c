/* SPDX-License-Identifier: ISC */
/* Finds the initial state of a training. */
#include "run/checkpoint.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/weight_vector.h"

/* ---- A model ---- */

/* Reports such as "model.hidden_dim is 16, not 256". */
static void describe_shapes(const bsm_config *found, const bsm_config *needed, char *text,
                            size_t size)
{
    static const struct {
        const char *key;
        size_t offset;
    } members[] = {
        {"model.hidden_dim", offsetof(bsm_config, dim)},
        {"model.num_layers", offsetof(bsm_config, depth)},
        {"model.num_subbands", offsetof(bsm_config, num_bands)},
        {"model.d_state", offsetof(bsm_config, d_state)},
        {"model.d_conv", offsetof(bsm_config, d_conv)},
        {"model.expand", offsetof(bsm_config, expand)},
        {"model.headdim", offsetof(bsm_config, headdim)},
        {"model.mask_expansion", offsetof(bsm_config, mask_expansion)},
        {"audio.sample_rate", offsetof(bsm_config, sample_rate)},
        {"audio.n_fft", offsetof(bsm_config, n_fft)},
        {"audio.hop_length", offsetof(bsm_config, hop)},
        {"the number of channels", offsetof(bsm_config, channels)},
        {"the number of stems", offsetof(bsm_config, num_stems)},
    };
    snprintf(text, size, "model.bands are others");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        size_t a, b;
        memcpy(&a, (const char *)found + members[i].offset, sizeof a);
        memcpy(&b, (const char *)needed + members[i].offset, sizeof b);
        if (a != b) {
            snprintf(text, size, "%s is %zu, not %zu", members[i].key, a, b);
            return;
        }
    }
}

static bsm_status check_shapes(const char *path, const bsm_config *found, const bsm_config *needed,
                               bsm_error *error)
{
    if (bsm_config_same_shapes(found, needed)) {
        return BSM_OK;
    }
    char text[128];
    describe_shapes(found, needed, text, sizeof text);
    return bsm_fail(error, BSM_BAD_MODEL, "%s: its network is another: %s", path, text);
}

/* The copy gets the names of stems and the segment from the settings. */
static bsm_status copy_model(const bsm_model *from, const bsm_config *config, bsm_model **model,
                             bsm_error *error)
{
    float *vector;
    bsm_status status = check_shapes(bsm_model_path(from), bsm_model_config(from), config, error);
    if (!status) {
        status =
            bsm_vector_model_new(config, bsm_model_path(from), "training", model, &vector, error);
    }
    if (!status) {
        bsm_vector_read(from, vector);
    }
    return status;
}

bsm_status bsm_initial_model(const bsm_trainer_settings *settings, const bsm_config *config,
                             bsm_model **model, bsm_error *error)
{
    const char *path = settings->training.init_from;
    if (!path || !*path) {
        return bsm_model_new_initialised(config, settings->training.seed, model, error);
    }
    bsm_model *file = NULL;
    bsm_status status = bsm_model_open(path, NULL, &file, error);
    if (!status) {
        status = copy_model(file, config, model, error);
    }
    bsm_model_free(file);
    return status;
}

/* ---- A checkpoint ---- */

typedef struct resumption {
    bsm_run *run;
    char other_task[256]; /**< a change that makes it a different training; "" */
} resumption;

/* With other targets or sources the task is another one, and its uSDR cannot be compared. */
static void tell_difference(void *user, const char *key, const char *difference)
{
    resumption *r = user;
    if (strcmp(key, "data.target") == 0 || strcmp(key, "data.sources") == 0) {
        snprintf(r->other_task, sizeof r->other_task, "%.250s", difference);
    } else if (r->run->collective->rank == 0 && strcmp(key, "training.resume_from") != 0) {
        bsm_console_say(&r->run->console, "changed since the checkpoint: %s", difference);
    }
}

static bsm_status check_checkpoint(bsm_run *run, const char *path, const bsm_checkpoint *checkpoint,
                                   bsm_error *error)
{
    bsm_status status = check_shapes(path, bsm_checkpoint_config(checkpoint), &run->config, error);
    if (status) {
        return status;
    }
    const bsm_state *state = bsm_checkpoint_state(checkpoint);
    bsm_console_say(&run->console, "resuming from %s: epoch %" PRIu64 ", step %" PRIu64, path,
                    state->epoch + 1, state->step);
    resumption r = {.run = run};
    status = bsm_settings_compare(bsm_checkpoint_settings(checkpoint), run->text, tell_difference,
                                  &r, error);
    if (!status && *r.other_task) {
        status = bsm_fail(error, BSM_INVALID_ARGUMENT,
                          "%s: is of another training (%s): go on with what it had, or begin in "
                          "another training.output_dir, with its weights as training.init_from",
                          path, r.other_task);
    }
    return status;
}

static bsm_status open_path(bsm_run *run, const char *path, bsm_checkpoint **checkpoint,
                            bsm_error *error)
{
    bsm_status status = bsm_checkpoint_open(path, checkpoint, error);
    return status ? status : check_checkpoint(run, path, *checkpoint, error);
}

bsm_status bsm_resume_open(bsm_run *run, bsm_checkpoint **checkpoint, bsm_error *error)
{
    const bsm_training_settings *training = &run->settings->training;
    const char *from = training->resume_from;
    if (!from || !*from) {
        return BSM_OK;
    }
    if (strcmp(from, "latest") != 0) {
        return open_path(run, from, checkpoint, error);
    }
    char *latest = NULL;
    uint64_t step;
    bsm_status status = bsm_checkpoint_latest(training->output_dir, &latest, &step, error);
    if (!status && !latest) {
        bsm_console_say(&run->console, "%s: no checkpoint to resume from: training begins anew",
                        training->output_dir);
    } else if (!status) {
        status = open_path(run, latest, checkpoint, error);
    }
    free(latest);
    return status;
}

static void find_step_key(void *user, const char *key, const char *difference)
{
    bool *changed = user;
    (void)difference;
    *changed = *changed || strcmp(key, "training.batch_size") == 0 ||
               strcmp(key, "training.gradient_accumulation_steps") == 0;
}

bool bsm_resume_changes_steps(const bsm_checkpoint *checkpoint, const char *settings)
{
    bool changed = false;
    return bsm_settings_compare(bsm_checkpoint_settings(checkpoint), settings, find_step_key,
                                &changed, NULL) ||
           changed;
}
