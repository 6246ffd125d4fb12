/* SPDX-License-Identifier: ISC */
/* Tells the time, the median of times, and the memory of this process. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_reset_peak_memory(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

/* Return a value of /proc/self/status in bytes. */
static double memory_line(const char *name)
{
    double kilobytes = 0;
    char line[256];
    size_t length = strlen(name);
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) {
        if (!strncmp(line, name, length)) {
            kilobytes = strtod(line + length, NULL);
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return kilobytes * 1024;
}

double bench_memory(void)
{
    return memory_line("VmRSS:");
}

double bench_peak_memory(void)
{
    return memory_line("VmHWM:");
}
