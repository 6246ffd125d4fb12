/* SPDX-License-Identifier: ISC */
/* The model that a program uses when the user names none. */
#include "default_model.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const char installed[] = BSM_DATADIR "/bsm/models/default.safetensors";

static bsm_status open_untrained(bsm_model **model, bsm_error *error)
{
    bsm_config config;
    bsm_status status = bsm_config_preset("tiny", &config, error);
    return status ? status : bsm_model_new_untrained(&config, model, error);
}

bsm_status default_model_open(const char *path, bsm_model **model, bool *untrained,
                              bsm_error *error)
{
    *untrained = false;
    const char *named = getenv("BSM_MODEL");
    if (path && !*path) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "--model: the file's name is empty");
    }
    if (!path && named && *named) {
        path = named;
    }
    if (path) {
        return bsm_model_open(path, NULL, model, error);
    }
    if (access(installed, F_OK) == 0 || errno != ENOENT) {
        return bsm_model_open(installed, NULL, model, error);
    }
    *untrained = true;
    return open_untrained(model, error);
}
