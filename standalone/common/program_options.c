/* SPDX-License-Identifier: ISC */
/* The command line of all programs, and their exit statuses. */
#include "program_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/device.h"
#include "bsm/network.h"

/* ---- The exit status of every bsm program, by kind of failure ---- */

static exit_code exit_code_of_activity(exit_activity activity)
{
    switch (activity) {
    case READING_MODEL: return EXIT_CODE_MODEL;
    case READING_INPUT: return EXIT_CODE_INPUT;
    case WRITING_OUTPUT: return EXIT_CODE_OUTPUT;
    case USING_AUDIO: return EXIT_CODE_AUDIO;
    case DOING_ELSE: break;
    }
    return EXIT_CODE_OTHER;
}

exit_code exit_code_for(bsm_status status, exit_activity activity)
{
    switch (status) {
    case BSM_OK: return EXIT_CODE_OK;
    case BSM_INVALID_ARGUMENT: return EXIT_CODE_USAGE;
    case BSM_NO_MEMORY: return EXIT_CODE_MEMORY;
    case BSM_NO_SPACE:
    case BSM_EXISTS: return EXIT_CODE_OUTPUT;
    case BSM_BAD_MODEL: return EXIT_CODE_MODEL;
    case BSM_BAD_AUDIO: return EXIT_CODE_INPUT;
    case BSM_NO_DEVICE:
    case BSM_DEVICE_FAILED: return EXIT_CODE_DEVICE;
    case BSM_CANCELLED: return EXIT_CODE_CANCELLED;
    case BSM_UNSUPPORTED: /* no file is involved, so the request itself was wrong */
        return activity == DOING_ELSE ? EXIT_CODE_USAGE : exit_code_of_activity(activity);
    case BSM_NOT_FOUND:
    case BSM_NO_PERMISSION:
    case BSM_IO: return exit_code_of_activity(activity);
    }
    return EXIT_CODE_OTHER;
}

exit_code exit_code_after_output(const char *program, exit_code code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return code;
    }
    fprintf(stderr, "%s: cannot write to standard output%s%s\n", program, errno ? ": " : "",
            errno ? strerror(errno) : "");
    return code ? code : EXIT_CODE_OUTPUT;
}

/* ---- The command line of every bsm program ---- */

enum {
    MAX_OPTIONS = 64,
    LONG_ONLY =
        256, /* getopt's value of the first option without a letter; values of letters are lower */
    TEXT = 256,
    WIDTH = 80,
    MAX_HELP_COLUMN = 28,
};

/* ---- Values ---- */

bsm_status option_refuse(const program_option *option, const char *value, const char *expected,
                         bsm_error *error)
{
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s %s: not %s", option->name, value, expected);
}

bool option_scan_size(const char *text, size_t high, size_t *value, const char **end)
{
    if (*text < '0' || *text > '9') { /* strtoull would accept blanks and a minus sign */
        return false;
    }
    char *after;
    errno = 0;
    const unsigned long long number = strtoull(text, &after, 10);
    *value = (size_t)number;
    *end = after;
    return errno == 0 && number <= high;
}

/* Describe the range or the choices: "1 to 1024", "10 to 30000 ms", "wav, flac or ogg". */
static const char *describe_range(const program_option *option, char text[TEXT])
{
    if (!option->choices) {
        snprintf(text, TEXT, "%g to %g%s%s", option->low, option->high, option->detail ? " " : "",
                 option->detail ? option->detail : "");
        return text;
    }
    size_t length = 0;
    for (const char *const *word = option->choices; *word && length < TEXT; word++) {
        const char *before = word == option->choices ? "" : word[1] ? ", " : " or ";
        length += (size_t)snprintf(text + length, TEXT - length, "%s%s", before, *word);
    }
    return text;
}

bsm_status option_refuse_number(const program_option *option, const char *value, bsm_error *error)
{
    char range[TEXT], expected[TEXT + 64];
    snprintf(expected, sizeof expected, "a number from %s", describe_range(option, range));
    return option_refuse(option, value, expected, error);
}

void *option_place(void *target, const program_option *option)
{
    return (char *)target + option->place;
}

bsm_status option_nothing(void *target, const program_option *option, const char *value,
                          bsm_error *error)
{
    (void)target, (void)option, (void)value, (void)error;
    return BSM_OK;
}

bsm_status option_flag(void *target, const program_option *option, const char *value,
                       bsm_error *error)
{
    (void)value, (void)error;
    *(bool *)option_place(target, option) = true;
    return BSM_OK;
}

bsm_status option_text(void *target, const program_option *option, const char *value,
                       bsm_error *error)
{
    (void)error;
    *(const char **)option_place(target, option) = value;
    return BSM_OK;
}

bsm_status option_size(void *target, const program_option *option, const char *value,
                       bsm_error *error)
{
    size_t *number = option_place(target, option);
    const char *end;
    const bool read = option_scan_size(value, (size_t)option->high, number, &end) && !*end;
    return read && (double)*number >= option->low ? BSM_OK
                                                  : option_refuse_number(option, value, error);
}

