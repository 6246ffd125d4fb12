/* SPDX-License-Identifier: ISC */
/* Tests a training's configuration: what is read, what is refused, and the messages. */
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/layer.h"
#include "config/settings.h"
#include "scratch.h"

/* ---- Loading ---- */

typedef struct loaded {
    bsm_trainer_settings *settings;
    char *text;
} loaded;

static bsm_status load(const char *yaml, const char *set, loaded *l, bsm_error *error)
{
    const char *path = scratch_write("config.yaml", yaml, strlen(yaml));
    const bsm_settings_source source = {
        .path = path, .assignments = &set, .num_assignments = set ? 1 : 0};
    return bsm_settings_load(&source, &l->settings, &l->text, error);
}

static loaded assert_loads(const char *yaml, const char *set)
{
    loaded l;
    bsm_error error = {0};
    if (load(yaml, set, &l, &error)) {
        fail_msg("%s", error.message);
    }
    return l;
}

static void unload(loaded *l)
{
    bsm_settings_free(l->settings);
    free(l->text);
}

/* Check that a configuration is refused. If the error's message begins with the path of the file,
 * `message` is what follows it. */
static void assert_refused(const char *yaml, const char *set, const char *message)
{
    loaded l = {0};
    bsm_error error = {0};
    assert_int_equal(load(yaml, set, &l, &error), BSM_INVALID_ARGUMENT);
    assert_null(l.settings);
    assert_null(l.text);
    const char *path = scratch_path("config.yaml");
    const char *found = error.message;
    if (strncmp(found, path, strlen(path)) == 0) {
        found += strlen(path);
    }
    assert_string_equal(found, message);
}

static void test_defaults_are_published(void **state)
{
    (void)state;
    loaded l = assert_loads("# nothing\n", NULL);
    const bsm_training_options options = bsm_settings_training(l.settings);
    const bsm_loss_options published = bsm_loss_published();
    assert_memory_equal(&options.loss, &published, sizeof published);
    assert_int_equal(options.samples, 8 * 44100);
    assert_true(l.settings->training.learning_rate == 5e-4);
    assert_int_equal(
        l.settings->training.batch_size * l.settings->training.gradient_accumulation_steps, 30);
    bsm_config config, paper;
    assert_int_equal(bsm_settings_network(l.settings, &config, NULL), BSM_OK);
    assert_int_equal(bsm_config_preset("paper", &paper, NULL), BSM_OK);
    assert_true(bsm_config_same_shapes(&config, &paper));
    assert_string_equal(config.stems[0], "vocals");
    unload(&l);
}

/* Return the network that a configuration in the source folder specifies. */
static bsm_config shipped(const char *name)
{
    char path[1024];
    loaded l;
    bsm_config config;
    bsm_error error = {0};
    bsm_training_memory memory;
    snprintf(path, sizeof path, "%s/%s", getenv("BSM_TEST_SOURCE"), name);
    const bsm_settings_source source = {.path = path};
    if (bsm_settings_load(&source, &l.settings, &l.text, &error) ||
        bsm_settings_network(l.settings, &config, &error)) {
        fail_msg("%s: %s", name, error.message);
    }
    bsm_training_options options = bsm_settings_training(l.settings);
    options.device = BSM_DEVICE_CPU;
    if (bsm_training_plan(&config, &options, &memory, &error)) {
        fail_msg("%s: %s", name, error.message);
    }
    unload(&l);
    return config;
}

static void test_shipped_configurations(void **state)
{
    (void)state;
    const bsm_config paper = shipped("configs/bsmamba2.yaml");
    const bsm_config lite = shipped("configs/bsmamba2-lite.yaml");
    const bsm_config live = shipped("configs/bsmamba2-live.yaml");
    const bsm_config recipe = shipped("presets/models/recipe.yaml");
    assert_int_equal(bsm_config_parameters(&paper), 48098188);
    assert_int_equal(bsm_config_parameters(&lite), 22811660);
    assert_true(bsm_config_same_shapes(&live, &recipe));
}

