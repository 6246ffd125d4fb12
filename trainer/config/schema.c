/* SPDX-License-Identifier: ISC */
/* The table of keys as a schema and as texts. */
#include <stdio.h>

#include "config/settings.h"

/* Texts made from the table of keys. The published values are YAML. Each section is a text of its
 * own: if the 17th, 33rd, ... node of a text is a section or a list, libyaml 0.2.5 leaks when it
 * is out of memory. A key without a value is null. */

#define LINE(S, KIND, KEY, DEFAULT, ...) S #KEY ": " DEFAULT "\n"

const char *const bsm_settings_defaults[BSM_NUM_DEFAULTS] = {
    "model:\n" BSM_MODEL_KEYS(LINE, "  "),
    "audio:\n" BSM_AUDIO_KEYS(LINE, "  "),
    "training:\n" BSM_TRAINING_KEYS(LINE, "  "),
    "training:\n  schedule:\n" BSM_SCHEDULE_KEYS(LINE, "    "),
    "loss:\n" BSM_LOSS_KEYS(LINE, "  "),
    "data:\n" BSM_DATA_KEYS(LINE, "  "),
    "sad:\n" BSM_SAD_KEYS(LINE, "  "),
    "validation:\n" BSM_VALIDATION_KEYS(LINE, "  "),
};

/* ---- The explained keys: YAML with comments, which is itself a configuration ---- */

typedef struct row {
    const char *indent, *key, *value;
    double low, high; /**< both 0: the number has no range */
    const char *help;
} row;

#define ROW(S, KIND, KEY, DEFAULT, LOW, HIGH, HELP) {S, #KEY, DEFAULT, LOW, HIGH, HELP},
#define HEADING(NAME) {"", NAME, "", 0, 0, ""},

static const row rows[] = {
    HEADING("model") BSM_MODEL_KEYS(ROW, "  ") HEADING("audio") BSM_AUDIO_KEYS(ROW, "  ")
        HEADING("training") BSM_TRAINING_KEYS(ROW, "  "){"  ", "schedule", "", 0, 0, ""},
    BSM_SCHEDULE_KEYS(ROW, "    ") HEADING("loss") BSM_LOSS_KEYS(ROW, "  ") HEADING("data")
        BSM_DATA_KEYS(ROW, "  ") HEADING("sad") BSM_SAD_KEYS(ROW, "  ") HEADING("validation")
            BSM_VALIDATION_KEYS(ROW, "  ")};

static void print_row(const row *r)
{
    printf("%s%s:%s%s", r->indent, r->key, *r->value ? " " : "", r->value);
    if (*r->help) {
        printf("  # %s", r->help);
    }
    if (r->low != 0 || r->high != 0) {
        printf(r->high < 1e6 ? " %g to %g." : " %g or more.", r->low, r->high);
    }
    putchar('\n');
}

void bsm_settings_print_keys(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_row(&rows[i]);
    }
}

/* ---- The keys of a configuration and their types ---- */

