/* SPDX-License-Identifier: ISC */
/* Writes a checkpoint. It copies one vector at a time out of the training. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/safetensors.h"
#include "model/weight_vector.h"
#include "run/checkpoint.h"

const bsm_checkpoint_part bsm_checkpoint_parts[BSM_NUM_TRAINING_VECTORS] = {
    {BSM_PARAMETERS, ""},
    {BSM_AVERAGES, "ema."},
    {BSM_FIRST_MOMENTS, "first_moment."},
    {BSM_SECOND_MOMENTS, "second_moment."},
    {BSM_GRADIENTS, "gradient."},
};

size_t bsm_checkpoint_num_parts(const bsm_state *state)
{
    return state->step_items > 0 ? BSM_NUM_TRAINING_VECTORS : BSM_NUM_TRAINING_VECTORS - 1;
}

static bool add_text(cJSON *metadata, const bsm_state *state, const char *settings)
{
    char summary[128];
    snprintf(summary, sizeof summary, "epoch %" PRIu64 ", step %" PRIu64, state->epoch,
             state->step);
    char *text = bsm_state_format(state);
    const bool ok = text && cJSON_AddStringToObject(metadata, "checkpoint", text) &&
                    cJSON_AddStringToObject(metadata, "settings", settings) &&
                    cJSON_AddStringToObject(metadata, "training", summary);
    cJSON_free(text);
    return ok;
}

static cJSON *make_header(const bsm_model *shapes, const bsm_state *state, const char *settings)
{
    cJSON *header, *metadata;
    size_t offset = 0;
    bool ok = bsm_header_begin(bsm_model_config(shapes), &header, &metadata) &&
              add_text(metadata, state, settings);
    for (size_t p = 0; ok && p < bsm_checkpoint_num_parts(state); p++) {
        for (size_t i = 0; ok && i < bsm_model_num_tensors(shapes); i++) {
            ok = bsm_header_add(header, bsm_checkpoint_parts[p].prefix, bsm_model_tensor(shapes, i),
                                BSM_F32, &offset);
        }
    }
    if (!ok) {
        cJSON_Delete(header);
        return NULL;
    }
    return header;
}

static bsm_status write_vector(bsm_new_file *file, const bsm_model *shapes, const float *values,
                               bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t i = 0; !status && i < bsm_model_num_tensors(shapes); i++) {
        const size_t count = bsm_model_tensor(shapes, i)->count;
        status = bsm_new_file_write(file, values, count * sizeof *values, error);
        values += bsm_vector_padded(count);
    }
    return status;
}

static bsm_status write_vectors(bsm_new_file *file, bsm_training *training, const bsm_model *shapes,
                                const bsm_state *state, bsm_error *error)
{
    float *values = malloc(bsm_training_vector_size(training) * sizeof *values);
    if (!values) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    bsm_status status = BSM_OK;
    for (size_t p = 0; !status && p < bsm_checkpoint_num_parts(state); p++) {
        status = bsm_training_read(training, bsm_checkpoint_parts[p].vector, values, error);
        if (!status) {
            status = write_vector(file, shapes, values, error);
        }
    }
    free(values);
    return status;
}

static bsm_status write_content(bsm_new_file *file, bsm_training *training, const bsm_model *shapes,
                                const bsm_state *state, const char *settings, bsm_error *error)
{
    cJSON *header = make_header(shapes, state, settings);
    if (!header) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    const bsm_status status = bsm_header_write(header, file, error);
    cJSON_Delete(header);
    return status ? status : write_vectors(file, training, shapes, state, error);
}

bsm_status bsm_checkpoint_write(const char *path, bsm_training *training, const bsm_model *shapes,
                                const bsm_state *state, const char *settings, bsm_error *error)
{
    bsm_new_file file;
    bsm_status status = bsm_new_file_begin(path, true, &file, error);
    if (status) {
        return status;
    }
    status = write_content(&file, training, shapes, state, settings, error);
    if (status) {
        bsm_new_file_abandon(&file);
        return status;
    }
    return bsm_new_file_commit(&file, true, error);
}