static void test_file_over_defaults_command_line_over_file(void **state)
{
    (void)state;
    const char yaml[] = "training:\n  batch_size: 3\n  seed: 9\n  learning_rate: 1e-3\n";
    loaded l = assert_loads(yaml, "training.batch_size=1");
    assert_int_equal(l.settings->training.batch_size, 1);
    assert_int_equal(l.settings->training.seed, 9);
    assert_true(l.settings->training.learning_rate == 1e-3);
    assert_int_equal(l.settings->training.gradient_accumulation_steps, 6);
    unload(&l);
}

static void test_text_loads_as_the_same(void **state)
{
    (void)state;
    loaded l = assert_loads("training:\n  learning_rate: 0.000123456789012345\n"
                            "data: {root: \"a: b\", augment: [{source: vocals, pitch: 0.5}]}\n",
                            "training.licence='null'");
    loaded again = assert_loads(l.text, NULL);
    assert_string_equal(l.text, again.text);
    assert_true(again.settings->training.learning_rate == 0.000123456789012345);
    assert_string_equal(again.settings->data.root, "a: b");
    assert_string_equal(again.settings->training.licence, "null");
    assert_true(*again.settings->data.augment[0].pitch == 0.5);
    assert_null(again.settings->data.augment[0].reverb);
    unload(&again);
    unload(&l);
}

static void test_one_value_for_a_list(void **state)
{
    (void)state;
    loaded l = assert_loads("data:\n  target: other\n", "data.sources=[vocals, other]");
    assert_int_equal(l.settings->data.target_count, 1);
    assert_string_equal(l.settings->data.target[0], "other");
    assert_int_equal(l.settings->data.sources_count, 2);
    unload(&l);
}

static void test_empty_value_is_none(void **state)
{
    (void)state;
    loaded l = assert_loads("training:\n  seed:\n  init_from: ~\nsad: null\n", NULL);
    assert_int_equal(l.settings->training.seed, 42);
    assert_null(l.settings->training.init_from);
    assert_true(l.settings->sad.enabled);
    unload(&l);
}

static void test_bands(void **state)
{
    (void)state;
    bsm_config config, lite;
    loaded l = assert_loads("model: {num_subbands: 48}\n", NULL);
    assert_int_equal(bsm_settings_network(l.settings, &config, NULL), BSM_OK);
    assert_int_equal(bsm_config_preset("lite", &lite, NULL), BSM_OK);
    assert_memory_equal(config.bands, lite.bands, sizeof lite.bands);
    unload(&l);
    l = assert_loads("model: {bands: [1000, 25]}\n", NULL);
    assert_int_equal(bsm_settings_network(l.settings, &config, NULL), BSM_OK);
    assert_int_equal(config.num_bands, 2);
    assert_int_equal(config.bands[1], 25);
    unload(&l);
}

/* A preset's measurements also apply to the configuration file of its name. */
static void test_files_are_presets(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"paper", "bsmamba2.yaml"}, {"lite", "bsmamba2-lite.yaml"}, {"live", "bsmamba2-live.yaml"}};
    const char *data = getenv("BSM_TEST_DATA");
    assert_non_null(data);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/../../configs/%s", data, names[i][1]);
        loaded l;
        bsm_config config, preset;
        const bsm_settings_source source = {.path = path};
        assert_int_equal(bsm_settings_load(&source, &l.settings, &l.text, NULL), BSM_OK);
        assert_int_equal(bsm_settings_network(l.settings, &config, NULL), BSM_OK);
        assert_int_equal(bsm_config_preset(names[i][0], &preset, NULL), BSM_OK);
        assert_true(bsm_config_same_shapes(&config, &preset));
        unload(&l);
    }
}

/* ---- Refusing ---- */