bsm_status option_real(void *target, const program_option *option, const char *value,
                       bsm_error *error)
{
    double *number = option_place(target, option);
    char *end;
    *number = strtod(value, &end);
    const bool read = end != value && !*end && *number >= option->low && *number <= option->high;
    return read ? BSM_OK : option_refuse_number(option, value, error);
}

bsm_status option_choice(void *target, const program_option *option, const char *value,
                         bsm_error *error)
{
    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(value, option->choices[i]) == 0) {
            *(int *)option_place(target, option) = i + (int)option->low;
            return BSM_OK;
        }
    }
    char choices[TEXT];
    return option_refuse(option, value, describe_range(option, choices), error);
}

bsm_status option_device(void *target, const program_option *option, const char *value,
                         bsm_error *error)
{
    bsm_device_kind *kind = option_place(target, option);
    return bsm_device_kind_parse(value, kind, NULL)
               ? option_refuse(option, value, "auto, cpu, reference or cuda", error)
               : BSM_OK;
}

bsm_status option_precision(void *target, const program_option *option, const char *value,
                            bsm_error *error)
{
    bsm_precision *precision = option_place(target, option);
    bsm_error cause;
    return bsm_precision_parse(value, precision, &cause)
               ? bsm_fail(error, BSM_INVALID_ARGUMENT, "--%s", cause.message)
               : BSM_OK;
}

bsm_status option_live_precision(void *target, const program_option *option, const char *value,
                                 bsm_error *error)
{
    bsm_precision *precision = option_place(target, option);
    if (!strcmp(value, "auto")) {
        *precision = BSM_PRECISION_LIVE;
        return BSM_OK;
    }
    return option_precision(target, option, value, error);
}

bsm_status option_memory(void *target, const program_option *option, const char *value,
                         bsm_error *error)
{
    for (bsm_memory memory = BSM_MEMORY_MODEL; memory <= BSM_MEMORY_BOUNDED; memory++) {
        if (!strcmp(value, bsm_memory_name(memory))) {
            *(bsm_memory *)option_place(target, option) = memory;
            return BSM_OK;
        }
    }
    const char *expected = "model, carry, rolling or bounded";
    return option_refuse(option, value, option->detail ? option->detail : expected, error);
}

/* ---- The command line ---- */

/* The tables for getopt. Its values are letters, or LONG_ONLY plus the index of the option in our
 * table. */
typedef struct getopt_tables {
    struct option names[MAX_OPTIONS + 1];
    char letters[2 * MAX_OPTIONS + 2];
} getopt_tables;

static int getopt_kind(const program_option *option)
{
    if (!option->set) {
        return optional_argument; /* so that a value of an old spelling is not reported as a second
                                     mistake */
    }
    return option->value ? required_argument : no_argument;
}

static void make_tables(const program_table *program, getopt_tables *tables)
{
    size_t names = 0, letters = 0;
    tables->letters[letters++] = ':'; /* the colon tells a missing value from an unknown option */
    for (size_t i = 0; i < program->num_options; i++) {
        const program_option *option = &program->options[i];
        if (option->name && *option->name) {
            tables->names[names++] =
                (struct option){option->name, getopt_kind(option), NULL, LONG_ONLY + (int)i};
        }
        if (option->letter) {
            tables->letters[letters++] = option->letter;
            if (option->value) {
                tables->letters[letters++] = ':';
            }
        }
    }
}

static const program_option *find(const program_table *program, int value)
{
    if (value >= LONG_ONLY) {
        return &program->options[value - LONG_ONLY];
    }
    for (size_t i = 0; i < program->num_options; i++) {
        if (value && program->options[i].letter == value) {
            return &program->options[i];
        }
    }
    return NULL;
}

/* getopt's own messages would name the program by its path. */
static bsm_status fail_getopt(const program_table *program, int kind, char *const *argv,
                              bsm_error *error)
{
    const char *last = argv[optind - 1];
    if (kind == ':') {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: needs a value", last);
    }
    if (optopt >= LONG_ONLY) { /* nothing else can be wrong with it */
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: the option takes no value", last);
    }
    if (optopt && !find(program, optopt)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "-%c: no such option", optopt);
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: no such option", last);
}

static bsm_status apply(const program_option *option, void *target, program_action *action,
                        bsm_error *error)
{
    if (!option->set) {
        const char letter[] = {option->letter, '\0'};
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s%s: is now %s", letter[0] ? "-" : "--",
                        letter[0] ? letter : option->name, option->help);
    }
    if (option->set == option_nothing) {
        *action = option->letter == 'h' ? PROGRAM_HELP : PROGRAM_VERSION;
    }
    return option->set(target, option, optarg, error);
}

