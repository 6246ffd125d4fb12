/* SPDX-License-Identifier: ISC */
/** Finds the model that a program uses, and models by their names. */
#ifndef BSM_STANDALONE_COMMON_DEFAULT_MODEL_H
#define BSM_STANDALONE_COMMON_DEFAULT_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/model.h"

/* The model called NAME is a file NAME.safetensors or NAME.ckpt (.pt, .pth) in one of these
 * folders:
 *  - the folders in $BSM_MODELS, which are separated by ':',
 *  - $XDG_DATA_HOME/bsm/models, or ~/.local/share/bsm/models,
 *  - presets/models in the folder of a build, for programs that run there without installation,
 *  - share/bsm/models under the installation's prefix,
 *  - /usr/local/share/bsm/models and /usr/share/bsm/models.
 *  If several folders have a model of this name, the first one in this order counts. */

enum { MODEL_PATH = 4096, MODEL_FOLDERS = 16 };

typedef struct model_folders {
    size_t count;
    char paths[MODEL_FOLDERS][MODEL_PATH];
} model_folders;

void model_folders_find(model_folders *folders);

/** Find the file of the model called `name` in the folders. Return false if no folder has it. */
bool model_folders_look_up(const char *name, char path[MODEL_PATH]);

/** Return the length of a file's name without the extension of a model, or 0 if it has no such
 *  extension. */
size_t model_folders_name_length(const char *file);

/* ---- The model that a program uses: the one that the user names, or the default one ---- */

/** Find the file for `name`, which is a path or a name in the folders of models. NULL stands for
 *  $BSM_MODEL, or else for the model called "default". BSM_INVALID_ARGUMENT if `name` is empty;
 *  BSM_NOT_FOUND if there is no such model or no default, with a message that says where models
 *  come from. */
BSM_NODISCARD bsm_status default_model_path(const char *name, char path[MODEL_PATH],
                                            bsm_error *error);

/** Open that model or, for the name "untrained:PRESET", make an untrained model of that preset.
 *  Errors are those of default_model_path, bsm_config_preset and bsm_model_open. */
BSM_NODISCARD bsm_status default_model_open(const char *name, bsm_model **model, bsm_error *error);

#endif