/* Every key may be left out: it then has its default. */
#define LEFT_OUT CYAML_FLAG_OPTIONAL
#define POINTER (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define FIELD(S, KIND, KEY, DEFAULT, LOW, HIGH, HELP) FIELD_##KIND(S, KEY, LOW, HIGH)
#define FIELD_WHOLE(S, KEY, ...) CYAML_FIELD_UINT(#KEY, LEFT_OUT, S, KEY),
#define FIELD_SEED(S, KEY, ...) FIELD_WHOLE(S, KEY)
#define FIELD_NUMBER(S, KEY, ...) CYAML_FIELD_FLOAT(#KEY, LEFT_OUT, S, KEY),
#define FIELD_BELOW(S, KEY, ...) FIELD_NUMBER(S, KEY)
#define FIELD_MAYBE(S, KEY, ...) CYAML_FIELD_FLOAT_PTR(#KEY, POINTER, S, KEY),
#define FIELD_CHANCE(S, KEY, ...) FIELD_MAYBE(S, KEY)
#define FIELD_RANGE(S, KEY, ...) CYAML_FIELD_SEQUENCE_FIXED(#KEY, LEFT_OUT, S, KEY, &number, 2),
#define FIELD_MAYBE_RANGE(S, KEY, ...)                                                             \
    CYAML_FIELD_SEQUENCE_FIXED(#KEY, POINTER, S, KEY, &number, 2),
#define FIELD_FLAG(S, KEY, ...) CYAML_FIELD_BOOL(#KEY, LEFT_OUT, S, KEY),
#define FIELD_TEXT(S, KEY, ...) CYAML_FIELD_STRING_PTR(#KEY, POINTER, S, KEY, 0, CYAML_UNLIMITED),
#define FIELD_LIST(S, KEY, ENTRY, LEAST, MOST)                                                     \
    CYAML_FIELD_SEQUENCE(#KEY, POINTER, S, KEY, &(ENTRY), LEAST, MOST),
#define FIELD_WHOLES(S, KEY, LEAST, MOST) FIELD_LIST(S, KEY, whole_number, LEAST, MOST)
#define FIELD_TEXTS(S, KEY, LEAST, MOST) FIELD_LIST(S, KEY, text, LEAST, MOST)
#define FIELD_ROOTS(S, KEY, LEAST, MOST) FIELD_LIST(S, KEY, root, LEAST, MOST)
#define FIELD_SILENTS(S, KEY, LEAST, MOST) FIELD_LIST(S, KEY, silent, LEAST, MOST)
#define FIELD_AUGMENTS(S, KEY, LEAST, MOST) FIELD_LIST(S, KEY, augment, LEAST, MOST)
#define FIELD_NAMES(S, KEY, NAMES)                                                                 \
    CYAML_FIELD_ENUM(#KEY, LEFT_OUT | CYAML_FLAG_STRICT, S, KEY, NAMES, CYAML_ARRAY_LEN(NAMES)),
#define FIELD_PRECISION(S, KEY, ...) FIELD_NAMES(S, KEY, precisions)
#define FIELD_ANY_PRECISION(S, KEY, ...) FIELD_NAMES(S, KEY, validation_precisions)
#define FIELD_DEVICE(S, KEY, ...) FIELD_NAMES(S, KEY, devices)
#define FIELD_SCHEDULE(S, KEY, ...) FIELD_NAMES(S, KEY, schedules)
#define FIELD_LAYOUT(S, KEY, ...) FIELD_NAMES(S, KEY, layouts)
#define FIELD_SUBSET(S, KEY, ...) FIELD_NAMES(S, KEY, subsets)
#define FIELD_MEMORY(S, KEY, ...) FIELD_NAMES(S, KEY, memories)
#define SECTION(S, KEY, FIELDS) CYAML_FIELD_MAPPING(#KEY, LEFT_OUT, S, KEY, FIELDS)

/* The names are the same as in the other programs. */
#define PRECISIONS                                                                                 \
    {"float32", BSM_PRECISION_FLOAT32}, {"tf32", BSM_PRECISION_TF32},                              \
        {"bf16", BSM_PRECISION_BFLOAT16},                                                          \
    {                                                                                              \
        "bfloat16", BSM_PRECISION_BFLOAT16                                                         \
    }

static const cyaml_strval_t precisions[] = {PRECISIONS};

/* How validation separates. */
static const cyaml_strval_t validation_precisions[] = {PRECISIONS, {"int8", BSM_PRECISION_INT8}};

static const cyaml_strval_t memories[] = {
    {"model", BSM_MEMORY_MODEL},
    {"carry", BSM_MEMORY_CARRY},
    {"rolling", BSM_MEMORY_ROLLING},
    {"bounded", BSM_MEMORY_BOUNDED},
};

static const cyaml_strval_t devices[] = {
    {"auto", BSM_DEVICE_AUTO},
    {"cpu", BSM_DEVICE_CPU},
    {"reference", BSM_DEVICE_REFERENCE},
    {"cuda", BSM_DEVICE_CUDA},
};

static const cyaml_strval_t schedules[] = {
    {"constant", BSM_SCHEDULE_CONSTANT},
    {"cosine", BSM_SCHEDULE_COSINE},
    {"plateau", BSM_SCHEDULE_PLATEAU},
};

static const cyaml_strval_t layouts[] = {
    {"auto", BSM_LAYOUT_AUTO},
    {"musdb", BSM_LAYOUT_MUSDB},
    {"tracks", BSM_LAYOUT_TRACKS},
    {"pool", BSM_LAYOUT_POOL},
};

static const cyaml_strval_t subsets[] = {
    {"train", BSM_SUBSET_TRAIN},
    {"valid", BSM_SUBSET_VALID},
    {"test", BSM_SUBSET_TEST},
};

static const cyaml_schema_value_t whole_number = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, size_t)};
static const cyaml_schema_value_t number = {CYAML_VALUE_FLOAT(CYAML_FLAG_DEFAULT, double)};
static const cyaml_schema_value_t text = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t model_fields[] = {
    BSM_MODEL_KEYS(FIELD, bsm_model_settings) CYAML_FIELD_END,
};

static const cyaml_schema_field_t audio_fields[] = {
    BSM_AUDIO_KEYS(FIELD, bsm_audio_settings) CYAML_FIELD_END,
};

static const cyaml_schema_field_t schedule_fields[] = {
    BSM_SCHEDULE_KEYS(FIELD, bsm_schedule_settings) CYAML_FIELD_END,
};

static const cyaml_schema_field_t training_fields[] = {
    BSM_TRAINING_KEYS(FIELD, bsm_training_settings)
        SECTION(bsm_training_settings, schedule, schedule_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t loss_fields[] = {
    BSM_LOSS_KEYS(FIELD, bsm_loss_settings) CYAML_FIELD_END,
};

static const cyaml_schema_field_t root_fields[] = {
    BSM_ROOT_KEYS(FIELD, bsm_root_settings) CYAML_FIELD_END,
};
static const cyaml_schema_value_t root = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, bsm_root_settings, root_fields)};

static const cyaml_schema_field_t silent_fields[] = {
    BSM_SILENT_KEYS(FIELD, bsm_silent_settings) CYAML_FIELD_END,
};
static const cyaml_schema_value_t silent = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, bsm_silent_settings, silent_fields)};

static const cyaml_schema_field_t augment_fields[] = {
    BSM_AUGMENT_KEYS(FIELD, bsm_augment_settings) CYAML_FIELD_END,
};
static const cyaml_schema_value_t augment = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, bsm_augment_settings, augment_fields)};

static const cyaml_schema_field_t data_fields[] = {
    BSM_DATA_KEYS(FIELD, bsm_data_settings) CYAML_FIELD_END,
};

static const cyaml_schema_field_t sad_fields[] = {
    BSM_SAD_KEYS(FIELD, bsm_sad_settings) CYAML_FIELD_END,
};

static const cyaml_schema_field_t validation_fields[] = {
    BSM_VALIDATION_KEYS(FIELD, bsm_validation_settings) CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
    SECTION(bsm_trainer_settings, model, model_fields),
    SECTION(bsm_trainer_settings, audio, audio_fields),
    SECTION(bsm_trainer_settings, training, training_fields),
    SECTION(bsm_trainer_settings, loss, loss_fields),
    SECTION(bsm_trainer_settings, data, data_fields),
    SECTION(bsm_trainer_settings, sad, sad_fields),
    SECTION(bsm_trainer_settings, validation, validation_fields),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t bsm_settings_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, bsm_trainer_settings, fields)};