static void test_unknown_keys(void **state)
{
    (void)state;
    assert_refused("model:\n  hiden_dim: 3\n", NULL,
                   ":2: model.hiden_dim: there is no such key; the nearest is model.hidden_dim");
    assert_refused("training:\n  hop_length: 3\n", NULL,
                   ":2: training.hop_length: there is no such key; the nearest is "
                   "audio.hop_length");
    assert_refused("\n\ntrainig: {}\n", NULL,
                   ":3: trainig: there is no such key; the nearest is training");
    assert_refused("data:\n  augment:\n    - {sorce: vocals}\n", NULL,
                   ":3: data.augment.sorce: there is no such key; the nearest is "
                   "data.augment.source");
    assert_refused("# none\n", "training.batchsize=1",
                   "--set training.batchsize: there is no such key; the nearest is "
                   "training.batch_size");
}

static void test_wrong_types(void **state)
{
    (void)state;
    assert_refused("training:\n  batch_size: two\n", NULL,
                   ":2: training.batch_size: \"two\" is not a whole number");
    assert_refused("training:\n  batch_size: 010\n", NULL,
                   ":2: training.batch_size: \"010\" is not a whole number");
    assert_refused("training:\n  ema: .9x\n", NULL, ":2: training.ema: \".9x\" is not a number");
    assert_refused("training:\n  ema: inf\n", NULL, ":2: training.ema: \"inf\" is not a number");
    assert_refused("sad:\n  enabled: off\n", NULL, ":2: sad.enabled: \"off\" is not true or false");
    assert_refused("training:\n  device: gpu\n", NULL,
                   ":2: training.device: \"gpu\" is not one of auto, cpu, reference, cuda");
    assert_refused("training: 3\n", NULL, ":1: training: \"3\" is not a section of keys");
    assert_refused("training:\n  seed: [1]\n", NULL,
                   ":2: training.seed: a list is not a whole number");
    assert_refused("data:\n  root: {}\n", NULL, ":2: data.root: a section is not a text");
    assert_refused("data:\n  loudness: [1, 2, 3]\n", NULL,
                   ":2: data.loudness: a list of 3, not of 2");
    assert_refused("loss:\n  stft_windows: [1, ~]\n", NULL,
                   ":2: loss.stft_windows: an entry of the list is empty");
    assert_refused("# none\n", "training.seed=x",
                   "--set training.seed: \"x\" is not a whole number");
}

/* The names that other programs use are understood, or the message suggests the right one. */
static void test_precisions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bsm_precision precision;
    } names[] = {
        {"float32", BSM_PRECISION_FLOAT32}, {"fp32", BSM_PRECISION_FLOAT32},
        {"F32", BSM_PRECISION_FLOAT32},     {"32", BSM_PRECISION_FLOAT32},
        {"bf16", BSM_PRECISION_BFLOAT16},   {"bfloat16", BSM_PRECISION_BFLOAT16},
        {"BF16", BSM_PRECISION_BFLOAT16},   {"bf16-mixed", BSM_PRECISION_BFLOAT16},
        {"tf32", BSM_PRECISION_TF32},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char set[64];
        snprintf(set, sizeof set, "training.precision=%s", names[i].name);
        loaded l = assert_loads("validation: {precision: FP32}\n", set);
        assert_int_equal(l.settings->training.precision, names[i].precision);
        assert_int_equal(l.settings->validation.precision, BSM_PRECISION_FLOAT32);
        unload(&l);
    }
    assert_refused("training:\n  precision: fp16\n", NULL,
                   ":2: training.precision: precision 'fp16': no device computes in float16; of 16 "
                   "bits there is bfloat16");
    assert_refused("training:\n  precision: double\n", NULL,
                   ":2: training.precision: precision 'double': expected float32, bfloat16, tf32 "
                   "or int8");
    assert_refused("training:\n  precision: int8\n", NULL,
                   ":2: training.precision: \"int8\" is not one of float32, tf32, bf16, bfloat16");
}

