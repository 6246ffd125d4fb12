/* SPDX-License-Identifier: ISC */
/** The CUDA device that a test is about: on a GPU, or on a GPU that the host emulates. These tests
 *  do not use cmocka, so that they run on machines that have CUDA and little else. */
#ifndef BSM_TESTS_CUDA_DEVICE_UNDER_TEST_H
#define BSM_TESTS_CUDA_DEVICE_UNDER_TEST_H

#include <stdbool.h>

#include "device/device.h"

/** Return the device. If there is none, print a line that says why and return NULL. */
const bsm_device *device_under_test(void);

/** Return true if the device is a real GPU: then there is time for large models. */
bool device_is_a_gpu(void);

/** Exit status of a test that could not run. */
enum { TEST_SKIPPED = 77 };

/** Unless `right`, print what is wrong and count it. */
void expect(bool right, const char *format, ...) BSM_PRINTF(2, 3);
int failures(void);

/** Return norm(actual - expected) / norm(expected); infinite if anything is not finite. */
double relative_error(const float *actual, const float *expected, size_t count);

#endif
