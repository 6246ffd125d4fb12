/* SPDX-License-Identifier: ISC */
/** Lists of model files to choose from. */
#ifndef BSM_UI_MODEL_FILES_H
#define BSM_UI_MODEL_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "model_folders.h"

typedef enum bsm_row_kind {
    BSM_ROW_HEADING,
    BSM_ROW_MODEL,  /**< choose `path`; "": the plugin's default */
    BSM_ROW_FOLDER, /**< go to `path` */
} bsm_row_kind;

typedef struct bsm_row {
    bsm_row_kind kind;
    char *path, *name;
    char facts[160];   /**< size, stems; "": nothing is known */
    char figures[512]; /**< what was measured; or why it cannot be used */
} bsm_row;

typedef struct bsm_model_rows {
    size_t count, room;
    bsm_row *rows;
} bsm_model_rows;

/** Of one file: the texts of its row, and how many weights it has (0: not known). */
typedef struct bsm_model_facts {
    char facts[160], figures[512];
    double parameters;
} bsm_model_facts;

bsm_model_facts bsm_model_facts_of(const char *path);

/** What comes after the last '/'. */
const char *bsm_file_name(const char *path);

void bsm_model_rows_free(bsm_model_rows *rows);

/** The default, those used lately, those of the models' folders, and the way to other files. */
void bsm_model_rows_list_models(bsm_model_rows *rows);

/** Folders and models in a folder. */
void bsm_model_rows_list_folder(bsm_model_rows *rows, const char *folder);

/** Remember in ~/.local/state/bsm/models that a model was used. */
void bsm_remember_model(const char *path);

#endif
