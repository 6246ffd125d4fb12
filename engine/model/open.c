/* SPDX-License-Identifier: ISC */
/* Opens model files: recognises the format, and finds files that this process has open already. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/files.h"
#include "model/model.h"

/* ---- The models that are open ---- */

/* Guarded by bsm_models_lock. */
static bsm_model *open_models;

/* Held while a file is read, so that two threads that want the same file read it only once. */
static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;

static bsm_file_identity identify(const struct stat *info, bool ema)
{
    return (bsm_file_identity){
        .device = info->st_dev,
        .inode = info->st_ino,
        .size = info->st_size,
        .modified = info->st_mtim,
        .ema = ema,
    };
}

static bool same_identity(const bsm_file_identity *a, const bsm_file_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->ema == b->ema;
}

/* Take one more reference to the model of this file, or return NULL. */
static bsm_model *find_open(const bsm_file_identity *identity)
{
    bsm_models_lock();
    bsm_model *model = open_models;
    while (model && !same_identity(&model->identity, identity)) {
        model = model->next;
    }
    if (model) {
        model->references++;
    }
    bsm_models_unlock();
    return model;
}

static void unlist(bsm_model *model)
{
    bsm_model **link = &open_models;
    while (*link != model) {
        link = &(*link)->next;
    }
    *link = model->next;
}

static void list(bsm_model *model, const bsm_file_identity *identity)
{
    bsm_models_lock();
    model->identity = *identity;
    model->unlist = unlist;
    model->next = open_models;
    open_models = model;
    bsm_models_unlock();
}

/* ---- Formats ---- */

typedef enum file_format {
    FORMAT_UNKNOWN,
    FORMAT_SAFETENSORS,
    FORMAT_TORCH_ZIP,
    FORMAT_TORCH_LEGACY,
} file_format;

static file_format recognise(const unsigned char *start, size_t length)
{
    /* The pickled number 0x1950a86a20f9469cfc6c, with which files of torch.save began before it
     * wrote zip archives. */
    static const unsigned char legacy[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
                                           0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
    if (length >= 4 && memcmp(start, "PK\3\4", 4) == 0) {
        return FORMAT_TORCH_ZIP;
    }
    if (length >= 2 + sizeof legacy && start[0] == 0x80 &&
        memcmp(start + 2, legacy, sizeof legacy) == 0) {
        return FORMAT_TORCH_LEGACY;
    }
    return length >= 9 && start[8] == '{' ? FORMAT_SAFETENSORS : FORMAT_UNKNOWN;
}

/* Get the first line of the file, if it is text. */
static bool is_text(char *start)
{
    char *end = start + strcspn(start, "\r\n");
    for (const char *c = start; c < end; c++) {
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f) {
            return false;
        }
    }
    *end = '\0';
    return *start;
}

/* Explain files that people often take for models. */
static bsm_status fail_unknown(const char *path, char *start, bsm_error *error)
{
    const char *mistake = bsm_mistaken_file(start);
    if (mistake) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: %s", path, mistake);
    }
    if (strstr(start, "\"weight_map\"")) {
        return bsm_fail(error, BSM_BAD_MODEL,
                        "%s: the index of a model in several files, which bsm does not read: save "
                        "it as one",
                        path);
    }
    if (is_text(start)) {
        return bsm_fail(error, BSM_BAD_MODEL,
                        "%s: neither a safetensors file nor a PyTorch checkpoint, but text: %.60s",
                        path, start);
    }
    return bsm_fail(error, BSM_BAD_MODEL, "%s: neither a safetensors file nor a PyTorch checkpoint",
                    path);
}

/* matches "model-00001-of-00003.safetensors" */
static bool is_one_of_several(const char *path)
{
    const char *of = strstr(path, "-of-");
    return of && strspn(of + 4, "0123456789") >= 2;
}

static bsm_status read_safetensors(const char *path, int fd, const struct stat *info, bool ema,
                                   bsm_model **model, bsm_error *error)
{
    bsm_error cause = {0};
    bsm_status status = bsm_load_safetensors(path, fd, info, ema, model, &cause);
    if (status == BSM_BAD_MODEL && is_one_of_several(path)) {
        return bsm_fail(error, status,
                        "%s: one part of a model in several files: save it as one (in Python, "
                        "safetensors.torch.save_file of the dicts of all parts)",
                        path);
    }
    return status ? bsm_fail(error, status, "%s", cause.message) : BSM_OK;
}

static bsm_status read_model(const char *path, int fd, const struct stat *info, bool ema,
                             bsm_model **model, bsm_error *error)
{
    char start[512] = "";
    ssize_t length = pread(fd, start, sizeof start - 1, 0);
    if (length < 0) {
        return bsm_fail_errno(error, errno, path, "cannot read");
    }
    switch (recognise((const unsigned char *)start, (size_t)length)) {
    case FORMAT_TORCH_ZIP: return bsm_load_torch(path, fd, info, ema, model, error);
    case FORMAT_TORCH_LEGACY:
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "%s: PyTorch's format from before version 1.6: save it again with "
                        "torch.save(torch.load(...)) of a newer PyTorch",
                        path);
    case FORMAT_SAFETENSORS: break;
    case FORMAT_UNKNOWN: return fail_unknown(path, start, error);
    }
    return read_safetensors(path, fd, info, ema, model, error);
}

/* Return the model of this file, and read it if it is not open. The caller holds `reading`. */
static bsm_status find_or_read(const char *path, int fd, const struct stat *info, bool ema,
                               bsm_model **model, bsm_error *error)
{
    const bsm_file_identity identity = identify(info, ema);
    *model = find_open(&identity);
    if (*model) {
        return BSM_OK;
    }
    bsm_status status = read_model(path, fd, info, ema, model, error);
    if (!status) {
        list(*model, &identity);
    }
    return status;
}

/* Checks a model once, also when it was opened without the check at first. The caller holds
 * `reading`. */
static bsm_status check_values(bsm_model *model, bsm_error *error)
{
    bsm_status status = model->is_finite ? BSM_OK : bsm_model_check_values(model, error);
    model->is_finite = !status;
    return status;
}

static bsm_status open_shared(const char *path, int fd, const struct stat *info,
                              const bsm_model_options *options, bsm_model **result,
                              bsm_error *error)
{
    bsm_model *model = NULL;
    pthread_mutex_lock(&reading);
    bsm_status status = find_or_read(path, fd, info, options->ema, &model, error);
    if (!status && !options->any_values) {
        status = check_values(model, error);
        if (status) {
            bsm_model_free(model);
        }
    }
    pthread_mutex_unlock(&reading);
    if (!status) {
        *result = model;
    }
    return status;
}

bsm_status bsm_model_open(const char *path, const bsm_model_options *options, bsm_model **model,
                          bsm_error *error)
{
    static const bsm_model_options defaults;
    int fd = -1;
    struct stat info;
    bsm_status status = bsm_open_regular(path, BSM_BAD_MODEL, &fd, &info, error);
    if (status) {
        return status;
    }
    status = open_shared(path, fd, &info, options ? options : &defaults, model, error);
    close(fd);
    return status;
}
