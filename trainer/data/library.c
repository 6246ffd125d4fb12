/* SPDX-License-Identifier: ISC */
/* Draws from all the audio files. */
#include "data/library.h"

#include <stdlib.h>

bool bsm_clip_sounds(const bsm_library *library, const bsm_clip *clip)
{
    return clip->path && (!library->sad || clip->activity.num_starts > 0);
}

/* ---- Construction ---- */

static bool sounds_at_all(const bsm_library *library, const bsm_clip *clips)
{
    for (size_t s = 0; s < library->num_sources; s++) {
        if (bsm_clip_sounds(library, &clips[s])) {
            return true;
        }
    }
    return false;
}

static bool make_lists(bsm_library *library, bsm_library_root *root)
{
    const size_t sources = library->num_sources, tracks = root->tracks->num_tracks;
    root->sounding = calloc(sources, sizeof *root->sounding);
    root->num_sounding = calloc(sources, sizeof *root->num_sounding);
    root->any = calloc(tracks + 1, sizeof *root->any);
    bool complete = root->sounding && root->num_sounding && root->any;
    for (size_t s = 0; s < sources && complete; s++) {
        root->sounding[s] = calloc(tracks + 1, sizeof **root->sounding);
        complete = root->sounding[s];
    }
    for (size_t t = 0; t < tracks && complete; t++) {
        const bsm_clip *clips = root->clips + t * sources;
        for (size_t s = 0; s < sources; s++) {
            if (bsm_clip_sounds(library, &clips[s])) {
                root->sounding[s][root->num_sounding[s]++] = t;
                library->num_segments += clips[s].activity.num_starts;
            }
        }
        if (sounds_at_all(library, clips)) {
            root->any[root->num_any++] = t;
            library->num_tracks++;
        }
    }
    return complete;
}

/* If a track with a mixture lacks exactly one source, that source is what the others leave of the
 * mixture. */
static void name_files(const bsm_track *track, size_t num_sources, bsm_clip *clips)
{
    size_t missing = 0, which = 0;
    for (size_t s = 0; s < num_sources; s++) {
        atomic_init(&clips[s].named, false);
        clips[s].path = track->sources[s];
        if (!clips[s].path) {
            missing++;
            which = s;
        }
    }
    if (track->mixture && missing == 1 && num_sources > 1) {
        clips[which].path = track->mixture;
        clips[which].row = clips;
    }
}

static bsm_status add_root(bsm_library *library, const bsm_data_options *options, size_t index,
                           double seconds, size_t threads, bsm_report *report, bsm_error *error)
{
    const bsm_data_root *from = &options->roots[index];
    bsm_library_root *root = &library->roots[index];
    root->weight = from->weight;
    bsm_status status =
        bsm_tracks_find(from->path, from->layout, BSM_SUBSET_TRAIN, options->sources,
                        options->num_sources, &root->tracks, error);
    if (status) {
        return status;
    }
    if (root->tracks->num_left_out) {
        bsm_report_line(report,
                        "%s: %zu folders hold audio files, but none called as a source, and "
                        "are left out, as %s",
                        from->path, root->tracks->num_left_out, root->tracks->left_out);
    }
    const size_t clips = root->tracks->num_tracks * library->num_sources;
    root->clips = calloc(clips + 1, sizeof *root->clips);
    if (!root->clips) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", from->path);
    }
    for (size_t t = 0; t < root->tracks->num_tracks; t++) {
        name_files(&root->tracks->tracks[t], library->num_sources,
                   root->clips + t * library->num_sources);
    }
    status =
        bsm_library_scan(options, from->path, root->clips, clips, seconds, threads, report, error);
    if (!status && !make_lists(library, root)) {
        status = bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", from->path);
    }
    return status;
}

static double weight_of(const bsm_library_root *root, const size_t *count)
{
    return *count ? root->weight : 0;
}

static bsm_status check_sources(const bsm_library *library, const bsm_data_options *options,
                                bsm_error *error)
{
    for (size_t s = 0; s < library->num_sources; s++) {
        double sum = 0;
        for (size_t r = 0; r < library->num_roots; r++) {
            sum += weight_of(&library->roots[r], &library->roots[r].num_sounding[s]);
        }
        if (!(sum > 0)) {
            return bsm_fail(
                error, BSM_NOT_FOUND, "%s%s: no usable file in which the source \"%s\" sounds",
                options->roots[0].path, library->num_roots > 1 ? " and the other roots" : "",
                options->sources[s]);
        }
    }
    return BSM_OK;
}

