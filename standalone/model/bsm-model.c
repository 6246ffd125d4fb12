/* SPDX-License-Identifier: ISC */
/* bsm-model: shows, converts and checks model files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/model.h"
#include "default_model.h"
#include "model_info.h"
#include "program_options.h"

enum { NO_DTYPE = -1 };

typedef struct command_line {
    bool ema;
    bool force;
    bool json;
    int dtype;          /**< bsm_dtype; NO_DTYPE: not given */
    char **assignments; /**< "KEY=VALUE", to be cut at the first "=" */
    int num_assignments;
    char **operands;
    int num_operands;
} command_line;

typedef exit_code command_function(const command_line *line);

/* ---- Options ---- */

static bsm_status add_assignment(void *target, const program_option *option, const char *value,
                                 bsm_error *error)
{
    (void)option, (void)error;
    command_line *line = target;
    line->assignments[line->num_assignments++] =
        (char *)value; /* strings of argv, which may be changed */
    return BSM_OK;
}

static const char *const dtypes[] = {
    [BSM_F32] = "f32", [BSM_F16] = "f16", [BSM_BF16] = "bf16", NULL};

#define PLACE(field) .place = offsetof(command_line, field)

static const program_option table[] = {
    {"ema", 0, NULL, "of a training checkpoint, the averaged weights", option_flag, PLACE(ema)},
    {"json", 0, NULL, "print JSON", option_flag, PLACE(json)},
    {"dtype", 0, "TYPE", "of the matrices in OUT: % (default f32)", option_choice, PLACE(dtype),
     BSM_F32, .choices = dtypes},
    {"set", 's', "KEY=TEXT", "metadata of OUT: licence, training, ... (again for more)",
     .set = add_assignment},
    {"force", 'f', NULL, "replace OUT if it exists", option_flag, PLACE(force)},
    OPTIONS_OF_ALL,
    {"", 't', "TYPE", "--dtype", .set = NULL},
};

static const program_table model_program = {
    "bsm-model",
    "usage: bsm-model info [--ema] [--json] [MODEL]\n"
    "       bsm-model list\n"
    "       bsm-model check [--ema] FILE\n"
    "       bsm-model convert [--ema] [--dtype TYPE] [--set KEY=TEXT] [-f] IN OUT\n"
    "       bsm-model average [--ema] [--dtype TYPE] [--set KEY=TEXT] [-f] IN... OUT\n"
    "       bsm-model create [--dtype TYPE] [-f] PRESET OUT\n"
    "\n"
    "  info     show a model, or the default one: size, licence, metadata\n"
    "  list     show the models that programs find by their names\n"
    "  check    read every weight of a model; print one line if all is well\n"
    "  convert  write a model as a safetensors file\n"
    "  average  write the average of models of one shape\n"
    "  create   write an untrained model, paper, lite, live or tiny, for trying out\n"
    "\n"
    "Models are safetensors files or PyTorch checkpoints, whose code is never run.\n",
    table,
    sizeof table / sizeof *table,
    "Exit status: 0 success, 2 usage, 3 model, 5 output, 7 memory, 1 other.\n",
};

static exit_code report(const bsm_error *error, exit_activity activity)
{
    fprintf(stderr, "bsm-model: %s\n", error->message);
    return exit_code_for(error->status, activity);
}

static exit_code usage(const char *cause)
{
    bsm_error error;
    bsm_fail(&error, BSM_INVALID_ARGUMENT, "%s", cause);
    return program_refuse(&model_program, &error);
}

/* Open a model; with `any_values`, even one with a NaN. */
static bsm_status open_operand(const command_line *line, int operand, bool any_values,
                               bsm_model **model, bsm_error *error)
{
    const bsm_model_options options = {.ema = line->ema, .any_values = any_values};
    const char *name = operand < line->num_operands ? line->operands[operand] : NULL;
    char path[MODEL_PATH];
    bsm_status status = default_model_path(name, path, error);
    return status ? status : bsm_model_open(path, &options, model, error);
}

