/* SPDX-License-Identifier: ISC */
/** Models by their names: files NAME.safetensors or NAME.ckpt (.pt, .pth) in
 *  - the folders in $BSM_MODELS, with ':' between them,
 *  - $XDG_DATA_HOME/bsm/models, or ~/.local/share/bsm/models,
 *  - presets/models in the folder of a build, for its own programs, where they were not installed,
 *  - share/bsm/models under the installation's prefix,
 *  - /usr/local/share/bsm/models and /usr/share/bsm/models,
 *  of which the first that has a name counts. */
#ifndef BSM_STANDALONE_MODEL_FOLDERS_H
#define BSM_STANDALONE_MODEL_FOLDERS_H

#include <stdbool.h>
#include <stddef.h>

enum { MODEL_PATH = 4096, MODEL_FOLDERS = 16 };

typedef struct model_folders {
    size_t count;
    char paths[MODEL_FOLDERS][MODEL_PATH];
} model_folders;

void model_folders_find(model_folders *folders);

/** The model file that `name` means in the folders. False: none has it. */
bool model_folders_look_up(const char *name, char path[MODEL_PATH]);

/** The length of a model file's name without its extension, or 0 if it has none of a model. */
size_t model_folders_name_length(const char *file);

#endif
