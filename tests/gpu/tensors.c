/* SPDX-License-Identifier: ISC */
#include "tensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tensors {
    char *header;        /* with a terminating zero */
    unsigned char *data; /* the bytes after the header */
};

static unsigned char *read_all(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long end = ftell(file);
    rewind(file);
    unsigned char *bytes = end > 8 ? malloc((size_t)end) : NULL;
    *size = bytes ? fread(bytes, 1, (size_t)end, file) : 0;
    fclose(file);
    if (*size != (size_t)end) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

tensors *tensors_open(const char *name)
{
    const char *folder = getenv("BSM_TEST_DATA");
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder ? folder : "tests/data", name);
    size_t size = 0;
    unsigned char *bytes = read_all(path, &size);
    uint64_t length = 0;
    if (bytes) {
        memcpy(&length, bytes, sizeof length);
    }
    tensors *file = calloc(1, sizeof *file);
    if (!file || !bytes || length > size - 8) {
        printf("%s: cannot be read\n", path);
        free(bytes);
        free(file);
        return NULL;
    }
    file->header = malloc(length + 1);
    file->data = malloc(size - 8 - length);
    if (file->header && file->data) {
        memcpy(file->header, bytes + 8, length);
        file->header[length] = '\0';
        memcpy(file->data, bytes + 8 + length, size - 8 - length);
    }
    free(bytes);
    return file;
}

void tensors_close(tensors *file)
{
    if (file) {
        free(file->header);
        free(file->data);
        free(file);
    }
}

/* Return what follows "key": in the text, or NULL. */
static const char *value_of(const char *text, const char *key)
{
    char quoted[128];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *found = text ? strstr(text, quoted) : NULL;
    return found ? found + strlen(quoted) : NULL;
}

const float *tensors_find(const tensors *file, const char *name, size_t shape[4])
{
    const char *entry = value_of(file->header, name);
    const char *sizes = value_of(entry, "shape"), *offsets = value_of(entry, "data_offsets");
    if (!entry || !sizes || !offsets) {
        return NULL;
    }
    shape[0] = shape[1] = shape[2] = shape[3] = 1;
    sizes = strchr(sizes, '[') + 1;
    for (size_t i = 0; i < 4 && *sizes != ']'; i++) {
        char *end;
        shape[i] = strtoul(sizes, &end, 10);
        sizes = end + strspn(end, ", ");
    }
    size_t start = strtoul(strchr(offsets, '[') + 1, NULL, 10);
    return (const float *)(const void *)(file->data + start);
}

size_t tensors_number(const tensors *file, const char *key)
{
    const char *value = value_of(file->header, key);
    return value ? strtoul(value + strspn(value, " \""), NULL, 10) : 0;
}