static bsm_status open_model(const command_line *line, bool any_values, bsm_model **model,
                             bsm_error *error)
{
    return open_operand(line, 0, any_values, model, error);
}

/* ---- Commands ---- */

static exit_code run_info(const command_line *line)
{
    bsm_model *model = NULL;
    bsm_error error;
    if (open_model(line, true, &model, &error)) {
        return report(&error, READING_MODEL);
    }
    exit_code code = EXIT_CODE_OK;
    if (!line->json) {
        model_info_print(model);
    } else if (!model_info_print_json(model)) {
        bsm_fail(&error, BSM_NO_MEMORY, "%s: out of memory", bsm_model_path(model));
        code = report(&error, READING_MODEL);
    }
    bsm_model_free(model);
    return code;
}

static exit_code run_list(const command_line *line)
{
    (void)line;
    model_list_print();
    return EXIT_CODE_OK;
}

static exit_code run_check(const command_line *line)
{
    bsm_model *model = NULL;
    bsm_error error;
    if (open_model(line, false, &model, &error)) {
        return report(&error, READING_MODEL);
    }
    char text[GROUPED_SIZE];
    size_t parameters = bsm_config_parameters(bsm_model_config(model));
    model_info_print_name(line->operands[0]);
    printf(": OK, %s parameters\n", model_info_group(parameters, text));
    bsm_model_free(model);
    return EXIT_CODE_OK;
}

static exit_code save(const bsm_model *model, const command_line *line)
{
    bsm_error error;
    const char *path = line->operands[line->num_operands - 1];
    const bsm_dtype dtype = line->dtype == NO_DTYPE ? BSM_F32 : (bsm_dtype)line->dtype;
    if (bsm_model_save(model, path, dtype, line->force, &error)) {
        return report(&error, WRITING_OUTPUT);
    }
    return EXIT_CODE_OK;
}

static bsm_status set_metadata(bsm_model *model, const command_line *line, bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (int i = 0; i < line->num_assignments && !status; i++) {
        char *key = line->assignments[i], *equals = strchr(key, '=');
        *equals = '\0';
        status = bsm_model_set_metadata(model, key, equals + 1, error);
    }
    return status;
}

static exit_code save_described(bsm_model *model, const command_line *line)
{
    bsm_error error;
    return set_metadata(model, line, &error) ? report(&error, READING_MODEL) : save(model, line);
}

static exit_code run_convert(const command_line *line)
{
    bsm_model *model = NULL;
    bsm_error error;
    if (open_model(line, false, &model, &error)) {
        return report(&error, READING_MODEL);
    }
    exit_code code = save_described(model, line);
    bsm_model_free(model);
    return code;
}

/* Write the average of all operands except the last one, which is the output. */
static bsm_status open_average(const command_line *line, bsm_model **average, bsm_error *error)
{
    const int count = line->num_operands - 1;
    bsm_model **models = calloc((size_t)count, sizeof *models);
    bsm_status status =
        models ? BSM_OK : bsm_fail(error, BSM_NO_MEMORY, "an average of models: out of memory");
    for (int i = 0; i < count && !status; i++) {
        status = open_operand(line, i, false, &models[i], error);
    }
    if (!status) {
        status = bsm_model_new_average(models, (size_t)count, average, error);
    }
    for (int i = 0; models && i < count; i++) {
        bsm_model_free(models[i]);
    }
    free(models);
    return status;
}

static exit_code run_average(const command_line *line)
{
    bsm_model *average = NULL;
    bsm_error error;
    if (open_average(line, &average, &error)) {
        return report(&error, READING_MODEL);
    }
    exit_code code = save_described(average, line);
    bsm_model_free(average);
    return code;
}

static exit_code run_create(const command_line *line)
{
    bsm_model *model = NULL;
    bsm_config config;
    bsm_error error;
    if (bsm_config_preset(line->operands[0], &config, &error)) {
        report(&error, DOING_ELSE);
        return EXIT_CODE_USAGE;
    }
    if (bsm_model_new_untrained(&config, &model, &error)) {
        return report(&error, DOING_ELSE);
    }
    exit_code code = save(model, line);
    bsm_model_free(model);
    return code;
}

