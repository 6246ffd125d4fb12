/* SPDX-License-Identifier: ISC */
/* Loads a model from a PyTorch checkpoint. */
#include <inttypes.h>
#include <stdio.h>

#include "model/model.h"
#include "model/tensor_table.h"
#include "model/torch.h"

static bool get_integer(const bsm_pickle_value *dict, const char *key, int64_t *integer)
{
    const bsm_pickle_value *found = bsm_pickle_get(dict, key);
    if (!found || found->kind != BSM_PICKLE_INT) {
        return false;
    }
    *integer = found->integer;
    return true;
}

/* Copies what a checkpoint says of its training into the model's metadata. */
static bool summarise_training(const bsm_torch_file *file, bsm_metadata *metadata)
{
    char text[128] = "";
    int64_t epoch, step;
    int used = 0;
    if (get_integer(file->top, "epoch", &epoch)) {
        used += snprintf(text, sizeof text, "epoch %" PRId64, epoch);
        if (get_integer(file->top, "global_step", &step)) {
            used += snprintf(text + used, sizeof text - (size_t)used, ", step %" PRId64, step);
        }
    }
    if (file->average) {
        snprintf(text + used, sizeof text - (size_t)used, "%saveraged weights", used ? ", " : "");
    }
    return !*text || bsm_metadata_set(metadata, "training", text);
}

static bsm_status make_model(const bsm_torch_file *file, bsm_model **result, bsm_error *error)
{
    if (!bsm_table_find(&file->table, "final_norm.gamma")) {
        return bsm_torch_fail_unknown(file, "final_norm.gamma: missing from all that it holds",
                                      error);
    }
    bsm_metadata metadata = {0};
    bsm_model *model = NULL;
    bsm_status status;
    if (summarise_training(file, &metadata)) {
        status = bsm_model_fit(file->path, "pytorch", &file->table, &metadata, &model, error);
    } else {
        status = bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
    }
    bsm_metadata_free(&metadata);
    if (!status) {
        status =
            bsm_torch_read_tensors(file, model->tensors, model->num_tensors, &model->memory, error);
    }
    if (status) {
        bsm_model_free(model);
        return status;
    }
    *result = model;
    return BSM_OK;
}

bsm_status bsm_load_torch(const char *path, int fd, const struct stat *info, bool ema,
                          bsm_model **model, bsm_error *error)
{
    bsm_torch_file file;
    bsm_status status = bsm_torch_open(path, fd, (size_t)info->st_size, ema, &file, error);
    if (status) {
        return status;
    }
    status = make_model(&file, model, error);
    bsm_torch_close(&file);
    return status;
}
