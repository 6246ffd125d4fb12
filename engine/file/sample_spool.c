/* SPDX-License-Identifier: ISC */
/* Keeps samples in a nameless file. */
#include "file/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bsm_sample_spool {
    char *path; /* path of the file beside which it lies */
    FILE *file;
    size_t planes, most;
};

static bsm_status fail(const bsm_sample_spool *spool, int cause, bsm_error *error)
{
    return bsm_fail_errno(error, cause, spool->path, "cannot keep the samples beside it");
}

/* Remove its name at once, so that nothing is left behind whatever happens. */
static int open_nameless(const char *path)
{
    const char *slash = strrchr(path, '/');
    const int length = slash ? (int)(slash - path) + 1 : 0;
    char *name;
    if (asprintf(&name, "%.*s.bsm-XXXXXX", length, path) < 0) {
        errno = ENOMEM;
        return -1;
    }
    const int fd = mkostemp(name, O_CLOEXEC);
    if (fd >= 0) {
        unlink(name);
    }
    free(name);
    return fd;
}

bsm_status bsm_sample_spool_new(const char *beside, size_t planes, size_t most,
                                bsm_sample_spool **spool, bsm_error *error)
{
    bsm_sample_spool *made = calloc(1, sizeof *made);
    *spool = NULL;
    if (!made || !(made->path = strdup(beside))) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", beside);
    }
    made->planes = planes;
    made->most = most;
    const int fd = open_nameless(beside);
    made->file = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    if (!made->file) {
        bsm_status status = fail(made, errno, error);
        if (fd >= 0) {
            close(fd);
        }
        bsm_sample_spool_free(made);
        return status;
    }
    *spool = made;
    return BSM_OK;
}

void bsm_sample_spool_free(bsm_sample_spool *spool)
{
    if (spool) {
        if (spool->file) {
            fclose(spool->file);
        }
        free(spool->path);
        free(spool);
    }
}

bsm_status bsm_sample_spool_add(bsm_sample_spool *spool, float *const *audio, size_t count,
                                bsm_error *error)
{
    bool good = fwrite(&count, sizeof count, 1, spool->file) == 1;
    for (size_t p = 0; p < spool->planes && good; p++) {
        good = fwrite(audio[p], sizeof(float), count, spool->file) == count;
    }
    return good ? BSM_OK : fail(spool, errno, error);
}

bsm_status bsm_sample_spool_rewind(bsm_sample_spool *spool, bsm_error *error)
{
    return fflush(spool->file) || fseeko(spool->file, 0, SEEK_SET) ? fail(spool, errno, error)
                                                                   : BSM_OK;
}

bsm_status bsm_sample_spool_take(bsm_sample_spool *spool, float *const *audio, size_t *count,
                                 bsm_error *error)
{
    bool good = fread(count, sizeof *count, 1, spool->file) == 1;
    if (!good) {
        *count = 0;
        return feof(spool->file) ? BSM_OK : fail(spool, errno, error);
    }
    good = *count <= spool->most;
    for (size_t p = 0; p < spool->planes && good; p++) {
        good = fread(audio[p], sizeof(float), *count, spool->file) == *count;
    }
    return good ? BSM_OK : fail(spool, EIO, error);
}
