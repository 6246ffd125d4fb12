/* SPDX-License-Identifier: ISC */
/* The keys of a configuration and their types. */
#include "config/settings.h"

/* Every key may be left out: it then has the default. */
#define FIELD(TYPE, STRUCT, MEMBER) CYAML_FIELD_##TYPE(#MEMBER, CYAML_FLAG_OPTIONAL, STRUCT, MEMBER)
#define FIELD_NAMES(STRUCT, MEMBER, NAMES)                                                         \
    CYAML_FIELD_ENUM(#MEMBER, CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, STRUCT, MEMBER, NAMES,      \
                     CYAML_ARRAY_LEN(NAMES))
#define FIELD_TEXT(STRUCT, MEMBER)                                                                 \
    CYAML_FIELD_STRING_PTR(#MEMBER, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, STRUCT, MEMBER, 0,   \
                           CYAML_UNLIMITED)
#define FIELD_LIST(STRUCT, MEMBER, ENTRY, LEAST, MOST)                                             \
    CYAML_FIELD_SEQUENCE(#MEMBER, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, STRUCT, MEMBER,        \
                         &(ENTRY), LEAST, MOST)
#define FIELD_MAYBE_NUMBER(STRUCT, MEMBER)                                                         \
    CYAML_FIELD_FLOAT_PTR(#MEMBER, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, STRUCT, MEMBER)
#define FIELD_MAYBE_RANGE(STRUCT, MEMBER)                                                          \
    CYAML_FIELD_SEQUENCE_FIXED(#MEMBER, CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER, STRUCT, MEMBER,  \
                               &number, 2)
#define FIELD_SECTION(STRUCT, MEMBER, FIELDS)                                                      \
    CYAML_FIELD_MAPPING(#MEMBER, CYAML_FLAG_OPTIONAL, STRUCT, MEMBER, FIELDS)

/* By the names that the other programs have for them, too. */
#define PRECISIONS                                                                                 \
    {"float32", BSM_PRECISION_FLOAT32}, {"tf32", BSM_PRECISION_TF32},                              \
        {"bf16", BSM_PRECISION_BFLOAT16},                                                          \
    {                                                                                              \
        "bfloat16", BSM_PRECISION_BFLOAT16                                                         \
    }

static const cyaml_strval_t precisions[] = {PRECISIONS};

/* To separate with. */
static const cyaml_strval_t validation_precisions[] = {PRECISIONS, {"int8", BSM_PRECISION_INT8}};

static const cyaml_strval_t memories[] = {
    {"model", BSM_MEMORY_MODEL},
    {"carry", BSM_MEMORY_CARRY},
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
    FIELD(UINT, bsm_model_settings, hidden_dim),
    FIELD(UINT, bsm_model_settings, num_layers),
    FIELD(UINT, bsm_model_settings, num_subbands),
    FIELD_LIST(bsm_model_settings, bands, whole_number, 1, BSM_MAX_BANDS),
    FIELD(UINT, bsm_model_settings, d_state),
    FIELD(UINT, bsm_model_settings, d_conv),
    FIELD(UINT, bsm_model_settings, expand),
    FIELD(UINT, bsm_model_settings, headdim),
    FIELD(UINT, bsm_model_settings, mask_expansion),
    FIELD(BOOL, bsm_model_settings, use_gradient_checkpointing),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t audio_fields[] = {
    FIELD(UINT, bsm_audio_settings, sample_rate),
    FIELD(UINT, bsm_audio_settings, n_fft),
    FIELD(UINT, bsm_audio_settings, hop_length),
    FIELD(FLOAT, bsm_audio_settings, segment_length),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t schedule_fields[] = {
    FIELD_NAMES(bsm_schedule_settings, kind, schedules),
    FIELD(UINT, bsm_schedule_settings, warmup_steps),
    FIELD(FLOAT, bsm_schedule_settings, minimum),
    FIELD(FLOAT, bsm_schedule_settings, factor),
    FIELD(UINT, bsm_schedule_settings, patience),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t training_fields[] = {
    FIELD(UINT, bsm_training_settings, batch_size),
    FIELD(UINT, bsm_training_settings, gradient_accumulation_steps),
    FIELD(FLOAT, bsm_training_settings, learning_rate),
    FIELD_SECTION(bsm_training_settings, schedule, schedule_fields),
    FIELD(FLOAT, bsm_training_settings, weight_decay),
    FIELD(FLOAT, bsm_training_settings, clip_norm),
    FIELD(FLOAT, bsm_training_settings, ema),
    FIELD(UINT, bsm_training_settings, num_epochs),
    FIELD(UINT, bsm_training_settings, steps_per_epoch),
    FIELD_NAMES(bsm_training_settings, precision, precisions),
    FIELD(FLOAT, bsm_training_settings, lambda_time),
    FIELD(FLOAT, bsm_training_settings, dropout),
    FIELD_TEXT(bsm_training_settings, output_dir),
    FIELD_TEXT(bsm_training_settings, resume_from),
    FIELD_TEXT(bsm_training_settings, init_from),
    FIELD(UINT, bsm_training_settings, save_every_n_epochs),
    FIELD(UINT, bsm_training_settings, keep_last_n_checkpoints),
    FIELD(UINT, bsm_training_settings, seed),
    FIELD_NAMES(bsm_training_settings, device, devices),
    FIELD(UINT, bsm_training_settings, threads),
    FIELD_TEXT(bsm_training_settings, licence),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t loss_fields[] = {
    FIELD_LIST(bsm_loss_settings, stft_windows, whole_number, 0, BSM_MAX_LOSS_WINDOWS),
    FIELD(UINT, bsm_loss_settings, time_norm),
    FIELD(UINT, bsm_loss_settings, stft_hop),
    FIELD(FLOAT, bsm_loss_settings, lambda_silence),
    FIELD(FLOAT, bsm_loss_settings, silence_floor),
    FIELD(FLOAT, bsm_loss_settings, silence_seconds),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t root_fields[] = {
    FIELD_TEXT(bsm_root_settings, path),
    FIELD_NAMES(bsm_root_settings, layout, layouts),
    FIELD_MAYBE_NUMBER(bsm_root_settings, weight),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t root = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, bsm_root_settings, root_fields)};

static const cyaml_schema_field_t silent_fields[] = {
    FIELD_TEXT(bsm_silent_settings, source),
    FIELD(FLOAT, bsm_silent_settings, probability),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t silent = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, bsm_silent_settings, silent_fields)};

static const cyaml_schema_field_t augment_fields[] = {
    FIELD_TEXT(bsm_augment_settings, source),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, channel_swap),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, polarity),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, eq),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, pitch),
    FIELD_MAYBE_RANGE(bsm_augment_settings, semitones),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, layers),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, compression),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, reverb),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, doubling),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, width),
    FIELD_MAYBE_NUMBER(bsm_augment_settings, pan),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t augment = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, bsm_augment_settings, augment_fields)};