bsm_status program_parse(const program_table *program, int argc, char **argv, void *target,
                         program_action *action, int *operands, bsm_error *error)
{
    getopt_tables tables = {0};
    make_tables(program, &tables);
    *action = PROGRAM_RUN;
    optind = 0; /* start from the beginning, even in a second call */
    bsm_status status = BSM_OK;
    int value;
    while (!status && *action == PROGRAM_RUN &&
           (value = getopt_long(argc, argv, tables.letters, tables.names, NULL)) != -1) {
        status = value == '?' || value == ':' ? fail_getopt(program, value, argv, error)
                                              : apply(find(program, value), target, action, error);
    }
    *operands = optind;
    return status;
}

/* ---- The help ---- */

typedef struct page {
    char *text;
    size_t size, length, column;
    size_t help_column;
} page;

static void put_text(page *p, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (p->length + 1 < p->size) {
            p->text[p->length] = *c;
        }
        p->length++;
        p->column = *c == '\n' ? 0 : p->column + 1;
    }
}

__attribute__((format(printf, 2, 3))) static void put(page *p, const char *format, ...)
{
    char text[TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_text(p, text);
}

static void put_words(page *p, const char *text)
{
    const char *before = "";
    while (*text) {
        const size_t length = strcspn(text, " ");
        if (p->column + strlen(before) + length > WIDTH) {
            put(p, "\n%*s", (int)p->help_column, "");
            before = "";
        }
        put(p, "%s%.*s", before, (int)length, text);
        text += length + strspn(text + length, " ");
        before = " ";
    }
}

/* Write the names of an option, as in "  -o, --output DIR". */
static void put_names(page *p, const program_option *option)
{
    const bool begins = p->column == 0;
    put(p, begins ? "  " : ", ");
    if (option->letter) {
        put(p, "-%c, ", option->letter);
    } else if (begins) {
        put(p, "    ");
    }
    put(p, "--%s%s%s", option->name, option->value ? " " : "", option->value ? option->value : "");
}

static void put_help(page *p, const program_option *option)
{
    char text[2 * TEXT], range[TEXT];
    const char *percent = strchr(option->help, '%');
    snprintf(text, sizeof text, "%.*s%s%s",
             (int)(percent ? percent - option->help : (ptrdiff_t)strlen(option->help)),
             option->help, percent ? describe_range(option, range) : "",
             percent ? percent + 1 : "");
    const size_t gap = p->column + 2 > p->help_column ? 2 : p->help_column - p->column;
    put(p, "%*s", (int)gap, "");
    put_words(p, text);
    put(p, "\n");
}

/* Put the help as far left as the names allow; a name that is too long moves its own help to the
 * right. */
static size_t find_help_column(const program_table *program)
{
    size_t column = 0;
    for (size_t i = 0; i < program->num_options; i++) {
        const program_option *option = &program->options[i];
        if (option->name && option->set) {
            const size_t value = option->value ? strlen(option->value) + 1 : 0;
            const size_t names = strlen("  -x, --") + strlen(option->name) + value + 2;
            column = names > column && names <= MAX_HELP_COLUMN ? names : column;
        }
    }
    return column;
}

size_t program_format_help(const program_table *program, char *text, size_t size)
{
    page p = {.text = text, .size = size, .help_column = find_help_column(program)};
    put_text(&p, program->usage);
    for (size_t i = 0; i < program->num_options; i++) {
        const program_option *option = &program->options[i];
        if (!option->name) {
            put(&p, "%s%s\n", p.column ? "\n" : "", option->help);
        } else if (option->set) {
            put_names(&p, option);
            if (option->help) {
                put_help(&p, option);
            }
        }
    }
    put(&p, p.column ? "\n" : "");
    put_text(&p, program->footer);
    if (size > 0) {
        text[p.length < size ? p.length : size - 1] = '\0';
    }
    return p.length;
}

void program_print(const program_table *program, program_action action)
{
    if (action == PROGRAM_VERSION) {
        printf("%s " BSM_VERSION "\n", program->name);
        return;
    }
    char text[8192];
    program_format_help(program, text, sizeof text);
    fputs(text, stdout);
}

exit_code program_refuse(const program_table *program, const bsm_error *error)
{
    fprintf(stderr, "%s: %s (%s --help shows how)\n", program->name, error->message, program->name);
    return exit_code_for(error->status, DOING_ELSE);
}

void program_list_devices(void)
{
    static const struct {
        bsm_device_kind kind;
        const char *name;
    } kinds[] = {
        {BSM_DEVICE_CPU, "cpu"},
        {BSM_DEVICE_REFERENCE, "reference"},
        {BSM_DEVICE_CUDA, "cuda"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char text[256];
        bsm_error why = {0};
        bool refused = bsm_device_describe(kinds[i].kind, text, sizeof text, &why);
        printf("%-10s %s%s\n", kinds[i].name, refused ? "refused: " : "",
               refused ? why.message : text);
    }
}
