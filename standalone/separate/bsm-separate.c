/* SPDX-License-Identifier: ISC */
/* bsm-separate: takes the vocals out of audio files. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "balance.h"
#include "bsm/separate.h"
#include "default_model.h"
#include "picture.h"
#include "program_options.h"
#include "progress_line.h"
#include "separate_jobs.h"
#include "share.h"

typedef struct separation {
    separate_args args;
    bsm_network *network;
    progress_line progress;
    picture picture;
    balance balance;
    exit_code failure; /* the exit status for the first file that failed */
    separate_jobs jobs;
    share part;
    size_t done, failed; /* files */
    double seconds;      /* seconds of music that were separated */
    const char *saved_input;
} separation;

static volatile sig_atomic_t stop;

/* ---- Signals ---- */

static void on_signal(int number)
{
    (void)number;
    static const char text[] = "\nbsm-separate: stopping after this window (again: at once)\n";
    stop = 1;
    if (isatty(STDERR_FILENO)) {
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
    }
}

/* The first signal ends the work tidily. The second one ends the program at once and leaves partial
 * files behind. Signals that are ignored stay ignored, as nohup and shells request. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
    signal(SIGXFSZ, SIG_IGN); /* a file above the size limit is an error, like a full disk */
}

static bool on_progress(void *user, const bsm_progress *progress)
{
    separation *s = user;
    progress_line_show(&s->progress, progress);
    return !stop;
}

/* ---- Messages ---- */

static void fail(separation *s, exit_code code, const bsm_error *error)
{
    progress_line_end(&s->progress);
    fprintf(stderr, "bsm-separate: %s%s\n", error->message,
            error->status == BSM_EXISTS ? "; --force replaces it" : "");
    if (s->failure == EXIT_CODE_OK || code == EXIT_CODE_CANCELLED) {
        s->failure = code;
    }
}

static void warn(const char *path, const char *text)
{
    char line[512];
    bsm_format_line(line, sizeof line, "%s: warning: %s", path, text);
    fprintf(stderr, "bsm-separate: %s\n", line);
}

static void warn_count(const char *path, uint64_t count, const char *cause)
{
    char text[128];
    snprintf(text, sizeof text, "%llu %s", (unsigned long long)count, cause);
    warn(path, text);
}

static void warn_missing(const char *path, const bsm_separate_result *result)
{
    char text[128];
    snprintf(text, sizeof text,
             "the file is damaged: %.2f of the %.2f s that it announces are missing",
             result->missing_seconds, result->seconds + result->missing_seconds);
    warn(path, text);
}

static void print_warnings(const char *path, const bsm_separate_result *result)
{
    if (result->nonfinite_samples) {
        warn_count(path, result->nonfinite_samples, "samples are not numbers, taken as 0");
    }
    if (result->missing_seconds > 0) {
        warn_missing(path, result);
    }
    if (result->parts > 1) {
        char line[512];
        bsm_format_line(line, sizeof line, "%s: %zu files joined end to end: all were separated",
                        path, result->parts);
        fprintf(stderr, "bsm-separate: %s\n", line);
    }
    if (result->mixed_channels) {
        char line[512];
        bsm_format_line(line, sizeof line, "%s: %zu channels, mixed down to two", path,
                        result->mixed_channels);
        fprintf(stderr, "bsm-separate: %s\n", line);
    }
    if (result->remark[0]) {
        warn(path, result->remark);
    }
    if (result->clipped_samples) {
        warn_count(path, result->clipped_samples, "samples were too loud for the output's format");
    }
}

static void print_balance(const char *path, const balance *b)
{
    char text[64], line[512];
    balance_format(b, text, sizeof text);
    bsm_format_line(line, sizeof line, "%s: %s", path, text);
    fprintf(stderr, "bsm-separate: %s\n", line);
}

/* ---- Files ---- */

static void on_block(void *user, const bsm_separated_block *block)
{
    separation *s = user;
    balance_add(&s->balance, block);
    if (s->args.picture) {
        picture_listen(&s->picture, block);
    }
}

static void print_name(const char *path)
{
    puts(path);
    fflush(stdout);
}

/* Separate a song without drawing it. Return false after a failure, which has been reported. */
static bool separate_parts(separation *s, const char *path)
{
    bsm_separate_result result;
    bsm_error error;
    progress_line_begin(&s->progress, path);
    s->balance = (balance){0};
    bsm_status status = bsm_separate_file(s->network, path, &s->args.options, &result, &error);
    if (status) {
        fail(s, exit_code_for(status, result.output_failed ? WRITING_OUTPUT : READING_INPUT),
             &error);
        return false;
    }
    progress_line_end(&s->progress);
    s->seconds += result.seconds;
    if (!s->args.quiet) {
        print_warnings(path, &result);
        print_balance(path, &s->balance);
    }
    if (!s->args.quiet && !s->args.options.stream) {
        for (size_t i = 0; i < result.num_outputs; i++) {
            print_name(result.outputs[i]);
        }
    }
    bsm_separate_result_free(&result);
    return true;
}

