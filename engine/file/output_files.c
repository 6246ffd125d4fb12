/* SPDX-License-Identifier: ISC */
/* Names the files that a separation writes, and publishes them together. */
#include "file/output_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Which files are written, and their names ---- */

static const char plain_name[] = "{name}.{stem}";

static const char *extension_of(bsm_file_format format)
{
    static const char *const extensions[] = {
        [BSM_FILE_WAV] = "wav", [BSM_FILE_FLAC] = "flac", [BSM_FILE_OGG] = "ogg",
        [BSM_FILE_MP3] = "mp3", [BSM_FILE_OPUS] = "opus", [BSM_FILE_RAW] = "raw"};
    return extensions[format];
}

size_t bsm_vocals_stem(const bsm_config *config)
{
    for (size_t s = 0; s < config->num_stems; s++) {
        if (strcmp(config->stems[s], "vocals") == 0) {
            return s;
        }
    }
    return 0;
}

/* ---- Names ---- */

/** A text of limited length, which records whether it was too short. */
typedef struct text {
    char *at;
    size_t used;
} text;

static void append(text *t, const char *words, size_t length)
{
    if (t->used + length < BSM_MAX_PATH) {
        memcpy(t->at + t->used, words, length);
        t->used += length;
        t->at[t->used] = '\0';
    } else {
        t->used = BSM_MAX_PATH;
    }
}

/** The text that replaces a word in braces. */
typedef struct meaning {
    const char *word, *text;
    size_t length;
} meaning;

static void append_pattern(text *t, const char *pattern, const meaning meanings[3])
{
    while (*pattern) {
        size_t i = 0;
        while (i < 3 && strncmp(pattern, meanings[i].word, strlen(meanings[i].word)) != 0) {
            i++;
        }
        if (i < 3) {
            append(t, meanings[i].text, meanings[i].length);
            pattern += strlen(meanings[i].word);
        } else {
            append(t, pattern++, 1);
        }
    }
}

bsm_status bsm_separate_name(const char *input, const bsm_separate_options *options,
                             const char *stem, const char *extension, char path[BSM_MAX_PATH],
                             bsm_error *error)
{
    const char *slash = strrchr(input, '/');
    const char *name = slash ? slash + 1 : input;
    const char *dot = strrchr(name, '.');
    const size_t name_length = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    const char *folder = options->output_dir ? options->output_dir : input;
    const size_t folder_length = options->output_dir ? strlen(folder) : (size_t)(name - input);
    text t = {.at = path};
    path[0] = '\0';
    append(&t, folder, folder_length);
    if (folder_length && folder[folder_length - 1] != '/') {
        append(&t, "/", 1);
    }
    const char *ending = name[name_length] ? name + name_length + 1 : "";
    const meaning meanings[] = {{"{name}", name, name_length},
                                {"{stem}", stem, strlen(stem)},
                                {"{ext}", ending, strlen(ending)}};
    append_pattern(&t, options->name ? options->name : plain_name, meanings);
    append(&t, ".", 1);
    append(&t, extension, strlen(extension));
    return t.used < BSM_MAX_PATH
               ? BSM_OK
               : bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: the output's path is too long", input);
}

/* ---- The files ---- */

static bsm_status add(bsm_output_plan *plan, const bsm_separate_options *options, const char *input,
                      const char *name, bsm_output_kind kind, size_t stem, bsm_error *error)
{
    bsm_output *output = &plan->outputs[plan->count++];
    output->kind = kind;
    output->stem = stem;
    return bsm_separate_name(input, options, name, extension_of(options->format), output->path,
                             error);
}

/* A stem must not take the name that the instrumental would have. */
static const char *stem_name(const char *stem)
{
    return strcmp(stem, "instrumental") == 0 ? "instrumental-stem" : stem;
}

bsm_status bsm_output_plan_make(const bsm_config *config, const bsm_separate_options *options,
                                const char *input, bsm_output_plan *plan, bsm_error *error)
{
    const size_t vocals = bsm_vocals_stem(config);
    bsm_status status = BSM_OK;
    plan->count = 0;
    if (options->only != BSM_ONLY_INSTRUMENTAL) {
        status = add(plan, options, input, "vocals", BSM_OUTPUT_VOCALS, vocals, error);
    }
    if (!status && options->only != BSM_ONLY_VOCALS) {
        status = add(plan, options, input, "instrumental", BSM_OUTPUT_INSTRUMENTAL, 0, error);
    }
    for (size_t s = 0; s < config->num_stems && options->all_stems && !status; s++) {
        if (s != vocals) {
            status =
                add(plan, options, input, stem_name(config->stems[s]), BSM_OUTPUT_STEM, s, error);
        }
    }
    return status;
}

bsm_status bsm_separate_outputs(const bsm_config *config, const char *input,
                                const bsm_separate_options *options, bsm_separate_result *result,
                                bsm_error *error)
{
    *result = (bsm_separate_result){0};
    bsm_output_plan *plan = calloc(1, sizeof *plan);
    bsm_status status = plan ? bsm_output_plan_make(config, options, input, plan, error)
                             : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    if (!status) {
        result->outputs = calloc(plan->count, sizeof *result->outputs);
        status = result->outputs ? BSM_OK : bsm_fail(error, BSM_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; !status && i < plan->count; i++) {
        memcpy(result->outputs[result->num_outputs++], plan->outputs[i].path, BSM_MAX_PATH);
    }
    free(plan);
    return status;
}

/* ---- Writing the files ---- */

bsm_status bsm_output_files_add(bsm_output_files *files, const bsm_audio_format *format,
                                bsm_error *error)
{
    bsm_status status = bsm_audio_writer_new(files->paths[files->count], format, files->force,
                                             &files->writers[files->count], error);
    files->count += status == BSM_OK;
    return status;
}

bsm_status bsm_output_files_publish(bsm_output_files *files, bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < files->count && !status; i++) {
        status = bsm_audio_writer_finish(files->writers[i], error);
    }
    size_t published = 0;
    while (published < files->count && !status) {
        status = bsm_audio_writer_publish(files->writers[published], error);
        published += status == BSM_OK;
    }
    while (status && published > 0) {
        unlink(files->paths[--published]);
    }
    return status;
}

void bsm_output_files_clear(bsm_output_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        bsm_audio_writer_free(files->writers[i]);
    }
    files->count = 0;
}
