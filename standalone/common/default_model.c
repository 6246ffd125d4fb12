/* SPDX-License-Identifier: ISC */
/* Finds the model that a program uses. */
#include "default_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An untrained model is only for trying programs out, and is made only when it is asked for: its
 * output is not separated. */
static const char untrained[] = "untrained:";

static bsm_status open_untrained(const char *preset, bsm_model **model, bsm_error *error)
{
    bsm_config config;
    bsm_error cause;
    if (bsm_config_preset(preset, &config, &cause)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s%s: %.300s", untrained, preset,
                        cause.message);
    }
    return bsm_model_new_untrained(&config, model, error);
}

static bsm_status fail_without(bsm_error *error)
{
    return bsm_fail(
        error, BSM_NOT_FOUND,
        "there is no trained model: --model or $BSM_MODEL names one, and the README "
        "(Models) says where to get them, as bs_mamba2_vocals.ckpt from release v1.0.19 "
        "of github.com/ZFTurbo/Music-Source-Separation-Training; --model untrained:tiny "
        "only tries the program out");
}

/* Return the name that the user gave, or NULL. */
static const char *named_model(const char *name)
{
    const char *variable = getenv("BSM_MODEL");
    return name ? name : variable && *variable ? variable : NULL;
}

/* A file of this name takes precedence over a model of this name. */
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
    const char *named = named_model(name);
    if (name && !*name) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--model: the file's name is empty");
    }
    if (named) {
        return resolve(named, path, error);
    }
    return model_folders_look_up("default", path) ? BSM_OK : fail_without(error);
}

bsm_status default_model_open(const char *name, bsm_model **model, bsm_error *error)
{
    const char *named = named_model(name);
    if (named && strncmp(named, untrained, sizeof untrained - 1) == 0) {
        return open_untrained(named + sizeof untrained - 1, model, error);
    }
    char path[MODEL_PATH];
    const bsm_status status = default_model_path(name, path, error);
    return status ? status : bsm_model_open(path, NULL, model, error);
}