static void finish_picture(separation *s)
{
    bsm_error error;
    bsm_status status = picture_finish(&s->picture, &error);
    if (status) {
        fail(s, exit_code_for(status, WRITING_OUTPUT), &error);
    } else if (!s->args.quiet) {
        print_name(s->picture.path);
    }
}

static bool separate_with_picture(separation *s, const char *path)
{
    bsm_error error;
    bsm_status status = picture_begin(&s->picture, path, &s->args.options, &error);
    if (status) {
        fail(s, exit_code_for(status, WRITING_OUTPUT), &error);
        return false;
    }
    const bool good = separate_parts(s, path);
    if (good) {
        finish_picture(s);
    } else {
        picture_abandon(&s->picture);
    }
    return good;
}

static void separate_job_of(separation *s, const separate_job *job)
{
    const bool good =
        s->args.picture ? separate_with_picture(s, job->path) : separate_parts(s, job->path);
    s->done += good;
    s->failed += !good;
}

static void separate_jobs_in_turn(separation *s)
{
    double total = 0, done = 0;
    for (size_t i = 0; i < s->jobs.count; i++) {
        total += (double)s->jobs.jobs[i].size;
    }
    s->progress.of = s->jobs.count;
    s->progress.start = progress_now();
    for (size_t i = 0; i < s->jobs.count && !stop; i++) {
        const double size = (double)s->jobs.jobs[i].size;
        s->progress.number = i + 1;
        s->progress.before = total > 0 ? done / total : 0;
        s->progress.share = total > 0 ? size / total : 0;
        separate_job_of(s, &s->jobs.jobs[i]);
        done += size;
    }
}

static void print_summary(const separation *s)
{
    char music[32], time[32];
    if (s->jobs.count > 1 && !s->args.quiet) {
        progress_format_time(s->seconds, music, sizeof music);
        progress_format_time(progress_now() - s->progress.start, time, sizeof time);
        fprintf(stderr, "bsm-separate: %zu of %zu files separated, %s of music in %s%s\n", s->done,
                s->jobs.count, music, time, s->failed ? "; the others failed" : "");
    }
}

/* ---- Inputs ---- */

static void print_left_out(const separation *s, const char *folder, const audio_folder *list)
{
    char text[300], line[512];
    if (!s->args.quiet && audio_folder_left_out(list, text, sizeof text)) {
        bsm_format_line(line, sizeof line, "%s: left out: %s", folder, text);
        fprintf(stderr, "bsm-separate: %s\n", line);
    }
}

static bsm_status add_folder(separation *s, const char *folder, bsm_error *error)
{
    audio_folder list;
    bsm_status status =
        audio_folder_list(folder, bsm_model_config(bsm_network_model(s->network)), &list, error);
    if (status) {
        return status;
    }
    separate_jobs found = {0};
    for (size_t i = 0; i < list.count && !status; i++) {
        status = separate_jobs_add(&found, list.paths[i], error);
    }
    list.num_outputs += separate_jobs_drop_outputs(
        &found, bsm_model_config(bsm_network_model(s->network)), &s->args.options);
    print_left_out(s, folder, &list);
    for (size_t i = 0; i < found.count && !status; i++) {
        status = separate_jobs_add(&s->jobs, found.jobs[i].path, error);
    }
    separate_jobs_clear(&found);
    audio_folder_clear(&list);
    return status;
}

/* Standard input is copied to a file in a temporary folder. If the user names no folder, the
 * outputs are written to the current one. */
static bsm_status add_standard_input(separation *s, bsm_error *error)
{
    static char path[BSM_MAX_PATH];
    bsm_status status = s->saved_input ? bsm_fail(error, BSM_INVALID_ARGUMENT,
                                                  "-: standard input can be read once only")
                                       : standard_input_save(path, error);
    if (status) {
        return status;
    }
    s->saved_input = path;
    if (!s->args.options.output_dir) {
        s->args.options.output_dir = ".";
    }
    return separate_jobs_add(&s->jobs, path, error);
}

static bsm_status add_input(separation *s, const char *input, bsm_error *error)
{
    struct stat status;
    if (strcmp(input, "-") == 0) {
        return add_standard_input(s, error);
    }
    const bool found = stat(input, &status) == 0;
    if (found && S_ISFIFO(status.st_mode)) {
        return bsm_fail(error, BSM_BAD_AUDIO,
                        "%s: is a pipe: read it as standard input, bsm-separate - < %s", input,
                        input);
    }
    return found && S_ISDIR(status.st_mode) ? add_folder(s, input, error)
                                            : separate_jobs_add(&s->jobs, input, error);
}

