/* SPDX-License-Identifier: ISC */
/* Opening a regular file for reading. */
#include "regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

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
