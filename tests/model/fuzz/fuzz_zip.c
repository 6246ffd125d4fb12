/* SPDX-License-Identifier: ISC */
/* Fuzz target: a whole PyTorch checkpoint, from the zip archive to a model. */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct stat info;
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || fstat(fd, &info)) {
        abort();
    }
    bsm_model *model = NULL;
    bsm_error error;
    if (bsm_load_torch("fuzz", fd, &info, false, &model, &error) == BSM_OK) {
        if (bsm_model_check_values(model, &error) == BSM_OK) {
            assert(bsm_model_num_tensors(model) > 0);
        }
        bsm_model_free(model);
    }
    close(fd);
    return 0;
}
