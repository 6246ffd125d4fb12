/* SPDX-License-Identifier: ISC */
/* Scans the audio files of a root, once, on several threads, and reports about them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/activity.h"
#include "data/library.h"
#include "data/random.h"

/* ---- The report of the loader's threads ---- */

static void say(bsm_report *report, const char *line)
{
    if (report->log) {
        report->log(report->user, line);
    }
}

void bsm_report_line(bsm_report *report, const char *format, ...)
{
    char text[512], line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bsm_format_line(line, sizeof line, "%s", text);
    pthread_mutex_lock(&report->lock);
    say(report, line);
    pthread_mutex_unlock(&report->lock);
}

void bsm_report_skipped(bsm_report *report, const char *reason)
{
    char line[600];
    bsm_format_line(line, sizeof line, "%s: skipped", reason);
    pthread_mutex_lock(&report->lock);
    report->skipped++;
    say(report, line);
    pthread_mutex_unlock(&report->lock);
}

uint64_t bsm_report_count(bsm_report *report)
{
    pthread_mutex_lock(&report->lock);
    const uint64_t skipped = report->skipped;
    pthread_mutex_unlock(&report->lock);
    return skipped;
}

/* ---- Scanning a root's audio files, once, on several threads ---- */

enum { MAX_THREADS = 64 };

/** A clip that the cache does not know. */
typedef struct scan_item {
    bsm_clip *clip;
    struct stat file; /* from before the scan, so that a change during it is noticed next time */
    bool whole;
} scan_item;

/** What the threads share. */
typedef struct scan_work {
    const bsm_sad_options *sad;
    bsm_report *report;
    const char *root;
    size_t num_sources;
    double seconds;
    scan_item *items;
    size_t count;
    atomic_size_t next;
    atomic_bool no_memory;
} scan_work;

static void skip(bsm_clip *clip, bsm_report *report, const char *reason)
{
    bsm_report_skipped(report, reason);
    clip->path = NULL;
}

/* List the clip's file and those to subtract from it; `less` is their number. NULL when out of
 * memory. */
static const char **list_files(const scan_work *work, const bsm_clip *clip, size_t *less)
{
    const bsm_clip **others = calloc(work->num_sources, sizeof *others);
    const char **paths = calloc(work->num_sources + 1, sizeof *paths);
    if (!others || !paths) {
        free(others);
        free(paths);
        return NULL;
    }
    *less = bsm_clip_less(clip, work->num_sources, others);
    paths[0] = clip->path;
    for (size_t i = 0; i < *less; i++) {
        paths[1 + i] = others[i]->path;
    }
    free(others);
    return paths;
}

static bsm_status scan_clip(const scan_work *work, bsm_clip *clip, bsm_error *error)
{
    size_t less;
    const char **paths = list_files(work, clip, &less);
    if (!paths) {
        return BSM_NO_MEMORY;
    }
    bsm_status status = work->sad->enabled
                            ? bsm_activity_scan(paths, less, work->sad, &clip->activity, error)
                            : bsm_activity_glance(paths, less, &clip->activity, error);
    free(paths);
    return status;
}

static void scan_item_once(scan_work *work, scan_item *item)
{
    bsm_error error = {0};
    bsm_status status = scan_clip(work, item->clip, &error);
    if (status == BSM_NO_MEMORY) {
        atomic_store(&work->no_memory, true);
    } else if (status) {
        skip(item->clip, work->report, error.message);
    }
    item->whole = !status;
    if (item->whole && item->clip->activity.nonfinite) {
        bsm_report_line(work->report,
                        "%s: %llu samples are not numbers (NaN or infinite): taken as 0",
                        item->clip->path, (unsigned long long)item->clip->activity.nonfinite);
    }
    if (item->whole && item->clip->activity.lacking) {
        bsm_report_line(work->report, "%s: ends %llu samples before its header says: used as it is",
                        item->clip->path, (unsigned long long)item->clip->activity.lacking);
    }
}

static void *run_thread(void *user)
{
    scan_work *work = user;
    for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->count;) {
        scan_item_once(work, &work->items[i]);
    }
    return NULL;
}

/* Work on this thread and on as many others as the system grants. */
static void scan_all(scan_work *work, size_t threads)
{
    pthread_t others[MAX_THREADS];
    size_t started = 0;
    threads = threads < MAX_THREADS ? threads : MAX_THREADS;
    while (started + 1 < threads && started + 1 < work->count &&
           pthread_create(&others[started], NULL, run_thread, work) == 0) {
        started++;
    }
    run_thread(work);
    for (size_t i = 0; i < started; i++) {
        pthread_join(others[i], NULL);
    }
}

/* What shows that a clip has changed; for a difference it combines all of its files. */
static bool find_stat(const char *const *paths, size_t less, struct stat *file)
{
    uint64_t hash = 0;
    bool found = stat(paths[0], file) == 0;
    for (size_t i = 1; found && i <= less; i++) {
        struct stat other;
        found = stat(paths[i], &other) == 0;
        for (const char *c = strrchr(paths[i], '/'); found && c && *c; c++) {
            hash = bsm_random_hash(hash + (unsigned char)*c + 1);
        }
        if (found) {
            hash = bsm_random_hash(hash + (uint64_t)other.st_size);
            hash = bsm_random_hash(hash + (uint64_t)other.st_mtim.tv_sec);
            hash = bsm_random_hash(hash + (uint64_t)other.st_mtim.tv_nsec);
        }
    }
    if (found && less) {
        file->st_mtim.tv_nsec = (long)(hash % 1000000000);
    }
    return found;
}

