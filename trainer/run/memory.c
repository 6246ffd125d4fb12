/* SPDX-License-Identifier: ISC */
/* Finds out how much memory is available. https://docs.kernel.org/admin-guide/cgroup-v2.html */
#include "run/state.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PATH = 1024 };

/* Read the number that follows `name` at the start of a line; false if there is none. */
static bool read_field(const char *path, const char *name, uint64_t *value)
{
    char line[256];
    const size_t length = strlen(name);
    bool found = false;
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        found = strncmp(line, name, length) == 0 && sscanf(line + length, "%" SCNu64, value) == 1;
    }
    if (file) {
        fclose(file);
    }
    return found;
}

static uint64_t system_available(void)
{
    uint64_t kilobytes;
    return read_field("/proc/meminfo", "MemAvailable:", &kilobytes) ? kilobytes * 1024 : UINT64_MAX;
}

/* The memory that one control group leaves; cached pages of files can be reclaimed. */
static uint64_t group_available(const char *folder, const char *limit_name, const char *usage_name,
                                const char *file_field)
{
    char path[MAX_PATH + 128];
    uint64_t limit, usage, files;
    snprintf(path, sizeof path, "%s/%s", folder, limit_name);
    if (!read_field(path, "", &limit)) {
        return UINT64_MAX;
    }
    snprintf(path, sizeof path, "%s/%s", folder, usage_name);
    if (!read_field(path, "", &usage)) {
        return UINT64_MAX;
    }
    snprintf(path, sizeof path, "%s/memory.stat", folder);
    if (!read_field(path, file_field, &files)) {
        files = 0;
    }
    usage -= files < usage ? files : usage;
    return usage < limit ? limit - usage : 0;
}

/* The control group of this process, "/a/b", from a line "0::/a/b" or "4:memory:/a/b". */
static bool read_group(const char *controller, char *group)
{
    char line[MAX_PATH];
    bool found = false;
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *place = strstr(line, controller);
        if (place) {
            snprintf(group, MAX_PATH, "%s", place + strlen(controller));
            group[strcspn(group, "\n")] = '\0';
            found = true;
        }
    }
    if (file) {
        fclose(file);
    }
    return found;
}

/* The least that this group or one of those above it leaves. */
static uint64_t groups_available(const char *mount, const char *controller, const char *limit_name,
                                 const char *usage_name, const char *file_field)
{
    char group[MAX_PATH], folder[MAX_PATH + 64];
    uint64_t least = UINT64_MAX;
    if (!read_group(controller, group)) {
        return least;
    }
    for (;;) {
        snprintf(folder, sizeof folder, "%s%s", mount, group);
        const uint64_t left = group_available(folder, limit_name, usage_name, file_field);
        least = left < least ? left : least;
        char *slash = strrchr(group, '/');
        if (!slash) {
            return least;
        }
        *slash = '\0';
    }
}

uint64_t bsm_memory_available(void)
{
    const uint64_t amounts[] = {
        system_available(),
        groups_available("/sys/fs/cgroup", "0::", "memory.max", "memory.current", "file "),
        groups_available("/sys/fs/cgroup/memory", ":memory:", "memory.limit_in_bytes",
                         "memory.usage_in_bytes", "total_cache "),
    };
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
        least = amounts[i] < least ? amounts[i] : least;
    }
    return least;
}

uint64_t bsm_memory_resident(void)
{
    uint64_t kilobytes;
    return read_field("/proc/self/status", "VmRSS:", &kilobytes) ? kilobytes * 1024 : 0;
}

static double gigabytes(double bytes)
{
    return bytes / 1e9;
}

static double of_device(const bsm_training_memory *memory)
{
    return (double)memory->parameters + (double)memory->activations + (double)memory->scratch;
}

static double of_host(const bsm_memory_need *need)
{
    return (double)need->program + (need->training.on_gpu ? 0 : of_device(&need->training));
}

void bsm_memory_format(const bsm_memory_need *need, char *text, size_t size)
{
    const bsm_training_memory *training = &need->training;
    const double device = of_device(training), program = (double)need->program;
    snprintf(text, size,
             "needs %.2f GB%s: %.2f of parameters, %.2f kept from forward to backward, %.2f of "
             "scratch, %.2f%s of the program and its examples",
             gigabytes(training->on_gpu ? device : device + program),
             training->on_gpu ? " of the GPU" : "", gigabytes((double)training->parameters),
             gigabytes((double)training->activations), gigabytes((double)training->scratch),
             gigabytes(program), training->on_gpu ? " of the host" : "");
}

bsm_status bsm_memory_check(const bsm_memory_need *need, size_t processes, uint64_t available,
                            bsm_error *error)
{
    if (of_host(need) * (double)processes <= (double)available) {
        return BSM_OK;
    }
    char text[192], times[48] = "";
    bsm_memory_format(need, text, sizeof text);
    if (processes > 1) {
        snprintf(times, sizeof times, ", in each of %zu processes", processes);
    }
    return bsm_fail(error, BSM_NO_MEMORY,
                    "%s%s; there are %.2f GB: less with model.use_gradient_checkpointing, a "
                    "shorter audio.segment_length or fewer training.threads",
                    text, times, gigabytes((double)available));
}
