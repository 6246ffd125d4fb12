/* SPDX-License-Identifier: ISC */
/* Fuzz target: a pickle, and the tensors that it describes. */
#include <stdlib.h>

#include "fuzz.h"
#include "model/torch.h"

/* Find the tensors of a file that consists of its pickle alone. */
static void find_tensors(const void *pickle, size_t size, bool ema)
{
    bsm_torch_file file = {.path = "fuzz"};
    bsm_error error;
    file.arena = bsm_arena_make(64 * size + (1 << 20));
    if (bsm_pickle_read("fuzz", pickle, size, &file.arena, &file.top, &error) == BSM_OK) {
        (void)bsm_torch_find_tensors(&file, ema, &error);
    }
    bsm_torch_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *copy = exact_copy(data, size);
    find_tensors(copy, size, false);
    find_tensors(copy, size, true);
    free(copy);
    return 0;
}
