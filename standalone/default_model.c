/* SPDX-License-Identifier: ISC */
/* The model that a program uses. */
#include "default_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bsm_status open_untrained(bsm_model **model, bsm_error *error)
{
    bsm_config config;
    bsm_status status = bsm_config_preset("tiny", &config, error);
    return status ? status : bsm_model_new_untrained(&config, model, error);
}

/* A file of that name comes before a model of that name. */
static bsm_status resolve(const char *name, char path[MODEL_PATH], bsm_error *error)
{
    if (strchr(name, '/') || access(name, F_OK) == 0 || model_folders_name_length(name)) {
        if (access(name, F_OK) == 0 || !model_folders_look_up(name, path)) {
            snprintf(path, MODEL_PATH, "%s", name);
        }
        return BSM_OK;
    }
    return model_folders_look_up(name, path)
               ? BSM_OK
               : bsm_fail(
                     error, BSM_NOT_FOUND,
                     "%s: cannot open: No such file, nor a model of this name (bsm-model list)",
                     name);
}

bsm_status default_model_path(const char *name, char path[MODEL_PATH], bsm_error *error)
{
    const char *named = getenv("BSM_MODEL");
    path[0] = '\0';
    if (name && !*name) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--model: the file's name is empty");
    }
    if (name || (named && *named)) {
        return resolve(name ? name : named, path, error);
    }
    if (!model_folders_look_up("default", path)) {
        path[0] = '\0';
    }
    return BSM_OK;
}

bsm_status default_model_open(const char *name, bsm_model **model, bool *untrained,
                              bsm_error *error)
{
    char path[MODEL_PATH];
    bsm_status status = default_model_path(name, path, error);
    *untrained = !status && !*path;
    if (status) {
        return status;
    }
    return *untrained ? open_untrained(model, error) : bsm_model_open(path, NULL, model, error);
}
