/* SPDX-License-Identifier: ISC */
/** A folder for each test's files, which vanishes with them after it. */
#ifndef BSM_TESTS_FILE_TEST_FOLDER_H
#define BSM_TESTS_FILE_TEST_FOLDER_H

#include <stddef.h>

#include "file/output_files.h"

/** The folder, and the path that in_folder has made last. */
extern char *folder;
extern char path[BSM_MAX_PATH];

/** cmocka's setup and teardown. */
int set_up_folder(void **state);
int tear_down_folder(void **state);

/** The path of a file in the folder, valid until the next call. */
const char *in_folder(const char *name);

/** Make a file in the folder. */
void write_bytes(const char *name, const void *bytes, size_t size);

#endif
