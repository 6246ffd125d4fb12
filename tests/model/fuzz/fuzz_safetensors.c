/* SPDX-License-Identifier: ISC */
/* Fuzz target: a safetensors file, from its header to a model. */
#include <stdlib.h>

#include "fuzz.h"
#include "model/safetensors.h"
#include "model/tensor_table.h"

static void read_tensors(const bsm_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        const bsm_tensor *tensor = &table->entries[i].tensor;
        if (!table->entries[i].is_float ||
            (uintptr_t)tensor->data % bsm_dtype_size(tensor->dtype)) {
            continue;
        }
        float *values = malloc((tensor->count + 1) * sizeof *values);
        if (!values) {
            abort();
        }
        bsm_tensor_read(tensor, values);
        free(values);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *copy = exact_copy(data, size);
    bsm_safetensors file;
    bsm_error error;
    if (bsm_safetensors_parse("fuzz", copy, size, &file, &error) == BSM_OK) {
        read_tensors(&file.table);
        bsm_model *model = NULL;
        if (bsm_model_fit("fuzz", "safetensors", &file.table, &file.metadata, &model, &error) ==
            BSM_OK) {
            bsm_model_free(model);
        }
        bsm_safetensors_free(&file);
    }
    free(copy);
    return 0;
}
