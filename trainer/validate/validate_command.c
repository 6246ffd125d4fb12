/* SPDX-License-Identifier: ISC */
/* Runs bsm-trainer --validate. */
#include "validate/validate_command.h"

#include <stdio.h>
#include <stdlib.h>

#include "bsm/new_file.h"
#include "run/run.h"
#include "validate/validate.h"

typedef struct progress {
    bsm_console *console;
    size_t told; /**< tracks that a line has reported */
} progress;

/* Called several times for each track. */
static bool on_track(void *user, const char *track, size_t number, size_t of)
{
    progress *p = user;
    if (p->console->terminal) {
        bsm_console_show(p->console, "%zu/%zu: %s", number + 1, of, track);
    } else if (number >= p->told) {
        bsm_console_say(p->console, "%zu/%zu: %s", number + 1, of, track);
        p->told = number + 1;
    }
    return !bsm_stop_requested();
}

typedef struct table {
    const bsm_validation *validation;
    const bsm_config *config;
} table;

typedef bsm_status table_writer(const table *t, FILE *stream, bsm_error *error);

static bsm_status write_json(const table *t, FILE *stream, bsm_error *error)
{
    return bsm_validation_write_json(t->validation, t->config, stream, error);
}

static bsm_status write_csv(const table *t, FILE *stream, bsm_error *error)
{
    (void)error;
    bsm_validation_write_csv(t->validation, t->config, stream);
    return BSM_OK;
}

static bsm_status write_text(const char *path, const char *text, size_t size, bsm_error *error)
{
    bsm_new_file file;
    bsm_status status = bsm_new_file_begin(path, true, &file, error);
    if (status) {
        return status;
    }
    status = bsm_new_file_write(&file, text, size, error);
    if (status) {
        bsm_new_file_abandon(&file);
        return status;
    }
    return bsm_new_file_commit(&file, true, error);
}

/* It is better to find out now than after hours of separating. */
static bsm_status check_writable(const char *path, bsm_error *error)
{
    bsm_new_file file;
    const bsm_status status = path ? bsm_new_file_begin(path, true, &file, error) : BSM_OK;
    if (path && !status) {
        bsm_new_file_abandon(&file);
    }
    return status;
}

/* Does nothing without a path. */
static bsm_status write_table(const table *t, table_writer *writer, const char *path,
                              bsm_error *error)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = path ? open_memstream(&text, &size) : NULL;
    if (!stream) {
        return path ? bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path) : BSM_OK;
    }
    bsm_status status = writer(t, stream, error);
    if ((fclose(stream) || !text) && !status) {
        status = bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    if (!status) {
        status = write_text(path, text, size, error);
    }
    free(text);
    return status;
}

static bsm_status write_tables(const trainer_args *args, const table *t, bsm_error *error)
{
    bsm_validation_print(t->validation, t->config, stdout);
    bsm_status status = write_table(t, write_json, args->json, error);
    return status ? status : write_table(t, write_csv, args->csv, error);
}

bsm_status validate_command(const trainer_args *args, const bsm_trainer_settings *settings,
                            bsm_console *console, exit_activity *activity, bsm_error *error)
{
    bsm_validate_options options = bsm_settings_validation(settings);
    if (args->data) {
        options.root = args->data;
        options.layout = settings->validation.layout;
    }
    if (!options.root) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--data or a configuration has to say where "
                        "the tracks are");
    }
    bsm_model *model = NULL;
    bsm_validation *validation = NULL;
    *activity = WRITING_OUTPUT;
    bsm_status status = check_writable(args->json, error);
    if (!status) {
        status = check_writable(args->csv, error);
    }
    if (status) {
        return status;
    }
    *activity = READING_MODEL;
    status = bsm_model_open(args->model, NULL, &model, error);
    if (status) {
        return status;
    }
    bsm_catch_signals();
    *activity = READING_INPUT;
    progress p = {.console = console};
    status = bsm_validate(model, &options, on_track, &p, &validation, error);
    bsm_console_clear(console);
    if (!status) {
        *activity = WRITING_OUTPUT;
        const table t = {.validation = validation, .config = bsm_model_config(model)};
        status = write_tables(args, &t, error);
        bsm_validation_free(validation);
    }
    bsm_model_free(model);
    return status;
}
