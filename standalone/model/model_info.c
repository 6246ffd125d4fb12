/* SPDX-License-Identifier: ISC */
/* Prints what `bsm-model info` shows of a model. */
#include "model_info.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    NUM_DTYPES = BSM_F64 + 1,
    VALUE_COLUMN = 16,
    LAST_COLUMN = 80,
};

static const char *const dtype_names[NUM_DTYPES] = {
    [BSM_F32] = "float32",
    [BSM_F16] = "float16",
    [BSM_BF16] = "bfloat16",
    [BSM_F64] = "float64",
};

/* Count the weights of each type. */
static void count_dtypes(const bsm_model *model, size_t counts[NUM_DTYPES])
{
    memset(counts, 0, NUM_DTYPES * sizeof counts[0]);
    for (size_t i = 0; i < bsm_model_num_tensors(model); i++) {
        const bsm_tensor *tensor = bsm_model_tensor(model, i);
        counts[tensor->dtype] += tensor->count;
    }
}

static double file_size(const bsm_model *model)
{
    struct stat info;
    return stat(bsm_model_path(model), &info) == 0 ? (double)info.st_size : 0;
}

/* Return the preset with the same shapes, or NULL. */
static const char *preset_name(const bsm_config *config)
{
    static const char *const names[] = {"paper", "lite", "live", "tiny"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bsm_config preset;
        if (bsm_config_preset(names[i], &preset, NULL) == BSM_OK) {
            preset.num_stems = config->num_stems;
            if (bsm_config_same_shapes(config, &preset)) {
                return names[i];
            }
        }
    }
    return NULL;
}

const char *model_info_group(size_t number, char text[GROUPED_SIZE])
{
    char *next = &text[GROUPED_SIZE - 1];
    *next = '\0';
    for (size_t digits = 0; digits == 0 || number > 0; digits++) {
        if (digits && digits % 3 == 0) {
            *--next = ',';
        }
        *--next = (char)('0' + number % 10);
        number /= 10;
    }
    return next;
}

/* ---- For people ---- */

static void print_label(const char *label)
{
    printf("%-*s", VALUE_COLUMN, label);
}

/* Return the number of bytes of the UTF-8 character at `text`, or 0 if there is none because it is
 * cut short, overlong, a surrogate or beyond Unicode. */
