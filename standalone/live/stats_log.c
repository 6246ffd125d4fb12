/* SPDX-License-Identifier: ISC */
/* Writes a file of statistics with one JSON object per line. */
#include "panel.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

bsm_status stats_log_open(stats_log *log, const char *path, bsm_error *error)
{
    log->path = path;
    log->file = fopen(path, "ae");
    return log->file ? BSM_OK : bsm_fail_errno(error, errno, path, "cannot write");
}

void stats_log_close(stats_log *log)
{
    if (log->file) {
        fclose(log->file);
        log->file = NULL;
    }
}

static double wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + round((double)now.tv_nsec / 1e6) / 1e3;
}

/* Silence has no level in decibels, so it is null. */
static void add_level(cJSON *line, const char *name, float peak)
{
    if (peak > 0) {
        cJSON_AddNumberToObject(line, name, 20 * log10((double)peak));
    } else {
        cJSON_AddNullToObject(line, name);
    }
}

static void add_numbers(cJSON *line, const live_view *view)
{
    const bsm_stream_stats *s = &view->stream;
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"time", wall_clock()},
        {"rate", (double)view->rate},
        {"block", (double)view->block},
        {"latency_samples", (double)s->latency},
        {"latency_ms", live_view_latency_ms(view)},
        {"commit_frames", (double)s->commit},
        {"lookahead_frames", (double)s->lookahead},
        {"history_frames", (double)s->history},
        {"segment_frames", (double)s->segment},
        {"warmup_frames", (double)s->warmup},
        {"processed_s", (double)s->processed / (double)view->rate},
        {"load", s->load},
        {"mean_load", s->mean_load},
        {"worst_load", s->worst_load},
        {"blocks", (double)s->blocks},
        {"misses", (double)s->misses},
        {"dry_samples", (double)s->dry_samples},
        {"dropped_samples", (double)s->dropped},
        {"nonfinite_samples", (double)s->nonfinite},
        {"fill_s", s->fill},
        {"xruns", (double)view->xruns},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        cJSON_AddNumberToObject(line, numbers[i].name, numbers[i].value);
    }
}

bsm_status stats_log_write(stats_log *log, const live_view *view, bsm_error *error)
{
    if (!log->file) {
        return BSM_OK;
    }
    cJSON *line = cJSON_CreateObject();
    add_numbers(line, view);
    add_level(line, "vocals_peak_db", view->peak[BSM_VOCALS]);
    add_level(line, "instrumental_peak_db", view->peak[BSM_INSTRUMENTAL]);
    cJSON_AddStringToObject(line, "system", view->system);
    cJSON_AddStringToObject(line, "model", view->model);
    cJSON_AddStringToObject(line, "device", view->device);
    cJSON_AddStringToObject(line, "status", bsm_strerror(view->stream.status));
    cJSON_AddBoolToObject(line, "late", view->stream.late);
    if (*view->failure) {
        cJSON_AddStringToObject(line, "failure", view->failure);
    }
    char *text = cJSON_PrintUnformatted(line);
    cJSON_Delete(line);
    errno = text ? 0 : ENOMEM;
    bool written = text && fprintf(log->file, "%s\n", text) > 0 && fflush(log->file) == 0;
    int cause = errno ? errno : EIO;
    free(text);
    if (written) {
        return BSM_OK;
    }
    stats_log_close(log);
    return bsm_fail_errno(error, cause, log->path, "no more statistics");
}
