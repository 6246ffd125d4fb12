/* SPDX-License-Identifier: ISC */
/** Reading members of a zip archive, stored or deflated, also over 4 GB, within bounds that follow
 *  from the archive's own size. */
#ifndef BSM_MODEL_ZIP_ARCHIVE_H
#define BSM_MODEL_ZIP_ARCHIVE_H

#include <stddef.h>

#include "bsm/status.h"

typedef struct bsm_zip {
    const char *path;
    struct zip *archive;
    size_t file_size;
} bsm_zip;

/** Open the archive in `fd`, which stays open. */
bsm_status bsm_zip_open(const char *path, int fd, size_t file_size, bsm_zip *zip, bsm_error *error);
void bsm_zip_close(bsm_zip *zip);

/** The most that may sensibly come out of an archive of this size. */
size_t bsm_zip_limit(const bsm_zip *zip);

/** The name of the index-th member, NULL past the last. */
const char *bsm_zip_name(const bsm_zip *zip, size_t index);

/** The size of a member. BSM_NOT_FOUND if there is none of that name; BSM_BAD_MODEL if its size is
 *  above bsm_zip_limit. */
bsm_status bsm_zip_size(const bsm_zip *zip, const char *name, size_t *size, bsm_error *error);

/** Read a whole member of `size` bytes and check its checksum, unless that is 0: none. */
bsm_status bsm_zip_read(const bsm_zip *zip, const char *name, void *buffer, size_t size,
                        bsm_error *error);

#endif