static size_t character_length(const unsigned char *text)
{
    if (text[0] < 0x80) {
        return 1;
    }
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    if (text[0] < 0xc2 || text[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool wrong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
                 (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f);
    return wrong ? 0 : length;
}

/* Return true for control characters: those of ASCII, and those from U+0080 to U+009F, which some
 * terminals obey too. */
static bool is_control(const unsigned char *text)
{
    return text[0] < 0x20 || text[0] == 0x7f || (text[0] == 0xc2 && text[1] < 0xa0);
}

/* Print a character, or '?' if it is not UTF-8 or could control the terminal. Return its number
 * of bytes. */
static size_t print_character(const char *text)
{
    const unsigned char *next = (const unsigned char *)text;
    const size_t length = character_length(next);
    if (length == 0 || is_control(next)) {
        putchar('?');
    } else {
        fwrite(next, 1, length, stdout);
    }
    return length ? length : 1;
}

void model_info_print_name(const char *name)
{
    while (*name) {
        name += print_character(name);
    }
}

/* Count the characters before the next possible line break. */
static size_t word_width(const char *text)
{
    size_t width = 0;
    while (*text && *text != ' ' && *text != '\n') {
        const size_t length = character_length((const unsigned char *)text);
        text += length ? length : 1;
        width++;
    }
    return width;
}

static void break_line(size_t *column)
{
    printf("\n%*s", VALUE_COLUMN, "");
    *column = VALUE_COLUMN;
}

/* Print text of several lines from a column on; long lines are broken between words. */
static void print_text(const char *text, size_t column)
{
    while (*text) {
        if (*text == '\n') {
            break_line(&column);
            text++;
        } else if (*text == ' ' && column + 1 + word_width(text + 1) > LAST_COLUMN) {
            break_line(&column);
            text++;
        } else {
            text += print_character(text);
            column++;
        }
    }
    putchar('\n');
}

static void print_pair(const char *label, const char *text)
{
    print_label(label);
    print_text(text, VALUE_COLUMN);
}

/* Print the bands as in "62: 24x2 12x4 ... 128 129 (1,025 bins)". */
static void print_bands(const bsm_config *config)
{
    print_label("bands");
    printf("%zu:", config->num_bands);
    for (size_t k = 0; k < config->num_bands;) {
        size_t run = 1;
        while (k + run < config->num_bands && config->bands[k + run] == config->bands[k]) {
            run++;
        }
        if (run > 1) {
            printf(" %zux%zu", run, config->bands[k]);
        } else {
            printf(" %zu", config->bands[k]);
        }
        k += run;
    }
    printf(" (%zu bins)\n", bsm_config_bins(config));
}

static void print_config(const bsm_config *config)
{
    const char *preset = preset_name(config);
    print_label("network");
    printf("%s%sdim %zu, depth %zu, expand %zu, headdim %zu, d_state %zu, d_conv %zu, mask "
           "expansion %zu\n",
           preset ? preset : "", preset ? ": " : "", config->dim, config->depth, config->expand,
           config->headdim, config->d_state, config->d_conv, config->mask_expansion);
    print_bands(config);
    print_label("signal");
    printf("%zu Hz, %s, n_fft %zu, hop %zu, trained on %g s\n", config->sample_rate,
           config->channels == 1 ? "mono" : "stereo", config->n_fft, config->hop, config->segment);
    print_label("stems");
    for (size_t i = 0; i < config->num_stems; i++) {
        printf("%s%s", i ? ", " : "", config->stems[i]);
    }
    putchar('\n');
    if (config->expander > 0) {
        print_label("expander");
        printf("turns down what is %g dB or more below the mixture\n", config->expander);
    }
}

static void print_parameters(const bsm_model *model)
{
    char text[GROUPED_SIZE];
    size_t counts[NUM_DTYPES];
    count_dtypes(model, counts);
    print_label("parameters");
    printf("%s in %zu tensors",
           model_info_group(bsm_config_parameters(bsm_model_config(model)), text),
           bsm_model_num_tensors(model));
    for (size_t i = 0; i < NUM_DTYPES; i++) {
        if (counts[i]) {
            printf(", %s %s", model_info_group(counts[i], text), dtype_names[i]);
        }
    }
    putchar('\n');
    print_label("cost");
    printf("%.3g multiply-accumulates per frame\n",
           bsm_config_macs_per_frame(bsm_model_config(model), 64));
}

/* Keys of the metadata that describe the network. print_others leaves them out, because
 * print_config describes it. */
static const char *const config_keys[] = {
    "dim",   "depth", "expand", "headdim",     "d_state",  "d_conv", "mask_expansion", "mlp",
    "bands", "n_fft", "hop",    "sample_rate", "channels", "stems",  "segment",        "expander",
};

/* Keys of the metadata that print_about shows, each with the key as its label. */
static const char *const about_keys[] = {"licence", "training", "data", "memory", "figures"};
enum { NUM_ABOUT = sizeof about_keys / sizeof about_keys[0] };

static bool is_among(const char *const *keys, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(key, keys[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool model_info_is_config(const char *key)
{
    return is_among(config_keys, sizeof config_keys / sizeof config_keys[0], key);
}

/* For licence and training, the first two keys, a line is printed even if nothing is known. */
static void print_about(const bsm_model *model)
{
    for (size_t i = 0; i < NUM_ABOUT; i++) {
        const char *text = bsm_model_metadata(model, about_keys[i]);
        if (text || i < 2) {
            print_pair(about_keys[i], text ? text : "not stated");
        }
    }
}

static void print_others(const bsm_model *model)
{
    const char *key, *value;
    for (size_t i = 0; bsm_model_metadata_at(model, i, &key, &value); i++) {
        if (!model_info_is_config(key) && !is_among(about_keys, NUM_ABOUT, key)) {
            print_label("metadata");
            model_info_print_name(key);
            printf(": ");
            print_text(value, VALUE_COLUMN + strlen(key) + 2);
        }
    }
}

void model_info_print(const bsm_model *model)
{
    print_label("file");
    model_info_print_name(bsm_model_path(model));
    putchar('\n');
    print_label("format");
    printf("%s, %.1f MB\n", bsm_model_format(model), file_size(model) / 1e6);
    print_config(bsm_model_config(model));
    print_parameters(model);
    print_about(model);
    print_others(model);
}

/* ---- For programs ---- */

static bool add_number(cJSON *object, const char *key, double value)
{
    return cJSON_AddNumberToObject(object, key, value) != NULL;
}

/* Return a copy of `text` in which U+FFFD replaces each byte that is not UTF-8, or NULL if out of
 * memory. */
static char *valid_copy(const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    char *copy = malloc(strlen(text) * (sizeof replacement - 1) + 1);
    char *end = copy;
    while (copy && *text) {
        size_t length = character_length((const unsigned char *)text);
        const char *from = length ? text : replacement;
        size_t bytes = length ? length : sizeof replacement - 1;
        memcpy(end, from, bytes);
        end += bytes;
        text += length ? length : 1;
    }
    if (copy) {
        *end = '\0';
    }
    return copy;
}

static bool add_text(cJSON *object, const char *key, const char *text)
{
    char *valid_key = valid_copy(key);
    char *valid_text = valid_copy(text);
    bool ok = valid_key && valid_text && cJSON_AddStringToObject(object, valid_key, valid_text);
    free(valid_key);
    free(valid_text);
    return ok;
}

static bool add_config(cJSON *root, const bsm_config *config)
{
    cJSON *object = cJSON_AddObjectToObject(root, "config");
    cJSON *bands = cJSON_AddArrayToObject(object, "bands");
    cJSON *stems = cJSON_AddArrayToObject(object, "stems");
    bool ok = bands && stems && add_number(object, "dim", (double)config->dim) &&
              add_number(object, "depth", (double)config->depth) &&
              add_number(object, "expand", (double)config->expand) &&
              add_number(object, "headdim", (double)config->headdim) &&
              add_number(object, "d_state", (double)config->d_state) &&
              add_number(object, "d_conv", (double)config->d_conv) &&
              add_number(object, "mask_expansion", (double)config->mask_expansion) &&
              add_number(object, "n_fft", (double)config->n_fft) &&
              add_number(object, "hop", (double)config->hop) &&
              add_number(object, "sample_rate", (double)config->sample_rate) &&
              add_number(object, "channels", (double)config->channels) &&
              add_number(object, "segment", config->segment) &&
              add_number(object, "expander", config->expander);
    for (size_t k = 0; ok && k < config->num_bands; k++) {
        cJSON *item = cJSON_CreateNumber((double)config->bands[k]);
        ok = item && cJSON_AddItemToArray(bands, item);
    }
    for (size_t i = 0; ok && i < config->num_stems; i++) {
        cJSON *item = cJSON_CreateString(config->stems[i]);
        ok = item && cJSON_AddItemToArray(stems, item);
    }
    return ok;
}

static bool add_dtypes(cJSON *root, const bsm_model *model)
{
    size_t counts[NUM_DTYPES];
    count_dtypes(model, counts);
    cJSON *object = cJSON_AddObjectToObject(root, "types");
    bool ok = object != NULL;
    for (size_t i = 0; ok && i < NUM_DTYPES; i++) {
        ok = !counts[i] || add_number(object, dtype_names[i], (double)counts[i]);
    }
    return ok;
}

static bool add_metadata(cJSON *root, const bsm_model *model)
{
    const char *key, *value;
    cJSON *object = cJSON_AddObjectToObject(root, "metadata");
    bool ok = object != NULL;
    for (size_t i = 0; ok && bsm_model_metadata_at(model, i, &key, &value); i++) {
        ok = add_text(object, key, value);
    }
    return ok;
}

bool model_info_print_json(const bsm_model *model)
{
    const bsm_config *config = bsm_model_config(model);
    cJSON *root = cJSON_CreateObject();
    bool ok = add_text(root, "file", bsm_model_path(model)) &&
              add_text(root, "format", bsm_model_format(model)) &&
              add_number(root, "bytes", file_size(model)) && add_config(root, config) &&
              add_number(root, "parameters", (double)bsm_config_parameters(config)) &&
              add_number(root, "tensors", (double)bsm_model_num_tensors(model)) &&
              add_number(root, "macs_per_frame", bsm_config_macs_per_frame(config, 64)) &&
              add_dtypes(root, model) && add_metadata(root, model);
    char *text = ok ? cJSON_Print(root) : NULL;
    cJSON_Delete(root);
    if (text) {
        puts(text);
        cJSON_free(text);
    }
    return text != NULL;
}