static void separate_inputs(separation *s)
{
    bsm_error error;
    for (size_t i = 0; i < s->args.num_inputs && !stop; i++) {
        bsm_status status = add_input(s, s->args.inputs[i], &error);
        if (status) {
            fail(s, exit_code_for(status, READING_INPUT), &error);
        }
    }
    const bsm_config *config = bsm_model_config(bsm_network_model(s->network));
    share_wait(&s->part); /* wait before the outputs of other processes appear in the folders */
    bsm_status status = separate_jobs_check(&s->jobs, config, &s->args.options, &error);
    if (status) {
        fail(s, exit_code_for(status, WRITING_OUTPUT), &error);
    } else {
        separate_jobs_share(&s->jobs, s->part.rank, s->part.size);
        separate_jobs_in_turn(s);
        print_summary(s);
    }
    if (stop &&
        s->failure !=
            EXIT_CODE_CANCELLED) { /* interrupted between two files or before the first one */
        bsm_fail(&error, BSM_CANCELLED, "cancelled");
        fail(s, EXIT_CODE_CANCELLED, &error);
    }
    if (s->saved_input) {
        standard_input_remove(s->saved_input);
    }
    separate_jobs_clear(&s->jobs);
}

/* ---- Setting up ---- */

static bsm_status make_network(separation *s, bsm_model *model, bsm_error *error)
{
    const bsm_separate_options *options = &s->args.options;
    bsm_network_options network = {
        .device = s->args.device,
        .precision = s->args.precision,
        .threads = s->args.threads,
    };
    bsm_status status = bsm_separate_network(model, options, &network, error);
    if (status == BSM_INVALID_ARGUMENT && !options->commit) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "--window %g: too short for this model, or over %d seconds",
                        options->window > 0 ? options->window : bsm_model_config(model)->segment,
                        BSM_MAX_WINDOW);
    }
    if (!status) {
        status = bsm_network_new(model, &network, &s->network, error);
    }
    if (status == BSM_NO_MEMORY) {
        const bsm_error cause = *error;
        return bsm_fail(error, status, "%.300s (less with a smaller %s)", cause.message,
                        options->commit ? "--commit" : "--window");
    }
    return status;
}

static void print_start(const separation *s, const bsm_model *model)
{
    if (!s->args.quiet) {
        char line[512];
        bsm_format_line(line, sizeof line, "model: %s; device: %s", bsm_model_path(model),
                        bsm_network_device_name(s->network));
        fprintf(stderr, "%s\n", line);
    }
}

/* Create the folder that the user names, if only its last part is missing. */
static bsm_status make_output_folder(const separation *s, bsm_error *error)
{
    const char *folder = s->args.options.output_dir;
    if (folder && mkdir(folder, 0777) && errno != EEXIST) {
        return bsm_fail_errno(error, errno, folder, "cannot make the folder");
    }
    return BSM_OK;
}

static void run(separation *s)
{
    bsm_model *model = NULL;
    bsm_error error;
    bsm_status status = make_output_folder(s, &error);
    if (status) {
        fail(s, exit_code_for(status, WRITING_OUTPUT), &error);
        return;
    }
    status = default_model_open(s->args.model, &model, &error);
    if (status) {
        fail(s, exit_code_for(status, READING_MODEL), &error);
        return;
    }
    status = make_network(s, model, &error);
    if (status) {
        fail(s, exit_code_for(status, READING_MODEL), &error);
    } else {
        print_start(s, model);
        separate_inputs(s);
    }
    bsm_network_free(s->network);
    bsm_model_free(model);
}

static void run_share(separation *s)
{
    bsm_error error;
    bsm_status status = share_start(&s->part, &error);
    if (status) {
        fail(s, exit_code_for(status, DOING_ELSE), &error);
        return;
    }
    catch_signals();
    run(s);
    share_end(&s->part);
}

int main(int argc, char **argv)
{
    static separation s;
    bsm_error error;
    if (separate_args_parse(argc, argv, &s.args, &error)) {
        return (int)program_refuse(&separate_program, &error);
    }
    if (s.args.action != PROGRAM_RUN) {
        program_print(&separate_program, s.args.action);
        return (int)exit_code_after_output("bsm-separate", EXIT_CODE_OK);
    }
    s.args.options.progress = on_progress;
    s.args.options.user = &s;
    s.args.options.listen = on_block;
    s.args.options.listener = &s;
    s.progress = (progress_line){.quiet = s.args.quiet, .terminal = isatty(STDERR_FILENO) != 0};
    run_share(&s);
    return (int)exit_code_after_output("bsm-separate", s.failure);
}
