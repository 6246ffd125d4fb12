/* SPDX-License-Identifier: ISC */
/** A folder for a test's files, and the small network that most tests of models use. */
#ifndef BSM_TESTS_MODEL_SCRATCH_H
#define BSM_TESTS_MODEL_SCRATCH_H

#include <stddef.h>

#include "bsm/model.h"

/** Make the folder: a cmocka group set-up. */
int scratch_setup(void **state);

/** Remove it with all files: a cmocka group tear-down. */
int scratch_teardown(void **state);

/** Return the path of a file in the folder; valid until the next eight calls. */
const char *scratch_path(const char *name);

/** Write a file and return its path. */
const char *scratch_write(const char *name, const void *data, size_t size);

/** Read a whole file; the caller frees it. */
void *scratch_read(const char *path, size_t *size);

/** Return the number of files in the folder. */
size_t scratch_count(void);

/** Return a configuration with two stems, mono, one layer, about 1200 parameters. */
bsm_config mini_config(void);

/** Return an untrained model of mini_config. */
bsm_model *mini_model(void);

/** Fail the test unless both models have the same tensors, bit-identical as float32. */
void assert_same_weights(const bsm_model *a, const bsm_model *b);

/** Open `path`, which must fail with `status` and a message that contains the file's name and
 *  `text`. */
void assert_open_fails(const char *path, bsm_status status, const char *text);

/** Open `path`, which must succeed. */
bsm_model *assert_opens(const char *path);

#endif
