/* SPDX-License-Identifier: ISC */
/** The internals of a model in memory, which the readers of the file formats fill in. */
#ifndef BSM_MODEL_MODEL_H
#define BSM_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "bsm/config.h"
#include "bsm/model.h"
#include "bsm/status.h"

/* ---- A whole file mapped for reading ---- */

typedef struct bsm_mapped_file {
    void *data;
    size_t size;
} bsm_mapped_file;

/** Map the file with descriptor `fd` and status `info`; `fd` may be closed afterwards. */
bsm_status bsm_mapped_file_map(const char *path, int fd, const struct stat *info,
                               bsm_mapped_file *file, bsm_error *error);

/** Release the file's pages from this process's memory: they are read again when they are used. */
void bsm_mapped_file_forget(const bsm_mapped_file *file);

void bsm_mapped_file_unmap(bsm_mapped_file *file);

/* ---- Metadata of a model: pairs of text in the order of the file ---- */

typedef struct bsm_metadata_pair {
    char *key;
    char *value;
} bsm_metadata_pair;

typedef struct bsm_metadata {
    bsm_metadata_pair *pairs;
    size_t count;
    size_t capacity;
} bsm_metadata;

void bsm_metadata_free(bsm_metadata *metadata);

/** Replace the value of `key`, or append a pair. False if memory is short. */
bool bsm_metadata_set(bsm_metadata *metadata, const char *key, const char *value);

/** The value of `key`, or NULL. */
const char *bsm_metadata_get(const bsm_metadata *metadata, const char *key);

/* ---- The model, which the readers of the file formats fill in ---- */

/** Identifies an opened file: two with equal keys are the same file. */
typedef struct bsm_file_identity {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    bool ema;
} bsm_file_identity;

struct bsm_model {
    size_t references;                /**< guarded by bsm_models_lock, like the next three */
    void (*unlist)(bsm_model *model); /**< removes it from the list of open models; may be NULL */
    bsm_model *next;
    bsm_file_identity identity;
    bool is_finite; /**< bsm_model_check_values found all values finite; guarded by open.c */

    bsm_config config;
    char *path;
    const char *format;
    size_t num_tensors;
    bsm_tensor *tensors;        /**< in the schema's order */
    char *names;                /**< the names of the tensors, one after the other */
    const bsm_tensor **by_name; /**< sorted */
    bsm_metadata metadata;
    bsm_mapped_file file; /**< the mapping in which tensors of a safetensors file lie */
    void *memory;         /**< the memory in which all other tensors lie; from malloc */
};

/** Make a model whose tensors have the names and shapes that `config` needs, but no data yet. */
bsm_status bsm_model_allocate(const bsm_config *config, const char *path, const char *format,
                              bsm_model **model, bsm_error *error);

/** Bytes per element. */
size_t bsm_dtype_size(bsm_dtype dtype);

/** "F32", "F16", "BF16" or "F64", as safetensors names it. */
const char *bsm_dtype_name(bsm_dtype dtype);

/** All reference counts and frees of models happen under this one lock, so that a file's last
 *  reference cannot vanish while another thread finds the file open. */
void bsm_models_lock(void);
void bsm_models_unlock(void);

/* ---- A configuration as metadata: one pair of text per field (docs/model-format.md) ---- */

/** Set each field of `config` for which `metadata` has a key; the others are left alone.
 *  BSM_BAD_MODEL names a key whose value makes no sense. */
bsm_status bsm_config_from_metadata(const char *path, const bsm_metadata *metadata,
                                    bsm_config *config, bsm_error *error);

/** Set the pairs of every field. False if memory is short. */
bool bsm_config_to_metadata(const bsm_config *config, bsm_metadata *metadata);

/* ---- The readers of model files, one per format ---- */

/** Make a model from the open file `fd`, which stays open. `info` is its fstat. */
bsm_status bsm_load_safetensors(const char *path, int fd, const struct stat *info, bool ema,
                                bsm_model **model, bsm_error *error);
bsm_status bsm_load_torch(const char *path, int fd, const struct stat *info, bool ema,
                          bsm_model **model, bsm_error *error);

#endif
