/* SPDX-License-Identifier: ISC */
/* Loads the settings of a training. */
#include "config/settings.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Home folders in paths ---- */

/* The home folder of a user, or of this user if the name is empty; NULL if it is unknown. */
static const char *find_home(const char *user)
{
    const char *home = getenv("HOME");
    if (!*user && home && *home) {
        return home;
    }
    const struct passwd *entry = *user ? getpwnam(user) : getpwuid(getuid());
    return entry ? entry->pw_dir : NULL;
}

bsm_status bsm_home_expand(char **path, bsm_error *error)
{
    if (!*path || (*path)[0] != '~') {
        return BSM_OK;
    }
    const size_t length = strcspn(*path + 1, "/");
    char user[256];
    snprintf(user, sizeof user, "%.*s", length < sizeof user ? (int)length : 0, *path + 1);
    const char *home = length < sizeof user ? find_home(user) : NULL;
    if (!home) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "%s: there is no home folder of that name; a file that is called so is "
                        "./%s",
                        *path, *path);
    }
    char *expanded = NULL;
    if (asprintf(&expanded, "%s%s", home, *path + 1 + length) < 0) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", *path);
    }
    free(*path);
    *path = expanded;
    return BSM_OK;
}

/* ---- Loading a configuration: defaults, file and command line, in layers ---- */

enum {
    LAYER_BANDS = BSM_NUM_DEFAULTS, /* a level above the defaults */
    LAYER_FILE,
    FIRST_ASSIGNMENT,
};

typedef struct stack {
    bsm_layer *layers; /**< a layer without a name is absent */
    size_t count;
} stack;

static void log_message(cyaml_log_t level, void *user, const char *format, va_list arguments)
{
    (void)level;
    bsm_error *error = user; /* the last message is the outermost one, so keep the first */
    if (!error->message[0]) {
        vsnprintf(error->message, sizeof error->message, format, arguments);
        error->message[strcspn(error->message, "\n")] = '\0';
    }
}

static cyaml_config_t reader(bsm_error *log)
{
    return (cyaml_config_t){
        .log_fn = log_message,
        .log_ctx = log,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

void bsm_settings_free(bsm_trainer_settings *settings)
{
    bsm_error unused = {0};
    const cyaml_config_t config = reader(&unused);
    cyaml_free(&config, &bsm_settings_schema, settings, 0);
}

/* libcyaml reports errors of libyaml by the name of libyaml's function. */
static bool is_lack_of_memory(cyaml_err_t code)
{
    return code == CYAML_ERR_OOM || code == CYAML_ERR_LIBYAML_PARSER_INIT ||
           code == CYAML_ERR_LIBYAML_EVENT_INIT || code == CYAML_ERR_LIBYAML_PARSER;
}

/* A text that passed the check fits the schema: except for a lack of memory, a failure here is a
 * mistake in this program. */
static bsm_status load_text(const char *text, bsm_trainer_settings **settings, bsm_error *error)
{
    bsm_error log = {0};
    const cyaml_config_t config = reader(&log);
    cyaml_data_t *data = NULL;
    const cyaml_err_t code = cyaml_load_data((const uint8_t *)text, strlen(text), &config,
                                             &bsm_settings_schema, &data, NULL);
    if (is_lack_of_memory(code)) {
        return bsm_fail(error, BSM_NO_MEMORY, "configuration: out of memory");
    }
    if (code) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "configuration: %s: %s", cyaml_strerror(code),
                        log.message);
    }
    *settings = data;
    return BSM_OK;
}

/* ---- The layers ---- */

static void free_layers(stack *s)
{
    for (size_t i = 0; i < s->count; i++) {
        bsm_layer_free(&s->layers[i]);
    }
    free(s->layers);
}

static bsm_status add_text(const char *text, bsm_layer *layer, bsm_error *error)
{
    return bsm_layer_parse("defaults", true, text, strlen(text), layer, error);
}

