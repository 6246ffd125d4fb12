/* SPDX-License-Identifier: ISC */
/* A folder for a test's files, and the small network that most tests of models use. */
#include "scratch.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_SIZE = 512, NUM_PATHS = 8 };

static char folder[PATH_SIZE / 2];

int scratch_setup(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/bsm-test-XXXXXX", parent ? parent : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

/* Call `visit`, which may be NULL, for each file; return how many there are. */
static size_t visit_files(int (*visit)(const char *path))
{
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    size_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.') {
            count++;
            if (visit) {
                visit(scratch_path(entry->d_name));
            }
        }
    }
    closedir(directory);
    return count;
}

int scratch_teardown(void **state)
{
    (void)state;
    visit_files(unlink);
    return rmdir(folder);
}

size_t scratch_count(void)
{
    return visit_files(NULL);
}

const char *scratch_path(const char *name)
{
    static char paths[NUM_PATHS][PATH_SIZE + 256];
    static size_t next;
    char *path = paths[next++ % NUM_PATHS];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *scratch_write(const char *name, const void *data, size_t size)
{
    const char *path = scratch_path(name);
    unlink(path); /* a new inode, so that the process does not take the file for the old one */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

void *scratch_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    void *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

bsm_config mini_config(void)
{
    return (bsm_config){
        .dim = 4,
        .depth = 1,
        .expand = 2,
        .headdim = 4,
        .d_state = 2,
        .d_conv = 3,
        .mask_expansion = 2,
        .num_bands = 2,
        .bands = {2, 3},
        .n_fft = 8,
        .hop = 3,
        .sample_rate = 8000,
        .channels = 1,
        .num_stems = 2,
        .stems = {"drums", "vocals"},
        .segment = 2.5,
    };
}

bsm_model *mini_model(void)
{
    const bsm_config config = mini_config();
    bsm_model *model = NULL;
    bsm_error error;
    assert_int_equal(bsm_model_new_untrained(&config, &model, &error), BSM_OK);
    return model;
}

static float *read_values(const bsm_tensor *tensor)
{
    float *values = malloc((tensor->count + 1) * sizeof *values);
    assert_non_null(values);
    bsm_tensor_read(tensor, values);
    return values;
}

void assert_same_weights(const bsm_model *a, const bsm_model *b)
{
    assert_int_equal(bsm_model_num_tensors(a), bsm_model_num_tensors(b));
    for (size_t i = 0; i < bsm_model_num_tensors(a); i++) {
        const bsm_tensor *left = bsm_model_tensor(a, i);
        const bsm_tensor *right = bsm_model_find(b, left->name);
        assert_non_null(right);
        assert_int_equal(left->rank, right->rank);
        assert_memory_equal(left->shape, right->shape, left->rank * sizeof left->shape[0]);
        float *left_values = read_values(left);
        float *right_values = read_values(right);
        if (memcmp(left_values, right_values, left->count * sizeof(float)) != 0) {
            fail_msg("%s differs", left->name);
        }
        free(left_values);
        free(right_values);
    }
}

void assert_open_fails(const char *path, bsm_status status, const char *text)
{
    bsm_model *model = NULL;
    bsm_error error = {0};
    bsm_status actual = bsm_model_open(path, NULL, &model, &error);
    if (actual != status || !strstr(error.message, text)) {
        fail_msg("expected status %d and \"%s\", got status %d and \"%s\"", (int)status, text,
                 (int)actual, error.message);
    }
    assert_non_null(strstr(error.message, strrchr(path, '/') + 1));
    assert_null(model);
}

bsm_model *assert_opens(const char *path)
{
    bsm_model *model = NULL;
    bsm_error error = {0};
    if (bsm_model_open(path, NULL, &model, &error)) {
        fail_msg("%s", error.message);
    }
    return model;
}
