/* SPDX-License-Identifier: ISC */
/* Writes the figures of a validation for people, programs and spreadsheets. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "validate/validate.h"

enum { MAX_NAME = 48, COLUMN = 9 };

static const char rest_name[] = "rest";

/* The names of figures in JSON and CSV, and the table's headings. */
static const struct {
    const char *key, *title;
} names[BSM_NUM_FIGURES] = {
    [BSM_FIGURE_USDR] = {"usdr", "uSDR"},
    [BSM_FIGURE_CENTRE_USDR] = {"centre_usdr", "centre"},
    [BSM_FIGURE_CSDR] = {"csdr", "cSDR"},
    [BSM_FIGURE_MISSED] = {"missed", "missed"},
    [BSM_FIGURE_LET_THROUGH] = {"let_through", "through"},
    [BSM_FIGURE_MIXED] = {"mixed", "mixed"},
    [BSM_FIGURE_SPARSE_CSDR] = {"sparse_csdr", "sparse"},
    [BSM_FIGURE_SILENT_RESIDUAL] = {"silent_residual", "residual"},
    [BSM_FIGURE_TYPICAL_RESIDUAL] = {"typical_residual", "typical"},
};

const char *bsm_figure_key(bsm_figure figure)
{
    return names[figure].key;
}

static const char *stem_name(const bsm_config *config, size_t stem)
{
    return stem < config->num_stems ? config->stems[stem] : rest_name;
}

/* ---- The table ---- */

/* Count characters: each byte that does not continue a character begins one (UTF-8). */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void print_name(const char *name, size_t width, FILE *file)
{
    char line[4 * MAX_NAME];
    bsm_format_line(line, sizeof line, "%s", name);
    const size_t have = width_of(line);
    fprintf(file, "%s%*s", line, have < width ? (int)(width - have) : 0, "");
}

static void print_figure(double value, FILE *file)
{
    if (isnan(value)) {
        fprintf(file, "%*s", COLUMN, "-");
    } else {
        fprintf(file, "%*.2f", COLUMN, fabs(value) < 0.005 ? 0 : value); /* avoids "-0.00" */
    }
}

typedef struct table_widths {
    size_t name, stem;
} table_widths;

static table_widths find_widths(const bsm_validation *validation, const bsm_config *config)
{
    table_widths widths = {sizeof "median" - 1, sizeof rest_name - 1};
    for (size_t r = 0; r < validation->num_results; r++) {
        const size_t name = width_of(validation->results[r].track);
        const size_t stem = width_of(stem_name(config, validation->results[r].stem));
        widths.name = name > widths.name ? name : widths.name;
        widths.stem = stem > widths.stem ? stem : widths.stem;
    }
    widths.name = widths.name < MAX_NAME ? widths.name : MAX_NAME;
    return widths;
}

static void print_row(const char *name, const char *stem, table_widths widths,
                      const double figures[BSM_NUM_FIGURES], FILE *file)
{
    print_name(name, widths.name + 2, file);
    print_name(stem, widths.stem, file);
    for (bsm_figure f = 0; f < BSM_NUM_FIGURES; f++) {
        print_figure(figures[f], file);
    }
    fputc('\n', file);
}

void bsm_validation_print(const bsm_validation *validation, const bsm_config *config, FILE *file)
{
    const table_widths widths = find_widths(validation, config);
    print_name("dB", widths.name + 2 + widths.stem, file);
    for (bsm_figure f = 0; f < BSM_NUM_FIGURES; f++) {
        fprintf(file, "%*s", COLUMN, names[f].title);
    }
    fputc('\n', file);
    for (size_t r = 0; r < validation->num_results; r++) {
        const bsm_track_result *result = &validation->results[r];
        double figures[BSM_NUM_FIGURES];
        for (bsm_figure f = 0; f < BSM_NUM_FIGURES; f++) {
            figures[f] = bsm_track_figure(result, f);
        }
        print_row(result->track, stem_name(config, result->stem), widths, figures, file);
    }
    for (size_t s = 0; s < validation->num_stems; s++) {
        const bsm_stem_summary *summary = &validation->summaries[s];
        print_row("mean", stem_name(config, s), widths, summary->mean, file);
        print_row("median", stem_name(config, s), widths, summary->median, file);
    }
    fprintf(file, "%zu track%s, %s: %.1f s of audio in %.1f s\n", validation->num_tracks,
            validation->num_tracks == 1 ? "" : "s", validation->method, validation->seconds_audio,
            validation->seconds_taken);
}

/* ---- JSON ---- */

/* cJSON's functions return NULL when out of memory and accept a NULL object; `whole` records
 * both. */
