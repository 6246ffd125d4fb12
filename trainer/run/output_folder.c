/* SPDX-License-Identifier: ISC */
/* Creates, locks and cleans the folder that a training writes to. */
#include "run/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_ATTEMPTS = 20 };

/* Creates the folders above it, too. */
static bsm_status make_folder(const char *path, bsm_error *error)
{
    char *copy = strdup(path);
    if (!copy) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    for (char *slash = strchr(copy + (copy[0] == '/'), '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(copy, 0777); /* an error shows at the last folder */
        *slash = '/';
    }
    struct stat info;
    const bool failed = mkdir(copy, 0777) && errno != EEXIST;
    const int cause = errno;
    free(copy);
    if (failed) {
        return bsm_fail_errno(error, cause, path, "cannot make the folder");
    }
    return stat(path, &info) || !S_ISDIR(info.st_mode)
               ? bsm_fail(error, BSM_IO, "%s: is not a folder", path)
               : BSM_OK;
}

/* False if another process has the lock. A process that was just killed needs a moment to vanish.
 * On a file system without locks there is none. */
static bool lock(int fd)
{
    const struct timespec moment = {.tv_nsec = 100000000};
    for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
            return true;
        }
        nanosleep(&moment, NULL);
    }
    return false;
}

/* Two trainings in one folder would delete each other's checkpoints. */
static bsm_status lock_folder(const char *path, int *fd, bsm_error *error)
{
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0) {
        return bsm_fail_errno(error, errno, path, "cannot open the folder");
    }
    return lock(*fd) ? BSM_OK
                     : bsm_fail(error, BSM_EXISTS, "%s: another training is at work there", path);
}

bsm_status bsm_output_folder_open(const char *path, int *fd, bsm_error *error)
{
    bsm_status status = make_folder(path, error);
    if (!status) {
        status = lock_folder(path, fd, error);
    }
    if (!status) {
        bsm_checkpoint_clean(path);
    }
    return status;
}

/* ---- Existing files ---- */

/* A user who has deleted the checkpoints may want to keep the resulting models. */
static bsm_status check_models(const char *path, bsm_error *error)
{
    static const char *const names[] = {"best.safetensors", "last.safetensors"};
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !status; i++) {
        char *model;
        if (asprintf(&model, "%s/%s", path, names[i]) < 0) {
            return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
        }
        if (access(model, F_OK) == 0) {
            status = bsm_fail(error, BSM_EXISTS,
                              "%s: is there from an earlier training: another "
                              "training.output_dir begins anew",
                              model);
        }
        free(model);
    }
    return status;
}

bsm_status bsm_output_folder_check_unused(const char *path, bsm_error *error)
{
    char *latest = NULL;
    uint64_t step;
    bsm_status status = bsm_checkpoint_latest(path, &latest, &step, error);
    if (!status && latest) {
        status = bsm_fail(error, BSM_EXISTS,
                          "%s: is there from an earlier training: --resume goes on with it, "
                          "another training.output_dir begins anew",
                          latest);
    }
    free(latest);
    return status ? status : check_models(path, error);
}

bsm_status bsm_output_folder_check_later(const char *path, uint64_t step, bsm_error *error)
{
    char *latest = NULL;
    uint64_t latest_step;
    bsm_status status = bsm_checkpoint_latest(path, &latest, &latest_step, error);
    if (!status && latest && latest_step > step) {
        status = bsm_fail(error, BSM_EXISTS,
                          "%s: is later than the checkpoint to go on from: move it away, or "
                          "choose another training.output_dir",
                          latest);
    }
    free(latest);
    return status;
}

bsm_status bsm_output_folder_check_space(const char *path, uint64_t needed, bsm_error *error)
{
    struct statvfs system;
    if (statvfs(path, &system)) {
        return BSM_OK;
    }
    const double there = (double)system.f_bavail * (double)system.f_frsize;
    return there >= (double)needed
               ? BSM_OK
               : bsm_fail(error, BSM_IO,
                          "%s: %.2f GB are free, and a checkpoint with the models needs %.2f GB",
                          path, there / 1e9, (double)needed / 1e9);
}