typedef struct command_entry {
    const char *name;
    command_function *run;
    int num_operands; /**< `average` takes more than this, too, and `info` takes fewer */
    bool takes_ema, takes_json, takes_output, takes_metadata;
} command_entry;

static const command_entry commands[] = {
    {"info", run_info, 1, true, true, false, false},
    {"list", run_list, 0, false, false, false, false},
    {"check", run_check, 1, true, false, false, false},
    {"convert", run_convert, 2, true, false, true, true},
    {"average", run_average, 2, true, false, true, true},
    {"create", run_create, 2, false, false, true, false},
};

static const command_entry *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

/* ---- The command line ---- */

/* Return true for an expander's setting in dB that is within its range. It may be changed, unlike
 * the rest of the configuration, because it works on the network's output and is not trained. */
static bool is_expander(const char *decibels)
{
    enum { MAX_EXPANDER = 120 };
    char *end;
    const double value = strtod(decibels, &end);
    const bool plain = !decibels[strspn(decibels, "0123456789.")]; /* as in the file's metadata */
    return plain && end != decibels && !*end && value <= MAX_EXPANDER;
}

/* Return NULL if the assignments make sense, otherwise what is wrong with one. */
static const char *check_assignments(const command_line *line)
{
    for (int i = 0; i < line->num_assignments; i++) {
        const char *text = line->assignments[i], *equals = strchr(text, '=');
        char key[32];
        if (!equals || equals == text) {
            return "--set takes KEY=TEXT";
        }
        snprintf(key, sizeof key, "%.*s", (int)(equals - text), text);
        if (strcmp(key, "expander") == 0) {
            if (!is_expander(equals + 1)) {
                return "--set expander takes dB, 0 to 120";
            }
        } else if (model_info_is_config(key)) {
            return "--set cannot change what the network is";
        }
    }
    return NULL;
}

static exit_code run_command(command_line *line)
{
    if (line->num_operands == 0) {
        return usage("what to do is missing");
    }
    const command_entry *command = find_command(line->operands[0]);
    if (!command) {
        return usage("there is no such command");
    }
    line->operands++;
    line->num_operands--;
    const bool more = command->run == run_average && line->num_operands > command->num_operands;
    const bool fewer = command->run == run_info && line->num_operands == 0;
    if (line->num_operands != command->num_operands && !more && !fewer) {
        static const char *const wanted[] = {"the command takes no file",
                                             "the command takes one file",
                                             "the command takes two operands or, to average, more"};
        return usage(wanted[command->num_operands]);
    }
    bool output_options = line->force || line->dtype != NO_DTYPE;
    if ((line->ema && !command->takes_ema) || (line->json && !command->takes_json) ||
        (output_options && !command->takes_output) ||
        (line->num_assignments && !command->takes_metadata)) {
        return usage("the command does not take this option");
    }
    const char *cause = check_assignments(line);
    return cause ? usage(cause) : command->run(line);
}

int main(int argc, char **argv)
{
    command_line line = {.dtype = NO_DTYPE,
                         .assignments = calloc((size_t)argc, sizeof *line.assignments)};
    program_action action;
    bsm_error error;
    int operands;
    exit_code code = EXIT_CODE_OK;
    bsm_status status = line.assignments ? program_parse(&model_program, argc, argv, &line, &action,
                                                         &operands, &error)
                                         : bsm_fail(&error, BSM_NO_MEMORY, "out of memory");
    if (status) {
        code = program_refuse(&model_program, &error);
    } else if (action == PROGRAM_RUN) {
        line.operands = argv + operands;
        line.num_operands = argc - operands;
        code = run_command(&line);
    } else {
        program_print(&model_program, action);
    }
    free(line.assignments);
    return (int)exit_code_after_output("bsm-model", code);
}
