/* SPDX-License-Identifier: ISC */
/* Reads a checkpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "model/tensor_table.h"
#include "model/weight_vector.h"
#include "run/checkpoint.h"

struct bsm_checkpoint {
    char *path;
    bsm_mapped_file file;
    bsm_safetensors content;
    bsm_config config;
    bsm_state state;
    const char *settings;
};

static bsm_status map_file(bsm_checkpoint *c, bsm_error *error)
{
    int fd = -1;
    struct stat info;
    bsm_status status = bsm_open_regular(c->path, BSM_BAD_MODEL, &fd, &info, error);
    if (status) {
        return status;
    }
    status = bsm_mapped_file_map(c->path, fd, &info, &c->file, error);
    close(fd);
    return status;
}

/* The user may have named a model by mistake, so say which key takes one. */
static bsm_status read_state(bsm_checkpoint *c, bsm_error *error)
{
    const char *text = bsm_metadata_get(&c->content.metadata, "checkpoint");
    c->settings = bsm_metadata_get(&c->content.metadata, "settings");
    if (!text || !c->settings) {
        return bsm_fail(error, BSM_BAD_MODEL,
                        "%s: not a checkpoint of bsm-trainer (a model is for init_from)", c->path);
    }
    bsm_status status = bsm_state_parse(text, &c->state);
    if (status) {
        return bsm_fail(error, status,
                        status == BSM_NO_MEMORY ? "%s: out of memory"
                                                : "%s: what it says of its training makes no sense",
                        c->path);
    }
    status = bsm_config_from_metadata(c->path, &c->content.metadata, &c->config, error);
    return status ? status : bsm_config_infer(c->path, &c->content.table, &c->config, error);
}

bsm_status bsm_checkpoint_open(const char *path, bsm_checkpoint **checkpoint, bsm_error *error)
{
    bsm_checkpoint *c = calloc(1, sizeof *c);
    if (c) {
        c->path = strdup(path);
    }
    if (!c || !c->path) {
        free(c);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    bsm_status status = map_file(c, error);
    if (!status) {
        status = bsm_safetensors_parse(c->path, c->file.data, c->file.size, &c->content, error);
    }
    if (!status) {
        status = read_state(c, error);
    }
    if (status) {
        bsm_checkpoint_close(c);
        return status;
    }
    *checkpoint = c;
    return BSM_OK;
}

void bsm_checkpoint_close(bsm_checkpoint *checkpoint)
{
    if (checkpoint) {
        bsm_safetensors_free(&checkpoint->content);
        bsm_mapped_file_unmap(&checkpoint->file);
        free(checkpoint->path);
        free(checkpoint);
    }
}

const bsm_state *bsm_checkpoint_state(const bsm_checkpoint *checkpoint)
{
    return &checkpoint->state;
}

const bsm_config *bsm_checkpoint_config(const bsm_checkpoint *checkpoint)
{
    return &checkpoint->config;
}

const char *bsm_checkpoint_settings(const bsm_checkpoint *checkpoint)
{
    return checkpoint->settings;
}

static bsm_status read_tensor(const bsm_checkpoint *c, const char *prefix, const bsm_tensor *shape,
                              float *values, bsm_error *error)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, shape->name);
    const bsm_table_entry *entry = bsm_table_find(&c->content.table, name);
    if (!entry || !entry->is_float || entry->tensor.dtype != BSM_F32 ||
        entry->tensor.count != shape->count) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: missing, or of another type or size",
                        c->path, name);
    }
    memcpy(values, entry->tensor.data, shape->count * sizeof *values); /* aligned or not */
    return BSM_OK;
}

static bsm_status restore_vector(const bsm_checkpoint *c, const bsm_checkpoint_part *part,
                                 bsm_training *training, const bsm_model *shapes, float *values,
                                 bsm_error *error)
{
    bsm_status status = BSM_OK;
    float *next = values;
    for (size_t i = 0; !status && i < bsm_model_num_tensors(shapes); i++) {
        const bsm_tensor *shape = bsm_model_tensor(shapes, i);
        status = read_tensor(c, part->prefix, shape, next, error);
        next += bsm_vector_padded(shape->count);
    }
    return status ? status : bsm_training_write(training, part->vector, values, error);
}

bsm_status bsm_checkpoint_restore(const bsm_checkpoint *c, bsm_training *training,
                                  const bsm_model *shapes, bsm_error *error)
{
    float *values = calloc(bsm_training_vector_size(training), sizeof *values); /* padding: 0 */
    if (!values) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", c->path);
    }
    bsm_status status = BSM_OK;
    for (size_t p = 0; !status && p < bsm_checkpoint_num_parts(&c->state); p++) {
        status = restore_vector(c, &bsm_checkpoint_parts[p], training, shapes, values, error);
    }
    free(values);
    return status;
}