static const cyaml_schema_field_t data_fields[] = {
    FIELD_TEXT(bsm_data_settings, root),
    FIELD_NAMES(bsm_data_settings, layout, layouts),
    FIELD_LIST(bsm_data_settings, roots, root, 1, CYAML_UNLIMITED),
    FIELD_LIST(bsm_data_settings, sources, text, 1, BSM_MAX_STEMS),
    FIELD_LIST(bsm_data_settings, target, text, 1, BSM_MAX_STEMS),
    FIELD(FLOAT, bsm_data_settings, random_mix),
    FIELD(FLOAT, bsm_data_settings, silent_prob),
    FIELD_LIST(bsm_data_settings, silent, silent, 0, BSM_MAX_STEMS),
    CYAML_FIELD_SEQUENCE_FIXED("loudness", CYAML_FLAG_OPTIONAL, bsm_data_settings, loudness,
                               &number, 2),
    FIELD_MAYBE_RANGE(bsm_data_settings, level),
    FIELD(FLOAT, bsm_data_settings, channel_swap),
    FIELD(FLOAT, bsm_data_settings, polarity),
    FIELD(FLOAT, bsm_data_settings, eq),
    FIELD(FLOAT, bsm_data_settings, pitch),
    FIELD_LIST(bsm_data_settings, augment, augment, 0, BSM_MAX_STEMS),
    FIELD_TEXT(bsm_data_settings, segments_cache),
    FIELD(UINT, bsm_data_settings, workers),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sad_fields[] = {
    FIELD(BOOL, bsm_sad_settings, enabled),
    FIELD(FLOAT, bsm_sad_settings, window),
    FIELD(UINT, bsm_sad_settings, chunks),
    FIELD(FLOAT, bsm_sad_settings, quantile),
    FIELD(FLOAT, bsm_sad_settings, floor),
    FIELD(FLOAT, bsm_sad_settings, active),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t validation_fields[] = {
    FIELD_TEXT(bsm_validation_settings, root),
    FIELD_NAMES(bsm_validation_settings, layout, layouts),
    FIELD_NAMES(bsm_validation_settings, subset, subsets),
    FIELD(UINT, bsm_validation_settings, every_n_epochs),
    FIELD(FLOAT, bsm_validation_settings, max_seconds),
    FIELD(FLOAT, bsm_validation_settings, duration),
    FIELD(FLOAT, bsm_validation_settings, overlap),
    FIELD(UINT, bsm_validation_settings, commit),
    FIELD(UINT, bsm_validation_settings, lookahead),
    FIELD_NAMES(bsm_validation_settings, memory, memories),
    FIELD(UINT, bsm_validation_settings, history),
    FIELD_NAMES(bsm_validation_settings, precision, validation_precisions),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t fields[] = {
    FIELD_SECTION(bsm_settings, model, model_fields),
    FIELD_SECTION(bsm_settings, audio, audio_fields),
    FIELD_SECTION(bsm_settings, training, training_fields),
    FIELD_SECTION(bsm_settings, loss, loss_fields),
    FIELD_SECTION(bsm_settings, data, data_fields),
    FIELD_SECTION(bsm_settings, sad, sad_fields),
    FIELD_SECTION(bsm_settings, validation, validation_fields),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t bsm_settings_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, bsm_settings, fields)};
