/* SPDX-License-Identifier: ISC */
/** The exit status of every bsm program, by kind of failure. */
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

/** What a program was doing when something failed: "not found" is another thing for a model than
 *  for an audio file. */
typedef enum exit_activity {
    DOING_ELSE,
    READING_MODEL,
    READING_INPUT,
    WRITING_OUTPUT,
    USING_AUDIO,
} exit_activity;

exit_code exit_code_for(bsm_status status, exit_activity activity);

/** The last words of a program that ends with `code`: hand on what is waiting for standard output.
 *  If that fails, or did before, say so, and return EXIT_CODE_OUTPUT unless `code` tells of another
 *  failure. */
exit_code exit_code_after_output(const char *program, exit_code code);

/* The command line of every bsm program: one table of options, out of which the line is read, the
 *  help is printed, and completions and the check of the manual are made (tools/completion, which
 *  reads the table's source). One word means one thing in all programs. */

typedef struct program_option program_option;

/** Take an option's value for the program's `target`. What it refuses it names. */
typedef bsm_status option_setter(void *target, const program_option *option, const char *value,
                                 bsm_error *error);

struct program_option {
    const char *name;   /**< without "--"; NULL: `help` is a heading */
    char letter;        /**< 0: none */
    const char *value;  /**< what it takes, as the help calls it; NULL: nothing */
    const char *help;   /**< a "%" stands for the range or the choices; NULL: said on the line of
                             the next option */
    option_setter *set; /**< NULL: an old spelling, for which an error names its help; of a letter
                             alone the name is "" */
    size_t place;       /**< of the value in the target */
    double low, high;   /**< of a number; low: of the first choice */
    const char *detail; /**< of a number its unit; else its setter's affair */
    const char *const *choices; /**< of a word, up to NULL */
};

typedef struct program_table {
    const char *name;
    const char *usage; /**< lines before the options, */
    const program_option *options;
    size_t num_options;
    const char *footer; /**< and behind them */
} program_table;

typedef enum program_action { PROGRAM_RUN, PROGRAM_HELP, PROGRAM_VERSION } program_action;

/** The options of every program, at the end of its table. */
#define OPTIONS_OF_ALL                                                                             \
    {"help", 'h', NULL, NULL, .set = option_nothing},                                              \
    {                                                                                              \
        "version", 'V', NULL, NULL, .set = option_nothing                                          \
    }

/** The bool at the place becomes true. */
option_setter option_flag;
/** The size_t, the double within the range; messages tell it. */
option_setter option_size, option_real;
/** The const char *. */
option_setter option_text;
/** The enum, an int: the word's number among the choices, from `low` on. */
option_setter option_choice;
/** The bsm_device_kind and the bsm_precision, which for a program that plays may be "auto", too. */
option_setter option_device, option_precision, option_live_precision;
/** The bsm_memory. */
option_setter option_memory;
/** For help and version. */
option_setter option_nothing;

/** Where the option's value goes. */
void *option_place(void *target, const program_option *option);

/** "--gain 3dB: not " and what was expected; BSM_INVALID_ARGUMENT. */
bsm_status option_refuse(const program_option *option, const char *value, const char *expected,
                         bsm_error *error);

/** "--gain 61: not a number from -60 to 60 dB". */
bsm_status option_refuse_number(const program_option *option, const char *value, bsm_error *error);

/** A whole number without sign at the start of `text`; `end` is what follows it. False if there is
 *  none, or a greater one than `high`. */
bool option_scan_size(const char *text, size_t high, size_t *value, const char **end);

/** The line into the target, up to --help or --version. The operands, which begin at
 * argv[*operands], are put behind the options. BSM_INVALID_ARGUMENT names the option or the value;
 * else what a setter failed with. */
BSM_NODISCARD bsm_status program_parse(const program_table *program, int argc, char **argv,
                                       void *target, program_action *action, int *operands,
                                       bsm_error *error);

/** The help in lines of at most 80 columns; cut to `size` as snprintf does, with its result. */
size_t program_format_help(const program_table *program, char *text, size_t size);

/** Say what was wrong with the line; the exit status. */
exit_code program_refuse(const program_table *program, const bsm_error *error);

/** Print what the action asks for, the help or the version. */
void program_print(const program_table *program, program_action action);

/** Print the devices that compute, or why one of them cannot be used here. */
void program_list_devices(void);

#endif
