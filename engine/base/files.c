/* SPDX-License-Identifier: ISC */
/* Opens regular files for reading, and writes files that appear complete or not at all. */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bsm/new_file.h"

/* ---- Opening a regular file for reading ---- */

static bsm_status check_regular(const char *path, bsm_status unfit, const struct stat *info,
                                bsm_error *error)
{
    if (S_ISDIR(info->st_mode)) {
        return bsm_fail(error, unfit, "%s: is a folder", path);
    }
    if (!S_ISREG(info->st_mode)) {
        return bsm_fail(error, unfit, "%s: is not a regular file", path);
    }
    if (info->st_size <= 0) {
        return bsm_fail(error, unfit, "%s: the file is empty", path);
    }
    if ((uintmax_t)info->st_size > SIZE_MAX / 2) {
        return bsm_fail(error, BSM_UNSUPPORTED, "%s: too large for this machine", path);
    }
    return BSM_OK;
}

bsm_status bsm_open_regular(const char *path, bsm_status unfit, int *result, struct stat *info,
                            bsm_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return bsm_fail_errno(error, errno, path, "cannot open");
    }
    bsm_status status = BSM_OK;
    if (fstat(fd, info)) {
        status = bsm_fail_errno(error, errno, path, "cannot open");
    } else {
        status = check_regular(path, unfit, info, error);
    }
    if (status) {
        close(fd);
        return status;
    }
    *result = fd;
    return BSM_OK;
}

/* Spaces and a byte order mark may come first. */
static bool is_web_page(const char *text)
{
    static const char *const starts[] = {"<!doctype", "<html", "<head", "<?xml"};
    text += strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    text += strspn(text, " \t\r\n");
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        if (strncasecmp(text, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

const char *bsm_mistaken_file(const char *start)
{
    static const char pointer[] = "version https://git-lfs";
    return strncmp(start, pointer, strlen(pointer)) == 0
               ? "a Git LFS pointer, not the file itself: git lfs pull fetches it"
           : is_web_page(start) ? "a web page, not the file itself: download it again"
                                : NULL;
}

/* ---- Writing a file that appears under its name complete or not at all ---- */

enum { MAX_ATTEMPTS = 100 };

/* The length of the folder part of a path, with its '/'. */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (int)(slash + 1 - path) : 0;
}

/* The temporary name does not contain the final one, which may already be as long as a name can
 * be. A process with the same number (on another machine, or one that was killed) may have left a
 * file of this name, so several names are tried. */
static bsm_status open_part(bsm_new_file *file, bsm_error *error)
{
    for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        if (asprintf(&file->part, "%.*sbsm-%ld-%d.part", folder_length(file->path), file->path,
                     (long)getpid(), attempt) < 0) {
            file->part = NULL;
            return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", file->path);
        }
        file->fd = open(file->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->fd >= 0) {
            return BSM_OK;
        }
        int cause = errno;
        free(file->part);
        file->part = NULL;
        if (cause != EEXIST) {
            return bsm_fail_errno(error, cause, file->path, "cannot write");
        }
    }
    return bsm_fail(error, BSM_IO, "%s: cannot write: there are %d .part files beside it",
                    file->path, MAX_ATTEMPTS);
}

bsm_status bsm_new_file_begin(const char *path, bool force, bsm_new_file *file, bsm_error *error)
{
    struct stat info;
    if (!force && lstat(path, &info) == 0) { /* lstat also finds a link that leads nowhere */
        return bsm_fail(error, BSM_EXISTS, "%s: exists already", path);
    }
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) { /* a rename would replace a device */
        return bsm_fail(error, BSM_IO, "%s: cannot write: is not a regular file", path);
    }
    *file = (bsm_new_file){.path = path, .fd = -1};
    return open_part(file, error);
}

bsm_status bsm_new_file_write(bsm_new_file *file, const void *data, size_t size, bsm_error *error)
{
    const char *next = data;
    while (size > 0) {
        ssize_t written = write(file->fd, next, size);
        if (written < 0 && errno != EINTR) {
            return bsm_fail_errno(error, errno, file->path, "cannot write");
        }
        if (written > 0) {
            next += written;
            size -= (size_t)written;
        }
    }
    return BSM_OK;
}

/* Like rename, but fails with EEXIST if the name is taken, and checks and renames in one step. */
static int rename_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return -1;
    }
    if (link(from, to)) { /* the file system has no RENAME_NOREPLACE */
        return -1;
    }
    return unlink(from);
}

/* The folder's entry for the new name must reach the disk, too. Not every file system can do this,
 * so it is no error if it fails. */
static void sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    free(copy);
}

bsm_status bsm_new_file_commit(bsm_new_file *file, bool force, bsm_error *error)
{
    bool failed = fsync(file->fd) != 0;
    int cause = errno;
    if (close(file->fd) && !failed) {
        failed = true;
        cause = errno;
    }
    file->fd = -1;
    if (!failed) {
        failed = (force ? rename(file->part, file->path) : rename_new(file->part, file->path)) != 0;
        cause = errno;
    }
    if (failed) {
        bsm_new_file_abandon(file);
        return bsm_fail_errno(error, cause, file->path, "cannot write");
    }
    sync_folder(file->path);
    free(file->part);
    file->part = NULL;
    return BSM_OK;
}

void bsm_new_file_abandon(bsm_new_file *file)
{
    if (file->fd >= 0) {
        close(file->fd);
        file->fd = -1;
    }
    if (file->part) {
        unlink(file->part);
        free(file->part);
        file->part = NULL;
    }
}