static void test_home_folders(void **state)
{
    (void)state;
    assert_int_equal(setenv("HOME", "/home/of test", 1), 0);
    loaded l = assert_loads("training: {output_dir: ~/out, init_from: ~, resume_from: a~/b}\n"
                            "data: {root: ~root/x, segments_cache: ~/, roots: [{path: ~/a}]}\n"
                            "validation: {root: ./~/v}\n",
                            NULL);
    assert_string_equal(l.settings->training.output_dir, "/home/of test/out");
    assert_null(l.settings->training.init_from); /* YAML's word for nothing */
    assert_string_equal(l.settings->training.resume_from, "a~/b");
    char expected[256];
    snprintf(expected, sizeof expected, "%s/x", getpwnam("root")->pw_dir);
    assert_string_equal(l.settings->data.root, expected);
    assert_string_equal(l.settings->data.segments_cache, "/home/of test/");
    assert_string_equal(l.settings->data.roots[0].path, "/home/of test/a");
    assert_string_equal(l.settings->validation.root, "./~/v");
    assert_non_null(strstr(l.text, "~/out"));
    unload(&l);
    assert_refused("data: {root: ~nobody-so-called}\n", NULL,
                   "~nobody-so-called: there is no home folder of that name; a file that is called "
                   "so is ./~nobody-so-called");
}

static void test_out_of_range(void **state)
{
    (void)state;
    assert_refused("training:\n  seed: 1\n  dropout: 1\n", NULL,
                   ":3: training.dropout: 1 is not from 0 to below 1");
    assert_refused("# none\n", "training.batch_size=0",
                   "--set training.batch_size: 0 is not from 1 to 1e+06");
    assert_refused("data:\n  loudness: [2, 1]\n", NULL,
                   ":2: data.loudness: [2, 1] is not [low, high] of factors from 0");
    assert_refused("training:\n  output_dir: \"\"\n", NULL,
                   ":2: training.output_dir: names no folder");
    assert_refused("model:\n  num_subbands: 3\n  bands: [1024, 1]\n", NULL,
                   ":2: model.num_subbands: 3, but model.bands are 2");
    assert_refused("data:\n  silent: [{source: vocals, probability: 2}]\n", NULL,
                   ":2: data.silent: number 1 is not {source: NAME, probability: 0 to 1}");
}

static void test_not_yaml(void **state)
{
    (void)state;
    assert_refused("training:\n  seed: 1\n  seed: 2\n", NULL, ":3: training.seed: is there twice");
    assert_refused("training:\n  seed: [1\n", NULL, ":3: did not find expected ',' or ']'");
    assert_refused(
        "training:\n\tseed: 1\n", NULL,
        ":2: found character that cannot start any token: if it is a tab, put spaces there");
    assert_refused("a: 1\n---\nb: 1\n", NULL, ": more than one document");
    assert_refused("- a\n", NULL, ":1: a list is not a section of keys");
    assert_refused("x: 1\n", "seed", "--set seed: is not SECTION.KEY=VALUE");
    assert_refused("training: {}\n", "training..seed=1",
                   "--set training..seed=1: is not SECTION.KEY=VALUE");
}

/* An anchor that contains itself must not be followed for ever. */
static void test_endless_document(void **state)
{
    (void)state;
    assert_refused("data: {augment: &a [*a]}\n", NULL,
                   ":1: data.augment: a list is not a section of keys");
}

static void test_nearest_key(void **state)
{
    (void)state;
    assert_int_equal(bsm_edit_distance("", "abc"), 3);
    assert_int_equal(bsm_edit_distance("kitten", "sitting"), 3);
    assert_int_equal(bsm_edit_distance("same", "same"), 0);
    char nearest[BSM_MAX_KEY];
    bsm_nearest_key(&bsm_settings_schema, "validation.layout", nearest);
    assert_string_equal(nearest, "validation.layout");
    bsm_nearest_key(&bsm_settings_schema, "training.batch", nearest);
    assert_string_equal(nearest, "training.batch_size");
}

