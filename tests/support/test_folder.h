/* SPDX-License-Identifier: ISC */
/** A folder for each test's files, which is removed after the test. */
#ifndef BSM_TESTS_FILE_TEST_FOLDER_H
#define BSM_TESTS_FILE_TEST_FOLDER_H

#include <stddef.h>

#include "file/output_files.h"

/** The folder, and the path that the last call of in_folder has made. */
extern char *folder;
extern char path[BSM_MAX_PATH];

/** cmocka's setup and teardown. */
int set_up_folder(void **state);
int tear_down_folder(void **state);

/** Return the path of a file in the folder, valid until the next call. */
const char *in_folder(const char *name);

/** Write a file in the folder. */
void write_bytes(const char *name, const void *bytes, size_t size);

#endif