static void add_number(cJSON *object, const char *key, double value, bool *whole)
{
    const cJSON *added = isfinite(value) ? cJSON_AddNumberToObject(object, key, value)
                                         : cJSON_AddNullToObject(object, key);
    *whole &= added != NULL;
}

static void add_text(cJSON *object, const char *key, const char *text, bool *whole)
{
    *whole &= cJSON_AddStringToObject(object, key, text) != NULL;
}

static void add_figures(cJSON *object, const char *key, const double figures[BSM_NUM_FIGURES],
                        bool *whole)
{
    cJSON *inner = cJSON_AddObjectToObject(object, key);
    *whole &= inner != NULL;
    for (bsm_figure f = 0; f < BSM_NUM_FIGURES; f++) {
        add_number(inner, bsm_figure_key(f), figures[f], whole);
    }
}

static void add_result(cJSON *list, const bsm_track_result *result, const char *stem, bool *whole)
{
    cJSON *object = cJSON_CreateObject();
    if (!object || !cJSON_AddItemToArray(list, object)) {
        cJSON_Delete(object);
        *whole = false;
        return;
    }
    add_text(object, "track", result->track, whole);
    add_text(object, "stem", stem, whole);
    for (bsm_figure f = 0; f < BSM_NUM_FIGURES; f++) {
        add_number(object, bsm_figure_key(f), bsm_track_figure(result, f), whole);
    }
    add_number(object, "frames", (double)result->sdr.frames, whole);
    add_number(object, "sparse_frames", (double)result->sdr.sparse_frames, whole);
    add_number(object, "silent_frames", (double)result->sdr.silent_frames, whole);
}

static char *make_json(const bsm_validation *validation, const bsm_config *config)
{
    bool whole = true;
    cJSON *root = cJSON_CreateObject();
    add_text(root, "method", validation->method, &whole);
    add_number(root, "seconds_audio", validation->seconds_audio, &whole);
    add_number(root, "seconds_taken", validation->seconds_taken, &whole);
    cJSON *stems = cJSON_AddObjectToObject(root, "stems");
    for (size_t s = 0; s < validation->num_stems; s++) {
        cJSON *stem = cJSON_AddObjectToObject(stems, stem_name(config, s));
        add_figures(stem, "mean", validation->summaries[s].mean, &whole);
        add_figures(stem, "median", validation->summaries[s].median, &whole);
    }
    cJSON *tracks = cJSON_AddArrayToObject(root, "tracks");
    for (size_t r = 0; r < validation->num_results; r++) {
        const bsm_track_result *result = &validation->results[r];
        add_result(tracks, result, stem_name(config, result->stem), &whole);
    }
    char *text = whole && tracks ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    return text;
}

bsm_status bsm_validation_write_json(const bsm_validation *validation, const bsm_config *config,
                                     FILE *file, bsm_error *error)
{
    char *text = make_json(validation, config);
    if (!text) {
        return bsm_fail(error, BSM_NO_MEMORY, "validation's JSON: out of memory");
    }
    const bool written = fprintf(file, "%s\n", text) > 0 && fflush(file) == 0;
    cJSON_free(text);
    return written ? BSM_OK : bsm_fail(error, BSM_IO, "validation's JSON: cannot write");
}

/* ---- CSV ---- */

/* RFC 4180: text in quotes, with each quote doubled. */
static void write_quoted(const char *text, FILE *file)
{
    fputc('"', file);
    for (; *text; text++) {
        if (*text == '"') {
            fputc('"', file);
        }
        fputc(*text, file);
    }
    fputc('"', file);
}

static void write_number(double value, FILE *file)
{
    fputc(',', file);
    if (!isnan(value)) {
        fprintf(file, "%.6g", value);
    }
}

void bsm_validation_write_csv(const bsm_validation *validation, const bsm_config *config,
                              FILE *file)
{
    fputs("track,stem", file);
    for (bsm_figure f = 0; f < BSM_NUM_FIGURES; f++) {
        fprintf(file, ",%s", bsm_figure_key(f));
    }
    fputs(",frames,sparse_frames,silent_frames\n", file);
    for (size_t r = 0; r < validation->num_results; r++) {
        const bsm_track_result *result = &validation->results[r];
        write_quoted(result->track, file);
        fputc(',', file);
        write_quoted(stem_name(config, result->stem), file);
        for (bsm_figure f = 0; f < BSM_NUM_FIGURES; f++) {
            write_number(bsm_track_figure(result, f), file);
        }
        fprintf(file, ",%zu,%zu,%zu", result->sdr.frames, result->sdr.sparse_frames,
                result->sdr.silent_frames);
        fputc('\n', file);
    }
}
