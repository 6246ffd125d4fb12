/* SPDX-License-Identifier: ISC */
/* A whole file mapped for reading. */
#include "model/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static bsm_status check_regular(const char *path, const struct stat *info, bsm_error *error)
{
    if (S_ISDIR(info->st_mode)) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: is a folder", path);
    }
    if (!S_ISREG(info->st_mode)) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: is not a regular file", path);
    }
    if (info->st_size <= 0) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: the file is empty", path);
    }
    if ((uintmax_t)info->st_size > SIZE_MAX / 2) {
        return bsm_fail(error, BSM_UNSUPPORTED, "%s: too large for this machine", path);
    }
    return BSM_OK;
}

bsm_status bsm_open_regular(const char *path, int *result, struct stat *info, bsm_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return bsm_fail_errno(error, errno, path, "cannot open");
    }
    bsm_status status = BSM_OK;
    if (fstat(fd, info)) {
        status = bsm_fail_errno(error, errno, path, "cannot open");
    } else {
        status = check_regular(path, info, error);
    }
    if (status) {
        close(fd);
        return status;
    }
    *result = fd;
    return BSM_OK;
}

bsm_status bsm_mapped_file_map(const char *path, int fd, const struct stat *info,
                               bsm_mapped_file *file, bsm_error *error)
{
    size_t size = (size_t)info->st_size;
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        return bsm_fail_errno(error, errno, path, "cannot map");
    }
    *file = (bsm_mapped_file){.data = data, .size = size};
    return BSM_OK;
}

void bsm_mapped_file_unmap(bsm_mapped_file *file)
{
    if (file->data) {
        munmap(file->data, file->size);
    }
    *file = (bsm_mapped_file){0};
}
