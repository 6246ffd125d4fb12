/* SPDX-License-Identifier: ISC */
/* Writes log.jsonl. */
#include "output/output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/new_file.h"

struct bsm_log {
    FILE *file;
    char *path;
};

/* A line that was cut off when the program was killed is not valid JSON. */
static bool is_kept(const char *line, uint64_t step)
{
    cJSON *object = cJSON_Parse(line);
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(object, "step");
    const bool kept = cJSON_IsNumber(number) && number->valuedouble <= (double)step;
    cJSON_Delete(object);
    return kept;
}

static bsm_status copy_lines(FILE *from, uint64_t step, bsm_new_file *to, bsm_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    bsm_status status = BSM_OK;
    while (!status && (length = getline(&line, &capacity, from)) > 0) {
        if (is_kept(line, step)) {
            status = bsm_new_file_write(to, line, (size_t)length, error);
        }
    }
    free(line);
    return status;
}

static bsm_status cut(const char *path, uint64_t step, bsm_error *error)
{
    FILE *old = fopen(path, "re");
    if (!old) {
        return errno == ENOENT ? BSM_OK : bsm_fail_errno(error, errno, path, "cannot read");
    }
    bsm_new_file file;
    bsm_status status = bsm_new_file_begin(path, true, &file, error);
    if (!status) {
        status = copy_lines(old, step, &file, error);
        if (status) {
            bsm_new_file_abandon(&file);
        } else {
            status = bsm_new_file_commit(&file, true, error);
        }
    }
    fclose(old);
    return status;
}

static bsm_status open_file(bsm_log *log, const char *folder, uint64_t step, bsm_error *error)
{
    if (asprintf(&log->path, "%s/log.jsonl", folder) < 0) {
        log->path = NULL;
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    bsm_status status = cut(log->path, step, error);
    if (status) {
        return status;
    }
    log->file = fopen(log->path, "ae");
    return log->file ? BSM_OK : bsm_fail_errno(error, errno, log->path, "cannot write");
}

bsm_status bsm_log_open(const char *folder, uint64_t step, bsm_log **log, bsm_error *error)
{
    bsm_log *l = calloc(1, sizeof *l);
    if (!l) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", folder);
    }
    const bsm_status status = open_file(l, folder, step, error);
    if (status) {
        bsm_log_close(l, NULL);
        return status;
    }
    *log = l;
    return BSM_OK;
}

bsm_status bsm_log_close(bsm_log *log, bsm_error *error)
{
    if (!log) {
        return BSM_OK;
    }
    bsm_status status = BSM_OK;
    if (log->file && fclose(log->file)) {
        status = bsm_fail_errno(error, errno, log->path, "cannot write");
    }
    free(log->path);
    free(log);
    return status;
}

bsm_status bsm_log_write(bsm_log *log, cJSON *object, bsm_error *error)
{
    char *text = cJSON_PrintUnformatted(object);
    cJSON_Delete(object);
    if (!text) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", log->path);
    }
    const bool ok = fprintf(log->file, "%s\n", text) >= 0 && fflush(log->file) == 0;
    cJSON_free(text);
    return ok ? BSM_OK : bsm_fail_errno(error, errno, log->path, "cannot write");
}
