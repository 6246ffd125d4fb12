/* SPDX-License-Identifier: ISC */
/** The model object: what the readers of the several formats fill in. */
#ifndef BSM_MODEL_OBJECT_H
#define BSM_MODEL_OBJECT_H

#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "bsm/model.h"
#include "model/mapped_file.h"
#include "model/metadata.h"

/** What makes two opened files the same. */
typedef struct bsm_file_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    bool ema;
} bsm_file_identity;

struct bsm_model {
    size_t references;                /**< guarded by bsm_models_lock, as are the next three */
    void (*unlist)(bsm_model *model); /**< takes it off the list of open models; may be NULL */
    bsm_model *next;
    bsm_file_identity identity;
    bool is_finite; /**< bsm_model_check_values has found it so; guarded by open.c */

    bsm_config config;
    char *path;
    const char *format;
    size_t num_tensors;
    bsm_tensor *tensors;        /**< in the schema's order */
    char *names;                /**< of the tensors, one after the other */
    const bsm_tensor **by_name; /**< sorted */
    bsm_metadata metadata;
    bsm_mapped_file file; /**< where tensors of a safetensors file lie */
    void *memory;         /**< where all others lie; malloc */
};

/** Make a model whose tensors have the names and shapes that `config` needs, and no data yet. */
bsm_status bsm_model_allocate(const bsm_config *config, const char *path, const char *format,
                              bsm_model **model, bsm_error *error);

/** Bytes of one element. */
size_t bsm_dtype_size(bsm_dtype dtype);

/** "F32", "F16", "BF16" or "F64", as safetensors calls it. */
const char *bsm_dtype_name(bsm_dtype dtype);

/** Every count and every freeing of models happens under this one lock, so that a file's last
 *  reference cannot go while another thread finds the file open. */
void bsm_models_lock(void);
void bsm_models_unlock(void);

#endif
