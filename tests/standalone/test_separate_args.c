/* SPDX-License-Identifier: ISC */
/* Tests bsm-separate's command line, progress bar and choice of files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "picture.h"
#include "progress_line.h"
#include "separate_jobs.h"

enum { MAX_WORDS = 16 };

static separate_args args;
static bsm_error error;

/* Parse words that are separated by single spaces. */
static bsm_status parse(const char *line)
{
    static char text[512], *words[MAX_WORDS + 1];
    int count = 0;
    snprintf(text, sizeof text, "bsm-separate %s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        assert_true(count < MAX_WORDS);
        words[count++] = word;
    }
    words[count] = NULL;
    memset(&error, 0, sizeof error);
    return separate_args_parse(count, words, &args, &error);
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("song.wav"), BSM_OK);
    assert_int_equal(args.action, PROGRAM_RUN);
    assert_null(args.model);
    assert_int_equal(args.device, BSM_DEVICE_AUTO);
    assert_int_equal(args.precision, BSM_PRECISION_FLOAT32);
    assert_int_equal(args.threads, 0);
    assert_false(args.quiet);
    assert_int_equal(args.num_inputs, 1);
    assert_string_equal(args.inputs[0], "song.wav");
    const bsm_separate_options *o = &args.options;
    assert_null(o->output_dir);
    assert_int_equal(o->format, BSM_FILE_WAV);
    assert_int_equal(o->bits, 0);
    assert_true(!o->all_stems && !o->force && !args.picture);
    assert_true(o->window == 0 && o->overlap < 0);
    assert_int_equal(o->commit, 0);
}

static void test_picture(void **state)
{
    (void)state;
    if (draw_supported(NULL)) {
        assert_int_equal(parse("--picture a.wav"), BSM_UNSUPPORTED);
        assert_non_null(strstr(error.message, "without cairo"));
    } else {
        assert_int_equal(parse("--picture a.wav"), BSM_OK);
        assert_true(args.picture);
    }
}

