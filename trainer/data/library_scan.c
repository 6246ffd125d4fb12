/* SPDX-License-Identifier: ISC */
/* Reading through a root's audio files, once, on several threads. */
#include "data/library_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/segments_cache.h"

enum { MAX_THREADS = 64 };

/** A file that the cache does not know. */
typedef struct scan_item {
    bsm_clip *clip;
    struct stat file; /* before it was read: a change meanwhile is seen the next time */
    bool whole;
} scan_item;

/** What the threads share. */
typedef struct scan_work {
    const bsm_sad_options *sad;
    bsm_report *report;
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

static void scan_file(scan_work *work, scan_item *item)
{
    bsm_error error = {0};
    bsm_clip *clip = item->clip;
    bsm_status status = work->sad->enabled
                            ? bsm_activity_scan(clip->path, work->sad, &clip->activity, &error)
                            : bsm_activity_glance(clip->path, &clip->activity, &error);
    if (status == BSM_NO_MEMORY) {
        atomic_store(&work->no_memory, true);
    } else if (status) {
        skip(clip, work->report, error.message);
    }
    item->whole = !status;
}

static void *run_thread(void *user)
{
    scan_work *work = user;
    for (size_t i; (i = atomic_fetch_add(&work->next, 1)) < work->count;) {
        scan_file(work, &work->items[i]);
    }
    return NULL;
}

/* On this thread and, as far as they can be had, on others. */
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

/* Take what the cache knows, and list the rest. */
static void look_up(scan_work *work, bsm_segments_cache *cache, bsm_clip *clips, size_t num_clips)
{
    for (size_t i = 0; i < num_clips; i++) {
        bsm_error error = {0};
        struct stat file;
        bsm_clip *clip = &clips[i];
        if (clip->path && stat(clip->path, &file) != 0) {
            bsm_fail_errno(&error, errno, clip->path, "cannot open");
            skip(clip, work->report, error.message);
        }
        if (clip->path &&
            !(cache && bsm_segments_cache_find(cache, clip->path, &file, &clip->activity))) {
            work->items[work->count++] = (scan_item){.clip = clip, .file = file};
        }
    }
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
    bsm_error unwritten = {0};
    if (!status && bsm_segments_cache_save(cache, &unwritten)) {
        bsm_report_line(work->report, "%s: the activity lists are not kept", unwritten.message);
    }
    return status;
}

static void drop_short(bsm_clip *clips, size_t num_clips, double seconds, bsm_report *report)
{
    for (size_t i = 0; i < num_clips; i++) {
        bsm_clip *clip = &clips[i];
        const double length =
            clip->path ? (double)clip->activity.frames / (double)clip->activity.rate : seconds;
        if (length < seconds) {
            bsm_error error = {0};
            bsm_fail(&error, BSM_BAD_AUDIO, "%s: lasts %.3g s, less than the %.3g s of an example",
                     clip->path, length, seconds);
            skip(clip, report, error.message);
        }
    }
}

bsm_status bsm_library_scan(const bsm_data_options *options, const char *root, bsm_clip *clips,
                            size_t num_clips, double seconds, size_t threads, bsm_report *report,
                            bsm_error *error)
{
    scan_work work = {.sad = &options->sad, .report = report};
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
        look_up(&work, cache, clips, num_clips);
        if (cache && work.count) {
            bsm_report_line(report, "%s: finding where the sources sound in %zu files", root,
                            work.count);
        }
        scan_all(&work, threads);
        if (atomic_load(&work.no_memory)) {
            status = bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", root);
        }
    }
    if (!status && cache) {
        status = keep(&work, cache, error);
    }
    if (!status) {
        drop_short(clips, num_clips, seconds, report);
    }
    bsm_segments_cache_free(cache);
    free(work.items);
    return status;
}
