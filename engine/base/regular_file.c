/* SPDX-License-Identifier: ISC */
/* Opening a regular file for reading. */
#include "base/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
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