static bsm_status read_layers(const bsm_settings_source *source, stack *s, bsm_error *error)
{
    bsm_status status = BSM_OK;
    for (size_t i = 0; !status && i < BSM_NUM_DEFAULTS; i++) {
        status = add_text(bsm_settings_defaults[i], &s->layers[i], error);
    }
    if (!status) {
        status = source->path ? bsm_layer_read(source->path, &s->layers[LAYER_FILE], error)
                              : add_text("", &s->layers[LAYER_FILE], error);
    }
    for (size_t i = 0; !status && i < source->num_assignments; i++) {
        status = bsm_layer_assign(source->assignments[i], &s->layers[FIRST_ASSIGNMENT + i], error);
    }
    bool bands = false;
    for (size_t i = LAYER_FILE; !status && i < s->count; i++) {
        status = bsm_layer_check(&s->layers[i], &bsm_settings_schema, error);
        bands = bands || !bsm_yaml_is_null(bsm_layer_find(&s->layers[i], "model.bands"));
    }
    /* A configuration that names the bands need not give their number. */
    const char *number = bands ? "" : "model: {num_subbands: 62}";
    return status ? status : add_text(number, &s->layers[LAYER_BANDS], error);
}

/* Say where the value of `key` comes from: "FILE:LINE", "--set KEY", "defaults:LINE". */
static void locate(stack *s, const char *key, char *where, size_t size)
{
    for (size_t i = s->count; i-- > 0;) {
        const yaml_node_t *node = bsm_layer_find(&s->layers[i], key);
        if (bsm_yaml_is_null(node)) {
            continue;
        }
        if (s->layers[i].has_lines) {
            snprintf(where, size, "%s:%zu: %s", s->layers[i].name, node->start_mark.line + 1, key);
        } else {
            snprintf(where, size, "%s", s->layers[i].name);
        }
        return;
    }
    snprintf(where, size, "%s", key);
}

static bsm_status check_values(stack *s, const bsm_trainer_settings *settings, bsm_error *error)
{
    char what[256], where[4096 + BSM_MAX_KEY];
    const char *key = bsm_settings_out_of_range(settings, what, sizeof what);
    bsm_config config;
    bsm_error cause;
    if (!key && settings->model.bands && settings->model.num_subbands > 0 &&
        settings->model.num_subbands != settings->model.bands_count) {
        key = "model.num_subbands";
        snprintf(what, sizeof what, "%zu, but model.bands are %u", settings->model.num_subbands,
                 settings->model.bands_count);
    }
    if (!key && bsm_settings_network(settings, &config, &cause)) {
        key = "model";
        snprintf(what, sizeof what, "%.250s", cause.message);
    }
    if (!key) {
        return BSM_OK;
    }
    locate(s, key, where, sizeof where);
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: %s", where, what);
}

/* The text keeps what the user wrote, because it may be read with another home folder. */
static bsm_status expand_homes(bsm_trainer_settings *settings, bsm_error *error)
{
    char **const paths[] = {&settings->training.output_dir, &settings->training.resume_from,
                            &settings->training.init_from,  &settings->data.root,
                            &settings->data.segments_cache, &settings->validation.root};
    bsm_status status = BSM_OK;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && !status; i++) {
        status = bsm_home_expand(paths[i], error);
    }
    for (size_t i = 0; i < settings->data.roots_count && !status; i++) {
        status = bsm_home_expand(&settings->data.roots[i].path, error);
    }
    return status;
}

static bsm_status load_layers(stack *s, bsm_trainer_settings **settings, char **text,
                              bsm_error *error)
{
    bsm_status status = bsm_layers_merge(s->layers, s->count, &bsm_settings_schema, text, error);
    if (status) {
        return status;
    }
    status = load_text(*text, settings, error);
    if (!status) {
        status = check_values(s, *settings, error);
        if (!status) {
            status = expand_homes(*settings, error);
        }
        if (status) {
            bsm_settings_free(*settings);
        }
    }
    if (status) {
        free(*text);
        *text = NULL;
        *settings = NULL;
    }
    return status;
}

bsm_status bsm_settings_load(const bsm_settings_source *source, bsm_trainer_settings **settings,
                             char **text, bsm_error *error)
{
    stack s = {.count = FIRST_ASSIGNMENT + source->num_assignments};
    if (s.count > BSM_MAX_LAYERS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "more than %d times --set",
                        BSM_MAX_LAYERS - FIRST_ASSIGNMENT);
    }
    s.layers = calloc(s.count, sizeof *s.layers);
    if (!s.layers) {
        return bsm_fail(error, BSM_NO_MEMORY, "configuration: out of memory");
    }
    *settings = NULL;
    *text = NULL;
    bsm_status status = read_layers(source, &s, error);
    if (!status) {
        status = load_layers(&s, settings, text, error);
    }
    free_layers(&s);
    return status;
}
