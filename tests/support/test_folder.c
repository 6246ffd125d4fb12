/* SPDX-License-Identifier: ISC */
#include "test_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake.h"

char *folder;
char path[BSM_MAX_PATH];

int set_up_folder(void **state)
{
    (void)state;
    folder = fake_folder();
    return 0;
}

int tear_down_folder(void **state)
{
    (void)state;
    fake_folder_remove(folder);
    return 0;
}

const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

void write_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}
