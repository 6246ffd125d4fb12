/* SPDX-License-Identifier: ISC */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "device_under_test.h"

static int failed;

void expect(bool right, const char *format, ...)
{
    if (right) {
        return;
    }
    failed++;
    va_list arguments;
    va_start(arguments, format);
    fputs("wrong: ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

int failures(void)
{
    return failed;
}

double relative_error(const float *actual, const float *expected, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)actual[i] - (double)expected[i];
        difference += d * d;
        size += (double)expected[i] * (double)expected[i];
    }
    double error = sqrt(difference) / sqrt(size);
    return isfinite(error) ? error : INFINITY;
}