static void test_every_option(void **state)
{
    (void)state;
    assert_int_equal(parse("--output=out a.wav --format flac --bits 24 --stems --force "
                           "--model=m.ckpt --device cpu --precision int8 --threads 3"),
                     BSM_OK);
    assert_string_equal(args.options.output_dir, "out");
    assert_int_equal(args.options.format, BSM_FILE_FLAC);
    assert_int_equal(args.options.bits, 24);
    assert_true(args.options.all_stems && args.options.force);
    assert_string_equal(args.model, "m.ckpt");
    assert_int_equal(args.device, BSM_DEVICE_CPU);
    assert_int_equal(args.precision, BSM_PRECISION_INT8);
    assert_int_equal(args.threads, 3);
    assert_int_equal(parse("-fqoout -m x -d reference -t 1 --window 2.5 --overlap 0 a b c"),
                     BSM_OK);
    assert_true(args.options.force && args.quiet);
    assert_string_equal(args.options.output_dir, "out");
    assert_int_equal(args.device, BSM_DEVICE_REFERENCE);
    assert_true(args.options.window == 2.5 && args.options.overlap == 0);
    assert_int_equal(args.num_inputs, 3);
    assert_int_equal(parse("--commit 25,0 --format ogg -- -odd-name.wav"), BSM_OK);
    assert_int_equal(args.options.commit, 25);
    assert_int_equal(args.options.lookahead, 0);
    assert_int_equal(args.options.format, BSM_FILE_OGG);
    assert_string_equal(args.inputs[0], "-odd-name.wav");
    assert_int_equal(parse("-o - --only vocals --format raw --gain -3.5 --name {name} a"), BSM_OK);
    assert_int_equal(args.options.stream, STDOUT_FILENO);
    assert_null(args.options.output_dir);
    assert_int_equal(args.options.only, BSM_ONLY_VOCALS);
    assert_int_equal(args.options.format, BSM_FILE_RAW);
    assert_true(args.options.gain == -3.5);
    assert_string_equal(args.options.name, "{name}");
    assert_int_equal(parse("--help"), BSM_OK);
    assert_int_equal(args.action, PROGRAM_HELP);
    assert_int_equal(parse("-V --nonsense"), BSM_OK);
    assert_int_equal(args.action, PROGRAM_VERSION);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    const char *const cases[][2] = {
        {"", "no file or folder"},
        {"-o", "-o: needs a value"},
        {"a --output", "--output: needs a value"},
        {"--nonsense a", "--nonsense: no such option"},
        {"-x a", "-x: no such option"},
        {"--quiet=3 a", "--quiet=3: the option takes no value"},
        {"--stems= a", "--stems=: the option takes no value"},
        {"--format=wav -qx a", "-x: no such option"},
        {"-fx a", "-x: no such option"},
        {"--format aiff a", "--format aiff: not wav, flac, ogg, mp3, opus or raw"},
        {"--bits 8 a", "--bits 8"},
        {"--bits 016 a", "--bits 016"},
        {"--format flac --bits 32 a", "FLAC has 16 or 24"},
        {"--format ogg --bits 16 a", "Ogg Vorbis"},
        {"--only bass a", "--only bass: not vocals or instrumental"},
        {"--only vocals --stems a", "--only and --stems"},
        {"--gain 3dB a", "--gain 3dB: not a number from -60 to 60 dB"},
        {"--name a/{stem} a", "--name a/{stem}"},
        {"--name {name} a", "put {stem} into it"},
        {"--format raw a", "--output - only"},
        {"-o - a", "--only vocals"},
        {"-o - --only vocals a b", "one file"},
        {"-o - --only vocals --format mp3 a", "--format wav or raw"},
        {"--threads 0 a", "--threads 0"},
        {"--threads -1 a", "--threads -1"},
        {"--threads 99999999999999999999 a", "--threads 99999999999999999999"},
        {"--threads 2x a", "--threads 2x"},
        {"--device gpu a", "--device gpu: not auto, cpu, reference or cuda"},
        {"--precision int9 a", "--precision 'int9': expected float32, bfloat16, tf32 or int8"},
        {"--precision half a",
         "--precision 'half': no device computes in float16; of 16 bits there is bfloat16"},
        {"--window 0 a", "--window 0"},
        {"--window -1 a", "--window -1"},
        {"--window nan a", "--window nan"},
        {"--window 8s a", "--window 8s"},
        {"--window 61 a", "--window 61: not a number from 0.001 to 60 seconds"},
        {"--overlap 1 a", "--overlap 1"},
        {"--overlap -0.1 a", "--overlap -0.1"},
        {"--commit 10 a", "--commit 10"},
        {"--commit 0,5 a", "--commit 0,5"},
        {"--commit 5,-1 a", "--commit 5,-1"},
        {"--commit 5,5, a", "--commit 5,5,"},
        {"--commit 6001,0 a", "--commit 6001,0: not C,L, two numbers of frames up to 6000"},
        {"--commit 1,6001 a", "--commit 1,6001: not"},
        {"--commit 5,5 --window 3 a", "--commit has no windows"},
        {"--commit 5,5 --overlap 0 a", "--commit has no windows"},
        {"--stream 5,5 a", "--stream: is now --commit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i][0]), BSM_INVALID_ARGUMENT);
        if (!strstr(error.message, cases[i][1])) {
            fail_msg("%s: unexpected message: %s", cases[i][0], error.message);
        }
    }
}

/* A screen has 24 lines of 80 columns, and the last line is the next prompt. */
static void test_help_fits_a_screen(void **state)
{
    (void)state;
    size_t lines = 0, column = 0;
    char help[8192];
    assert_true(program_format_help(&separate_program, help, sizeof help) < sizeof help);
    for (const char *c = help; *c; c++) {
        column = *c == '\n' ? 0 : column + 1;
        lines += *c == '\n';
        assert_true(column <= 80);
    }
    assert_true(lines <= 23);
}

static void assert_bar(double done, double total, double speed, size_t width, const char *expected)
{
    char text[256];
    const bsm_progress progress = {done, total, speed};
    progress_line_format(&progress, width, text, sizeof text);
    assert_string_equal(text, expected);
    assert_true(strlen(text) <= width);
}

static void test_progress_bar(void **state)
{
    (void)state;
    assert_bar(0, 100, 0, 19, "[>         ]    0 %");
    assert_bar(50, 100, 2, 34, "[=====>    ]   50 %  2x  0:25 left");
    assert_bar(100, 100, 2, 34, "[==========]  100 %  2x  0:00 left");
    assert_bar(10, 36010, 1, 37, "[>        ]    0 %  1x  10:00:00 left");
    assert_bar(3, 100, 1.934, 20, "  3 %  1.93x  0:50 l");
    assert_bar(1, 0, 0, 8, "0:01 don");
    assert_bar(83, 0, 1.934, 80, "1:23 done  1.93x");
    assert_bar(200, 100, 1, 3, "100");
    char text[256];
    const bsm_progress progress = {1, 2, 3};
    progress_line_format(&progress, 10000, text, sizeof text);
    assert_true(strlen(text) < 120);
}

static void test_own_outputs(void **state)
{
    (void)state;
    const bsm_config config = {.num_stems = 2, .stems = {"vocals", "drums"}};
    const char *const outputs[] = {"a.vocals.wav", "a.instrumental.flac", "a.b.drums.ogg",
                                   "a.instrumental-stem.wav"};
    const char *const inputs[] = {"a.wav",          "vocals.wav", ".vocals.wav", "avocals.wav",
                                  "a.vocals.b.wav", "a.bass.wav", "a.vocals",    "xvocals.wav"};
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        assert_true(audio_folder_is_output(outputs[i], &config));
    }
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        assert_false(audio_folder_is_output(inputs[i], &config));
    }
}

static void touch(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static void test_listing_a_folder(void **state)
{
    (void)state;
    const bsm_config config = {.num_stems = 1, .stems = {"vocals"}};
    const char *const names[] = {"b.WAV",  "a.mp3",  "c.flac.txt", ".hidden.wav", "a.vocals.wav",
                                 "d.part", "e.opus", "wav",        "folder.wav/"};
    char folder[] = "/tmp/bsm-test-XXXXXX", path[256];
    assert_non_null(mkdtemp(folder));
    audio_folder list;
    assert_int_equal(audio_folder_list(folder, &config, &list, &error), BSM_BAD_AUDIO);
    assert_non_null(strstr(error.message, "holds no audio files"));
    for (size_t i = 0; i < 8; i++) {
        touch(folder, names[i]);
    }
    snprintf(path, sizeof path, "%s/%s", folder, names[8]);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(audio_folder_list(folder, &config, &list, &error), BSM_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.paths[0] + strlen(folder), "/a.mp3");
    assert_string_equal(list.paths[1] + strlen(folder), "/b.WAV");
    assert_string_equal(list.paths[2] + strlen(folder), "/e.opus");
    assert_true(audio_folder_left_out(&list, path, sizeof path));
    assert_string_equal(path,
                        "c.flac.txt, d.part, folder.wav/, wav, and 1 outputs of an earlier run");
    audio_folder_clear(&list);
    for (size_t i = 0; i < 9; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(audio_folder_list(folder, &config, &list, &error), BSM_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),           cmocka_unit_test(test_picture),
        cmocka_unit_test(test_every_option),       cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_help_fits_a_screen), cmocka_unit_test(test_progress_bar),
        cmocka_unit_test(test_own_outputs),        cmocka_unit_test(test_listing_a_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
