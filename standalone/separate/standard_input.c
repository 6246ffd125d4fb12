/* SPDX-License-Identifier: ISC */
/* Copies standard input to a file. */
#include "separate_jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char input_name[] = "standard input";

static bsm_status write_all(int file, const char *data, size_t size, const char *path,
                            bsm_error *error)
{
    while (size > 0) {
        const ssize_t written = write(file, data, size);
        if (written < 0 && errno != EINTR) {
            return bsm_fail_errno(error, errno, path, "cannot write");
        }
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return BSM_OK;
}

/* A signal ends the program here, because there is nothing to finish yet. */
static bsm_status copy(int file, const char *path, bsm_error *error)
{
    static char buffer[1 << 16];
    ssize_t got;
    bsm_status status = BSM_OK;
    while (!status && (got = read(STDIN_FILENO, buffer, sizeof buffer)) != 0) {
        status = got < 0 ? bsm_fail_errno(error, errno, input_name, "cannot read")
                         : write_all(file, buffer, (size_t)got, path, error);
    }
    return status;
}

bsm_status standard_input_save(char path[BSM_MAX_PATH], bsm_error *error)
{
    const char *folder = getenv("TMPDIR");
    if (isatty(STDIN_FILENO)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: is a terminal, not audio", input_name);
    }
    snprintf(path, BSM_MAX_PATH, "%.4000s/bsm-XXXXXX", folder && *folder ? folder : "/tmp");
    if (!mkdtemp(path)) {
        return bsm_fail_errno(error, errno, path, "cannot make the folder");
    }
    strcat(path, "/stdin");
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bsm_status status =
        file < 0 ? bsm_fail_errno(error, errno, path, "cannot write") : copy(file, path, error);
    if (file >= 0) {
        close(file);
    }
    if (status) {
        standard_input_remove(path);
    }
    return status;
}

void standard_input_remove(const char *path)
{
    char folder[BSM_MAX_PATH];
    unlink(path);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    rmdir(folder);
}
