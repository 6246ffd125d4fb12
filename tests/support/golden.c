/* SPDX-License-Identifier: ISC */
/* Golden data for any test. */
#include "golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/files.h"
#include "model/model.h"
#include "model/safetensors.h"

struct golden {
    char *path;
    bsm_mapped_file file;
    bsm_safetensors content;
};

static char *path_in(const char *variable, const char *name)
{
    const char *folder = getenv(variable);
    char *path = NULL;
    if (!folder || asprintf(&path, "%s/%s", folder, name) < 0) {
        fail_msg("%s: %s is not set: run me by `meson test`", name, variable);
    }
    return path;
}

char *golden_path(const char *name)
{
    return path_in("BSM_TEST_DATA", name);
}

char *golden_checkpoint(const char *name)
{
    return path_in("BSM_TEST_CHECKPOINTS", name);
}

golden *golden_open_path(const char *path)
{
    golden *file = calloc(1, sizeof *file);
    assert_non_null(file);
    file->path = strdup(path);
    assert_non_null(file->path);

    bsm_error error = {0};
    struct stat info;
    int fd = -1;
    if (bsm_open_regular(path, BSM_BAD_MODEL, &fd, &info, &error) ||
        bsm_mapped_file_map(path, fd, &info, &file->file, &error) ||
        bsm_safetensors_parse(path, file->file.data, file->file.size, &file->content, &error)) {
        fail_msg("%s", error.message);
    }
    close(fd);
    return file;
}

golden *golden_open(const char *name)
{
    char *path = golden_path(name);
    golden *file = golden_open_path(path);
    free(path);
    return file;
}

void golden_close(golden *file)
{
    if (file) {
        bsm_safetensors_free(&file->content);
        bsm_mapped_file_unmap(&file->file);
        free(file->path);
        free(file);
    }
}

golden_tensor golden_find(const golden *file, const char *name)
{
    const bsm_table_entry *entry = bsm_table_find(&file->content.table, name);
    if (!entry) {
        fail_msg("%s: no tensor %s", file->path, name);
    }
    const bsm_tensor *tensor = &entry->tensor;
    if (!entry->is_float || tensor->dtype != BSM_F32 || (uintptr_t)tensor->data % sizeof(float)) {
        fail_msg("%s: %s is not aligned float32", file->path, name);
    }
    golden_tensor result = {.rank = tensor->rank, .count = tensor->count, .data = tensor->data};
    memcpy(result.shape, tensor->shape, sizeof result.shape);
    return result;
}

const char *golden_metadata(const golden *file, const char *key)
{
    return bsm_metadata_get(&file->content.metadata, key);
}

double golden_relative_error(const float *actual, const float *expected, size_t count)
{
    double difference = 0;
    double reference = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)actual[i] - (double)expected[i];
        difference += d * d;
        reference += (double)expected[i] * (double)expected[i];
    }
    double error = sqrt(difference) / sqrt(reference);
    return isfinite(error) ? error : INFINITY;
}
