/* SPDX-License-Identifier: ISC */
/* A whole file mapped for reading. */
#include "model/mapped_file.h"

#include <errno.h>
#include <sys/mman.h>

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

void bsm_mapped_file_forget(const bsm_mapped_file *file)
{
    if (file->data) {
        (void)madvise(file->data, file->size, MADV_DONTNEED); /* else it only takes memory */
    }
}

void bsm_mapped_file_unmap(bsm_mapped_file *file)
{
    if (file->data) {
        munmap(file->data, file->size);
    }
    *file = (bsm_mapped_file){0};
}