/* ---- The loader's options ---- */

static void test_data_options(void **state)
{
    (void)state;
    loaded l = assert_loads("data:\n"
                            "  root: a\n"
                            "  layout: tracks\n"
                            "  roots: [{path: b, weight: 2}, {path: c, layout: pool}]\n"
                            "  sources: [vocals, other]\n"
                            "  channel_swap: 0.5\n"
                            "  silent: [{source: other, probability: 0.25}]\n"
                            "  augment: [{source: vocals, pitch: 1, semitones: [-3, 4]}]\n"
                            "  level: [-15, 5]\n",
                            NULL);
    bsm_data_source data;
    assert_int_equal(bsm_settings_data(l.settings, &data, NULL), BSM_OK);
    const bsm_data_options *o = &data.options;
    assert_int_equal(o->num_roots, 3);
    assert_string_equal(o->roots[0].path, "a");
    assert_int_equal(o->roots[0].layout, BSM_LAYOUT_TRACKS);
    assert_true(o->roots[1].weight == 2 && o->roots[2].weight == 1);
    assert_int_equal(o->roots[2].layout, BSM_LAYOUT_POOL);
    assert_true(o->silent_prob[0] == 0.1 && o->silent_prob[1] == 0.25);
    assert_true(o->augmentations[0].pitch == 1 && o->augmentations[1].pitch == 0);
    assert_true(o->augmentations[0].channel_swap == 0.5);
    assert_true(o->augmentations[0].semitones.low == -3);
    assert_true(o->level.low == -15 && o->level.high == 5);
    bsm_data_source_free(&data);
    unload(&l);
}

static void test_data_refused(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"training: {}", "data.root: where the training data is has to be said"},
        {"data: {root: a, target: choir}", "data.target: \"choir\" is not among data.sources"},
        {"data: {root: a, augment: [{source: x}]}",
         "data.augment: \"x\" is not among data.sources"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        loaded l = assert_loads(cases[i][0], NULL);
        bsm_data_source data;
        bsm_error error;
        assert_int_equal(bsm_settings_data(l.settings, &data, &error), BSM_INVALID_ARGUMENT);
        assert_string_equal(error.message, cases[i][1]);
        unload(&l);
    }
}

/* ---- Differences ---- */

static void collect(void *user, const char *key, const char *difference)
{
    (void)key;
    strcat(user, difference);
    strcat(user, "; ");
}

static void test_differences(void **state)
{
    (void)state;
    loaded a =
        assert_loads("training: {ema: 0.9990, licence: CC0}\ndata: {loudness: [1, 2]}\n", NULL);
    loaded b = assert_loads("training: {seed: 7}\ndata: {loudness: [1, 3]}\n", NULL);
    char text[1024] = "";
    assert_int_equal(bsm_settings_compare(a.text, b.text, collect, text, NULL), BSM_OK);
    assert_string_equal(text, "training.seed: 42 -> 7; training.licence: CC0 -> (not set); "
                              "data.loudness: [1, 2] -> [1, 3]; ");
    text[0] = '\0';
    assert_int_equal(bsm_settings_compare(a.text, a.text, collect, text, NULL), BSM_OK);
    assert_string_equal(text, "");
    unload(&a);
    unload(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_published),
        cmocka_unit_test(test_file_over_defaults_command_line_over_file),
        cmocka_unit_test(test_text_loads_as_the_same),
        cmocka_unit_test(test_one_value_for_a_list),
        cmocka_unit_test(test_empty_value_is_none),
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_files_are_presets),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_shipped_configurations),
        cmocka_unit_test(test_precisions),
        cmocka_unit_test(test_home_folders),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_not_yaml),
        cmocka_unit_test(test_endless_document),
        cmocka_unit_test(test_nearest_key),
        cmocka_unit_test(test_data_options),
        cmocka_unit_test(test_data_refused),
        cmocka_unit_test(test_differences),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
