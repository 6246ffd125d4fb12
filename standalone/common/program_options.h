/* SPDX-License-Identifier: ISC */
/** The command line and the exit statuses of all bsm programs. */
#ifndef BSM_STANDALONE_COMMON_PROGRAM_OPTIONS_H
#define BSM_STANDALONE_COMMON_PROGRAM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/status.h"

/* ---- The exit status of every bsm program, by kind of failure ---- */

typedef enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_OTHER = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_MODEL = 3,  /**< the model file is missing, unreadable or bad */
    EXIT_CODE_INPUT = 4,  /**< the audio file is missing, unreadable or bad */
    EXIT_CODE_OUTPUT = 5, /**< exists already, no space, no permission */
    EXIT_CODE_DEVICE = 6, /**< the compute device is missing or failed */
    EXIT_CODE_MEMORY = 7,
    EXIT_CODE_AUDIO = 8,       /**< the audio system: no server, no such device, or it went away */
    EXIT_CODE_CANCELLED = 130, /**< as a shell says of a program that Ctrl-C ended */
} exit_code;

/** What a program was doing when something failed, because "not found" has another exit status for
 *  a model than for an audio file. */
typedef enum exit_activity {
    DOING_ELSE,
    READING_MODEL,
    READING_INPUT,
    WRITING_OUTPUT,
    USING_AUDIO,
} exit_activity;

exit_code exit_code_for(bsm_status status, exit_activity activity);

/** Flush standard output before the program ends with `code`. If that fails, or writing failed
 *  before, print an error and return EXIT_CODE_OUTPUT, unless `code` already reports another
 *  failure. */
exit_code exit_code_after_output(const char *program, exit_code code);

/* The command line of every bsm program. One table of options is used to parse the line, to print
 * the help, to generate completions and to check the manual (tools/completion reads the source of
 * the table). An option means the same in all programs. */

typedef struct program_option program_option;

/** Store an option's value in the program's `target`. A message about a bad value names it. */
typedef bsm_status option_setter(void *target, const program_option *option, const char *value,
                                 bsm_error *error);

struct program_option {
    const char *name;   /**< without "--"; NULL: `help` is a heading */
    char letter;        /**< 0: none */
    const char *value;  /**< name of its value in the help; NULL: it takes no value */
    const char *help;   /**< "%" stands for the range or the choices; NULL: it is listed on the line
                           of the next option */
    option_setter *set; /**< NULL: an old spelling, whose error message contains `help`. If only a
                           letter is old, the name is "" */
    size_t place;       /**< offset of the value in the target */
    double low, high;   /**< range of a number; low: the value of the first choice */
    const char *detail; /**< the unit of a number; otherwise for the setter */
    const char *const *choices; /**< the possible words, followed by NULL */
};

typedef struct program_table {
    const char *name;
    const char *usage; /**< lines of the help before the options */
    const program_option *options;
    size_t num_options;
    const char *footer; /**< lines of the help after the options */
} program_table;

typedef enum program_action { PROGRAM_RUN, PROGRAM_HELP, PROGRAM_VERSION } program_action;

/** The options of every program, at the end of its table. */
#define OPTIONS_OF_ALL                                                                             \
    {"help", 'h', NULL, NULL, .set = option_nothing},                                              \
    {                                                                                              \
        "version", 'V', NULL, NULL, .set = option_nothing                                          \
    }

/** Set a bool to true. */
option_setter option_flag;
/** Set a size_t or a double. It must be within the range, which messages mention. */
option_setter option_size, option_real;
/** Set a const char *. */
option_setter option_text;
/** Set an enum (an int) to the index of the word among the choices, plus `low`. */
option_setter option_choice;
/** Set a bsm_device_kind, or a bsm_precision, which live programs also take as "auto". */
option_setter option_device, option_precision, option_live_precision;
/** Set a bsm_memory. */
option_setter option_memory;
/** Do nothing: help and version are handled elsewhere. */
option_setter option_nothing;

/** Return the address of the option's value. */
void *option_place(void *target, const program_option *option);

/** Fail with "--gain 3dB: not " and what was expected; BSM_INVALID_ARGUMENT. */
bsm_status option_refuse(const program_option *option, const char *value, const char *expected,
                         bsm_error *error);

/** Fail with "--gain 61: not a number from -60 to 60 dB". */
bsm_status option_refuse_number(const program_option *option, const char *value, bsm_error *error);

/** Parse a whole number without a sign at the start of `text`; `end` is set to what follows it.
 *  Return false if there is none or it is above `high`. */
bool option_scan_size(const char *text, size_t high, size_t *value, const char **end);

/** Parse the command line into the target, up to --help or --version. Operands are moved after the
 *  options and begin at argv[*operands]. BSM_INVALID_ARGUMENT names the option or the value; other
 *  errors come from a setter. */
BSM_NODISCARD bsm_status program_parse(const program_table *program, int argc, char **argv,
                                       void *target, program_action *action, int *operands,
                                       bsm_error *error);

/** Format the help in lines of at most 80 columns. Like snprintf, cut it to `size` and return its
 *  full length. */
size_t program_format_help(const program_table *program, char *text, size_t size);

/** Print what was wrong with the command line, and return the exit status. */
exit_code program_refuse(const program_table *program, const bsm_error *error);

/** Print the help or the version, as the action says. */
void program_print(const program_table *program, program_action action);

/** Print the devices that compute, or why one of them cannot be used here. */
void program_list_devices(void);

#endif