/* Take a clip from the cache, or add it to the list to scan. */
static void look_up(scan_work *work, bsm_segments_cache *cache, bsm_clip *clip)
{
    struct stat file;
    size_t less;
    const char **paths = list_files(work, clip, &less);
    if (!paths) {
        atomic_store(&work->no_memory, true);
    } else if (!find_stat(paths, less, &file)) {
        bsm_error error = {0};
        bsm_fail_errno(&error, errno, clip->path, "cannot open");
        skip(clip, work->report, error.message);
    } else if (!cache || !bsm_segments_cache_find(cache, clip->path, &file, &clip->activity)) {
        work->items[work->count++] = (scan_item){.clip = clip, .file = file};
    }
    free(paths);
}

static bsm_status keep(const scan_work *work, bsm_segments_cache *cache, bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < work->count && !status; i++) {
        const scan_item *item = &work->items[i];
        if (item->whole) {
            status = bsm_segments_cache_add(cache, item->clip->path, &item->file,
                                            &item->clip->activity, error);
        }
    }
    return status;
}

/* ---- Unusable files ---- */

static void drop_short(const scan_work *work, bsm_clip *clip)
{
    const double length = (double)clip->activity.frames / (double)clip->activity.rate;
    if (length < work->seconds) {
        bsm_error error = {0};
        bsm_fail(&error, BSM_BAD_AUDIO, "%s: lasts %.3g s, less than the %.3g s of an example",
                 clip->path, length, work->seconds);
        skip(clip, work->report, error.message);
    }
}

/* A difference needs all of its files. */
static void drop_incomplete(const scan_work *work, bsm_clip *clip)
{
    for (size_t s = 0; clip->path && s < work->num_sources; s++) {
        if (&clip->row[s] != clip && !clip->row[s].path) {
            bsm_error error = {0};
            bsm_fail(&error, BSM_BAD_AUDIO,
                     "%s: what its sources leave cannot be told without all of them", clip->path);
            skip(clip, work->report, error.message);
        }
    }
}

/* ---- The whole scan ---- */

/* Scan the files of sources, or the differences between mixtures and those. */
static bsm_status scan_round(scan_work *work, bsm_segments_cache *cache, bsm_clip *clips,
                             size_t num_clips, size_t threads, bool differences, bsm_error *error)
{
    work->count = 0;
    atomic_store(&work->next, 0);
    for (size_t i = 0; i < num_clips; i++) {
        if (clips[i].path && (clips[i].row != NULL) == differences) {
            look_up(work, cache, &clips[i]);
        }
    }
    if (cache && work->count) {
        bsm_report_line(work->report, "%s: finding where the sources sound in %zu %s", work->root,
                        work->count, differences ? "mixtures" : "files");
    }
    scan_all(work, threads);
    if (atomic_load(&work->no_memory)) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", work->root);
    }
    bsm_status status = cache ? keep(work, cache, error) : BSM_OK;
    for (size_t i = 0; i < num_clips && !status; i++) {
        if (clips[i].path && (clips[i].row != NULL) == differences) {
            drop_short(work, &clips[i]);
        }
    }
    return status;
}

static bsm_status scan_rounds(scan_work *work, bsm_segments_cache *cache, bsm_clip *clips,
                              size_t num_clips, size_t threads, bsm_error *error)
{
    bsm_status status = scan_round(work, cache, clips, num_clips, threads, false, error);
    if (status) {
        return status;
    }
    for (size_t i = 0; i < num_clips; i++) {
        if (clips[i].row) {
            drop_incomplete(work, &clips[i]);
        }
    }
    status = scan_round(work, cache, clips, num_clips, threads, true, error);
    bsm_error unwritten = {0};
    if (!status && cache && bsm_segments_cache_save(cache, &unwritten)) {
        bsm_report_line(work->report, "%s: the activity lists are not kept", unwritten.message);
    }
    return status;
}

bsm_status bsm_library_scan(const bsm_data_options *options, const char *root, bsm_clip *clips,
                            size_t num_clips, double seconds, size_t threads, bsm_report *report,
                            bsm_error *error)
{
    scan_work work = {.sad = &options->sad,
                      .report = report,
                      .root = root,
                      .num_sources = options->num_sources,
                      .seconds = seconds};
    atomic_init(&work.next, 0);
    atomic_init(&work.no_memory, false);
    bsm_segments_cache *cache = NULL;
    bsm_status status = BSM_OK;
    work.items = calloc(num_clips + 1, sizeof *work.items);
    if (!work.items) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", root);
    }
    if (options->sad.enabled) {
        status =
            bsm_segments_cache_open(root, options->segments_cache, &options->sad, &cache, error);
    }
    if (!status) {
        status = scan_rounds(&work, cache, clips, num_clips, threads, error);
    }
    bsm_segments_cache_free(cache);
    free(work.items);
    return status;
}
