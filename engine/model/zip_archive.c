/* SPDX-License-Identifier: ISC */
/* Reads members of a zip archive, with limits. */
#include "model/torch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>
#include <zip.h>

/* Weights hardly compress, so an archive that unpacks to much more than this does not hold
 * weights. */
enum {
    MAX_GROWTH = 16,
    SMALL = 1 << 20,
};

/* Whether a call failed only because memory is short. libzip may report that as a corrupt archive,
 * so errno, which is set to 0 before each call of libzip, has to be looked at. */
static bool is_memory(int zip_code)
{
    return zip_code == ZIP_ER_MEMORY || errno == ENOMEM;
}

static bsm_status fail_open(const char *path, int code, bsm_error *error)
{
    if (is_memory(code)) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    zip_error_t cause;
    zip_error_init_with_code(&cause, code);
    bsm_fail(error, BSM_BAD_MODEL, "%s: its zip archive is cut short or corrupt: %s", path,
             zip_error_strerror(&cause));
    zip_error_fini(&cause);
    return BSM_BAD_MODEL;
}

bsm_status bsm_zip_open(const char *path, int fd, size_t file_size, bsm_zip *zip, bsm_error *error)
{
    int own = dup(fd);
    if (own < 0) {
        return bsm_fail_errno(error, errno, path, "cannot open");
    }
    int code = 0;
    errno = 0;
    struct zip *archive = zip_fdopen(own, 0, &code);
    if (!archive) {
        bsm_status status = fail_open(path, code, error);
        close(own);
        return status;
    }
    *zip = (bsm_zip){.path = path, .archive = archive, .file_size = file_size};
    return BSM_OK;
}

void bsm_zip_close(bsm_zip *zip)
{
    if (zip->archive) {
        zip_discard(zip->archive);
    }
    *zip = (bsm_zip){0};
}

size_t bsm_zip_limit(const bsm_zip *zip)
{
    size_t limit;
    if (__builtin_mul_overflow(zip->file_size, (size_t)MAX_GROWTH, &limit) ||
        __builtin_add_overflow(limit, (size_t)SMALL, &limit)) {
        return SIZE_MAX;
    }
    return limit;
}

const char *bsm_zip_name(const bsm_zip *zip, size_t index)
{
    return zip_get_name(zip->archive, index, 0);
}

bsm_status bsm_zip_size(const bsm_zip *zip, const char *name, size_t *size, bsm_error *error)
{
    struct zip_stat info;
    if (zip_stat(zip->archive, name, 0, &info) || !(info.valid & ZIP_STAT_SIZE)) {
        return bsm_fail(error, BSM_NOT_FOUND, "%s: %s: not in the archive", zip->path, name);
    }
    if (info.size > bsm_zip_limit(zip)) {
        return bsm_fail(error, BSM_BAD_MODEL,
                        "%s: %s: %llu bytes out of an archive of %zu cannot be weights", zip->path,
                        name, (unsigned long long)info.size, zip->file_size);
    }
    *size = (size_t)info.size;
    return BSM_OK;
}

static bsm_status fail_read(const bsm_zip *zip, const char *name, zip_error_t *cause,
                            bsm_error *error)
{
    if (is_memory(zip_error_code_zip(cause))) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: %s: out of memory", zip->path, name);
    }
    bool by_system = zip_error_code_zip(cause) == ZIP_ER_READ && zip_error_code_system(cause);
    return bsm_fail(error, by_system ? BSM_IO : BSM_BAD_MODEL, "%s: %s: cannot read: %s", zip->path,
                    name, zip_error_strerror(cause));
}

/* A checksum of 0 means that none was computed (torch.save without compute_crc32). */
static bool has_checksum(const bsm_zip *zip, const char *name)
{
    struct zip_stat info;
    return zip_stat(zip->archive, name, 0, &info) || !(info.valid & ZIP_STAT_CRC) || info.crc != 0;
}

/* libzip compares the checksum at the end of the member. */
static bsm_status check_end(const bsm_zip *zip, zip_file_t *file, const char *name,
                            bsm_error *error)
{
    char beyond;
    const zip_int64_t more = zip_fread(file, &beyond, 1);
    if (more > 0) {
        return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: longer than the archive says", zip->path,
                        name);
    }
    zip_error_t *cause = zip_file_get_error(file);
    const bool excused =
        more < 0 && zip_error_code_zip(cause) == ZIP_ER_CRC && !has_checksum(zip, name);
    return more == 0 || excused ? BSM_OK : fail_read(zip, name, cause, error);
}

static bsm_status read_all(const bsm_zip *zip, zip_file_t *file, const char *name, char *buffer,
                           size_t size, bsm_error *error)
{
    while (size > 0) {
        zip_int64_t got = zip_fread(file, buffer, size);
        if (got < 0) {
            return fail_read(zip, name, zip_file_get_error(file), error);
        }
        if (got == 0) {
            return bsm_fail(error, BSM_BAD_MODEL, "%s: %s: cut short", zip->path, name);
        }
        buffer += got;
        size -= (size_t)got;
    }
    return check_end(zip, file, name, error);
}

bsm_status bsm_zip_read(const bsm_zip *zip, const char *name, void *buffer, size_t size,
                        bsm_error *error)
{
    errno = 0;
    zip_file_t *file = zip_fopen(zip->archive, name, 0);
    if (!file) {
        return fail_read(zip, name, zip_get_error(zip->archive), error);
    }
    bsm_status status = read_all(zip, file, name, buffer, size, error);
    zip_fclose(file);
    return status;
}