bsm_status bsm_library_new(const bsm_data_options *options, double seconds, size_t threads,
                           bsm_report *report, bsm_library **library, bsm_error *error)
{
    *library = NULL;
    bsm_library *made = calloc(1, sizeof *made);
    if (!made || !(made->roots = calloc(options->num_roots + 1, sizeof *made->roots))) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "training data: out of memory");
    }
    made->num_sources = options->num_sources;
    made->num_roots = options->num_roots;
    made->sad = options->sad.enabled;
    bsm_status status = BSM_OK;
    for (size_t r = 0; r < options->num_roots && !status; r++) {
        status = add_root(made, options, r, seconds, threads, report, error);
    }
    if (!status) {
        status = check_sources(made, options, error);
    }
    if (status) {
        bsm_library_free(made);
        return status;
    }
    *library = made;
    return BSM_OK;
}

static void clear_root(bsm_library_root *root, size_t sources)
{
    for (size_t i = 0; root->clips && i < root->tracks->num_tracks * sources; i++) {
        free(root->clips[i].activity.starts);
    }
    for (size_t s = 0; root->sounding && s < sources; s++) {
        free(root->sounding[s]);
    }
    free(root->sounding);
    free(root->num_sounding);
    free(root->any);
    free(root->clips);
    bsm_tracks_free(root->tracks);
}

void bsm_library_free(bsm_library *library)
{
    if (library) {
        for (size_t r = 0; r < library->num_roots; r++) {
            clear_root(&library->roots[r], library->num_sources);
        }
        free(library->roots);
        free(library);
    }
}

/* ---- Drawing ---- */

/* The indices of the tracks to draw from. */
static const size_t *count_of(const bsm_library_root *root, const size_t *source)
{
    return source ? &root->num_sounding[*source] : &root->num_any;
}

/* Draw a root by its weight among those with a track to draw. A `source` of NULL means any. */
static const bsm_library_root *draw_root(const bsm_library *library, const size_t *source,
                                         bsm_random *random)
{
    double sum = 0;
    for (size_t r = 0; r < library->num_roots; r++) {
        sum += weight_of(&library->roots[r], count_of(&library->roots[r], source));
    }
    double place = sum * bsm_random_unit(random);
    const bsm_library_root *last = NULL;
    for (size_t r = 0; r < library->num_roots; r++) {
        const double weight = weight_of(&library->roots[r], count_of(&library->roots[r], source));
        if (weight > 0) {
            last = &library->roots[r];
            if (place < weight) {
                break;
            }
            place -= weight;
        }
    }
    return last;
}

bsm_clip *bsm_library_draw(const bsm_library *library, size_t source, bsm_random *random)
{
    const bsm_library_root *root = draw_root(library, &source, random);
    const size_t at = (size_t)bsm_random_below(random, root->num_sounding[source]);
    return root->clips + root->sounding[source][at] * library->num_sources;
}

bsm_clip *bsm_library_draw_any(const bsm_library *library, bsm_random *random)
{
    const bsm_library_root *root = draw_root(library, NULL, random);
    const size_t at = (size_t)bsm_random_below(random, root->num_any);
    return root->clips + root->any[at] * library->num_sources;
}

double bsm_library_draw_start(const bsm_library *library, const bsm_clip *clip, double seconds,
                              bsm_random *random)
{
    const bsm_activity *a = &clip->activity;
    const double rate = (double)a->rate, end = (double)a->frames / rate;
    double from = 0, to = end; /* the window */
    if (library->sad) {
        const uint32_t start = a->starts[bsm_random_below(random, a->num_starts)];
        from = (double)start * (double)a->chunk / rate;
        to = from + (double)a->length * (double)a->chunk / rate;
    }
    double low = fmin(from, to - seconds), high = fmax(from, to - seconds);
    low = fmax(low, 0);
    high = fmax(fmin(high, end - seconds), 0);
    return bsm_random_between(random, fmin(low, high), high);
}
