/* SPDX-License-Identifier: ISC */
/* bsm-trainer: trains a network, or measures how well one separates. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "args.h"
#include "bsm/log.h"
#include "collective.h"
#include "config/settings.h"
#include "program_options.h"
#include "run/run.h"
#include "validate/validate_command.h"

typedef struct program {
    trainer_args args;
    bsm_trainer_settings *settings;
    char *text; /**< the settings, as YAML */
    bsm_collective collective;
    bsm_console console;
} program;

static exit_code fail(program *p, const bsm_error *error, exit_activity activity)
{
    char process[48] = "";
    if (p->collective.size > 1) {
        snprintf(process, sizeof process, "process %zu of %zu: ", p->collective.rank + 1,
                 p->collective.size);
    }
    bsm_console_clear(&p->console);
    fprintf(stderr, "bsm-trainer: %s%s\n", process, error->message);
    return exit_code_for(error->status, activity);
}

/* An error that all processes have is reported once: by the first process, which then ends the
 * others with a signal. */
static bool is_ended_by_first(const bsm_collective *collective)
{
    /* 5 s: on a busy machine a launcher takes its time to end all processes */
    enum { MOMENTS = 50 };
    const struct timespec moment = {.tv_nsec = 100000000};
    for (size_t i = 0; collective->rank > 0 && !bsm_stop_requested() && i < MOMENTS; i++) {
        nanosleep(&moment, NULL);
    }
    return collective->rank > 0 && bsm_stop_requested();
}

/* All processes stop at a signal, and one of them reports it. If a process fails, it ends the
 * others. */
static exit_code fail_training(program *p, const bsm_error *error, bsm_doing doing)
{
    static const exit_activity activities[] = {
        [BSM_DOING_ELSE] = DOING_ELSE,
        [BSM_DOING_MODEL] = READING_MODEL,
        [BSM_DOING_DATA] = READING_INPUT,
        [BSM_DOING_OUTPUT] = WRITING_OUTPUT,
    };
    const bool stopped = error->status == BSM_CANCELLED;
    const bool silent = stopped ? p->collective.rank > 0 : is_ended_by_first(&p->collective);
    const exit_code code = silent ? exit_code_for(error->status, activities[doing])
                                  : fail(p, error, activities[doing]);
    if (!stopped) {
        bsm_collective_abort(&p->collective, (int)code);
    }
    return code;
}

/* Messages of the library must not run into the progress bar. */
static void on_line(void *user, const char *line)
{
    bsm_console_warn(user, "%s", line);
}

static exit_code train(program *p)
{
    bsm_error error;
    if (bsm_collective_start(&p->collective, &error)) {
        return fail(p, &error, DOING_ELSE);
    }
    p->console.quiet = p->console.quiet || p->collective.rank > 0;
    bsm_run run = {
        .settings = p->settings,
        .text = p->text,
        .collective = &p->collective,
        .console = p->console,
    };
    bsm_log_set_handler(on_line, &run.console);
    const bsm_status status = bsm_run_train(&run, &error);
    bsm_log_set_handler(NULL, NULL);
    const exit_code code = status ? fail_training(p, &error, run.doing) : EXIT_CODE_OK;
    bsm_collective_end(&p->collective);
    return code;
}

static exit_code validate(program *p)
{
    bsm_error error;
    exit_activity activity = DOING_ELSE;
    bsm_log_set_handler(on_line, &p->console);
    const bsm_status status =
        validate_command(&p->args, p->settings, &p->console, &activity, &error);
    return status ? fail(p, &error, activity) : EXIT_CODE_OK;
}

static exit_code run(program *p)
{
    const bsm_settings_source source = {
        .path = p->args.config,
        .assignments = p->args.assignments,
        .num_assignments = p->args.num_assignments,
    };
    bsm_error error;
    if (bsm_settings_load(&source, &p->settings, &p->text, &error)) {
        fail(p, &error, DOING_ELSE);
        return error.status == BSM_NO_MEMORY ? EXIT_CODE_MEMORY : EXIT_CODE_USAGE;
    }
    exit_code code = EXIT_CODE_OK;
    if (p->args.action == TRAINER_PRINT_CONFIG) {
        fputs(p->text, stdout);
    } else {
        code = p->args.action == TRAINER_VALIDATE ? validate(p) : train(p);
    }
    bsm_settings_free(p->settings);
    free(p->text);
    return code;
}

int main(int argc, char **argv)
{
    program p = {.collective = {.size = 1}};
    bsm_error error;
    exit_code code = EXIT_CODE_OK;
    if (trainer_args_parse(argc, argv, &p.args, &error)) {
        return (int)program_refuse(&trainer_program, &error);
    }
    p.console = (bsm_console){.quiet = p.args.quiet, .terminal = isatty(STDERR_FILENO) != 0};
    if (p.args.action == TRAINER_HELP) {
        program_print(&trainer_program, PROGRAM_HELP);
    } else if (p.args.action == TRAINER_VERSION) {
        program_print(&trainer_program, PROGRAM_VERSION);
    } else if (p.args.action == TRAINER_LIST_KEYS) {
        bsm_settings_print_keys();
    } else {
        code = run(&p);
    }
    trainer_args_free(&p.args);
    return (int)exit_code_after_output("bsm-trainer", code);
}
