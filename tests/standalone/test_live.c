/* SPDX-License-Identifier: ISC */
/* Tests the parts of bsm-live that need no audio system: command line, panel, statistics and
 * messages. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "bsm/remix.h"
#include "live.h"
#include "options.h"
#include "panel.h"

enum { MAX_WORDS = 32, RATE = 48000 };

static live_options options;
static bsm_error error;

/* ---- The command line ---- */

/* Parse words that are separated by single spaces. */
static bsm_status parse(const char *line)
{
    static char text[512], *words[MAX_WORDS + 1];
    int count = 0;
    snprintf(text, sizeof text, "bsm-live %s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        assert_true(count < MAX_WORDS);
        words[count++] = word;
    }
    words[count] = NULL;
    memset(&error, 0, sizeof error);
    return live_options_parse(count, words, &options, &error);
}

static void test_option_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(""), BSM_OK);
    assert_int_equal(options.action, PROGRAM_RUN);
    assert_int_equal(options.system, LIVE_ANY_SYSTEM);
    assert_string_equal(options.backend.name, "bsm");
    assert_false(options.backend.connect);
    assert_null(options.model);
    assert_int_equal(options.threads, 0);
    assert_int_equal(options.precision, BSM_PRECISION_LIVE);
    assert_int_equal(options.mix.solo, BSM_SOLO_NONE);
    assert_true(options.mix.gain_db[BSM_VOCALS] == 0);
    assert_null(options.stats);
}

static void test_every_option(void **state)
{
    (void)state;
    assert_int_equal(
        parse("-j -n band --connect --connect-to a --connect-to b -m m.ckpt -d cpu "
              "-t 3 --latency 500 --lookahead 120 --memory bounded --history 2.5 --vocals -6.5 "
              "--instrumental=-inf --solo vocals --stats s -q"),
        BSM_OK);
    assert_int_equal(options.system, LIVE_JACK);
    assert_string_equal(options.backend.name, "band");
    assert_true(options.backend.connect);
    assert_int_equal(options.backend.num_patterns, 2);
    assert_string_equal(options.backend.patterns[1], "b");
    assert_string_equal(options.model, "m.ckpt");
    assert_int_equal(options.device, BSM_DEVICE_CPU);
    assert_int_equal(options.threads, 3);
    assert_true(options.latency_ms == 500 && options.lookahead_ms == 120);
    assert_true(options.history == 2.5 && options.memory == BSM_MEMORY_BOUNDED);
    assert_true(options.mix.gain_db[BSM_VOCALS] == -6.5);
    assert_true(options.mix.gain_db[BSM_INSTRUMENTAL] == BSM_REMIX_MIN_DB);
    assert_int_equal(options.mix.solo, BSM_SOLO_VOCALS);
    assert_string_equal(options.stats, "s");
    assert_true(options.quiet);
    assert_int_equal(parse("-p --audio-device x --audio-output y --rate 44100 --block 64"), BSM_OK);
    assert_int_equal(options.system, LIVE_PORTAUDIO);
    assert_string_equal(options.backend.input_device, "x");
    assert_string_equal(options.backend.output_device, "y");
    assert_int_equal(options.backend.rate, 44100);
    assert_int_equal(options.backend.block, 64);
    assert_int_equal(parse("--list-audio-devices"), BSM_OK);
    assert_true(options.list_audio_devices && options.system == LIVE_PORTAUDIO);
    assert_int_equal(parse("--memory carry"), BSM_OK);
    assert_int_equal(options.memory, BSM_MEMORY_CARRY);
    assert_int_equal(parse("--memory bounded --memory rolling --warmup 1.5"), BSM_OK);
    assert_true(options.memory == BSM_MEMORY_ROLLING && options.history == 0);
    assert_true(options.warmup == 1.5);
}

static void test_wrong_options(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "song.wav",         "--nothing",
        "--model",          "--latency 0",
        "--latency x",      "--latency nan",
        "--lookahead -1",   "--memory for_ever",
        "--memory 2.5",     "--history 0",
        "--history 2",      "--history 2 --memory rolling",
        "--warmup 0",       "--warmup 61",
        "--device gpu",     "--threads 0",
        "--threads -1",     "--vocals 21",
        "--vocals -61",     "--vocals loud",
        "--solo drums",     "--rate 7999",
        "--rate 192001",    "--block 0",
        "--block 8193",     "--jack --rate 1",
        "-p --connect",     "-j -p",
        "--client a:b",     "--client 0123456789012345678901234567890123",
        "--precision int9",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        if (parse(lines[i]) != BSM_INVALID_ARGUMENT || !error.message[0]) {
            fail_msg("%s: taken", lines[i]);
        }
    }
}

static void test_old_spellings(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"--compute cpu", "--compute: is now --device"},
        {"--compute=cpu", "--compute: is now --device"},
        {"--name band", "--name: is now --client"},
        {"--input-device x", "--input-device: is now --audio-input"},
        {"--output-device x", "--output-device: is now --audio-output"},
        {"--device hw:0", "--device hw:0: not auto, cpu, reference or cuda; the sound card is "
                          "--audio-device"},
        {"--memory 2.5",
         "--memory 2.5: not model, carry, rolling or bounded; seconds are --history"},
        {"--latency 0.8", "--latency 0.8: not a number from 1 to 30000 ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i][0]), BSM_INVALID_ARGUMENT);
        assert_string_equal(error.message, cases[i][1]);
    }
}

static void test_help_fits(void **state)
{
    (void)state;
    size_t lines = 0, column = 0;
    char help[8192];
    assert_true(program_format_help(&live_program, help, sizeof help) < sizeof help);
    for (const char *c = help; *c; c++) {
        column = *c == '\n' ? 0 : column + 1;
        lines += *c == '\n';
        assert_true(column <= 80);
    }
    assert_true(lines <= 24);
}

static void test_stream_options(void **state)
{
    (void)state;
    bsm_config model;
    assert_int_equal(bsm_config_preset("paper", &model, NULL), BSM_OK);
    assert_int_equal(parse("--latency 500 -t 2 -d reference --precision int8"), BSM_OK);
    bsm_stream_options s = live_options_stream(&options, &model, RATE);
    assert_int_equal(s.sample_rate, RATE);
    assert_true(s.latency == 0.5 && s.commit == 0 && !s.keep_lookahead && s.threads == 2);
    assert_int_equal(s.device, BSM_DEVICE_REFERENCE);
    assert_int_equal(s.precision, BSM_PRECISION_INT8);
    assert_int_equal(s.memory, BSM_MEMORY_MODEL);

    assert_int_equal(parse("--lookahead 200 --memory bounded --history 3"), BSM_OK);
    s = live_options_stream(&options, &model, RATE);
    assert_true(s.keep_lookahead && s.lookahead == 20 && s.commit == 0 && s.latency == 0);
    assert_true(s.memory == BSM_MEMORY_BOUNDED && s.history == 300);

    assert_int_equal(parse("--latency 500 --lookahead 100 --memory carry"), BSM_OK);
    s = live_options_stream(&options, &model, RATE);
    assert_true(s.keep_lookahead && s.lookahead == 10 && s.latency == 0.5);
    assert_int_equal(s.memory, BSM_MEMORY_CARRY);
    assert_int_equal(parse("--lookahead 0"), BSM_OK);
    s = live_options_stream(&options, &model, RATE);
    assert_true(s.keep_lookahead && s.lookahead == 0 && s.commit == 0);
}

/* ---- The panel and the statistics ---- */

static live_view some_view(void)
{
    return (live_view){
        .system = "JACK",
        .name = "bsm",
        .rate = RATE,
        .block = 256,
        .model = "models/a\033[2J\n\"b\".safetensors",
        .device = "cpu",
        .stream =
            {.load = 0.5, .worst_load = 1.25, .misses = 3, .latency = 24000, .processed = 2 * RATE},
        .xruns = 7,
        .peak = {0.1F, 0},
    };
}

static void test_panel(void **state)
{
    (void)state;
    live_view view = some_view();
    char text[PANEL_TEXT_SIZE];
    for (size_t width = 0; width <= PANEL_MAX_WIDTH; width++) {
        view.fit = width % 3 ? NULL : "too slow: 2.1 times; a GPU would do";
        panel_format(&view, view.peak, width % 2 ? NULL : "/a/file\n\xc3\xa9", width, text);
        size_t lines = 0, column = 0;
        for (const char *c = text; *c; c++) {
            assert_true(*c == '\n' || (unsigned char)*c >= 0x20);
            column = *c == '\n' ? 0 : column + 1;
            lines += *c == '\n';
            assert_true(column <= width);
        }
        assert_in_range(lines, PANEL_LINES, width % 3 ? PANEL_LINES : PANEL_MOST_LINES);
    }
    assert_true(strncmp(text, "latency 500 ms, 24000 samples  remix  JACK bsm", 46) == 0);
    assert_non_null(strstr(text, "-20.0 dB"));
    assert_non_null(strstr(text, "misses 3  xruns 7\n"));
    assert_non_null(
        strstr(text, "load         [####################...................]  50 % (worst"));
    assert_non_null(strstr(text, " Hz\nmodel a?[2J?\"b\".safetensors on cpu\nvocals"));
    view.fit = "too slow: 2.1 times; a GPU would do";
    panel_format(&view, view.peak, NULL, PANEL_MAX_WIDTH, text);
    assert_non_null(strstr(text, "xruns 7\ntoo slow: 2.1 times; a GPU would do\nv V vocals"));
    panel_format(&view, view.peak, NULL, 20, text);
    assert_non_null(strstr(text, "\ntoo slow: 2.1 times;\na GPU would do\nv V vocals"));
    view.stream.late = true;
    panel_format(&view, view.peak, NULL, PANEL_MAX_WIDTH, text);
    assert_non_null(strstr(text, "TOO SLOW"));
    view.stream.late = false;
    view.mix.bypass = true;
    panel_format(&view, view.peak, NULL, PANEL_MAX_WIDTH, text);
    assert_non_null(strstr(text, "BYPASS"));
    snprintf(view.failure, sizeof view.failure, "the GPU fell off the bus");
    panel_format(&view, view.peak, NULL, PANEL_MAX_WIDTH, text);
    assert_non_null(strstr(text, "samples  STOPPED  JACK"));
    assert_non_null(strstr(text, "\nthe GPU fell off the bus\n"));
}

static void type(panel *p, const char *keys, bool complete)
{
    panel_ask(p);
    assert_true(p->asking);
    for (; keys[1]; keys++) {
        assert_false(panel_type(p, *keys));
    }
    assert_int_equal(panel_type(p, *keys), complete);
    assert_false(p->asking);
}

static void test_a_typed_model(void **state)
{
    (void)state;
    static panel p;
    char text[PANEL_TEXT_SIZE];
    const live_view view = some_view();
    type(&p, "/a b/\xc3\xa9x\x7f\b\t.ckpt\n", true);
    assert_string_equal(p.answer, "/a b/.ckpt");
    type(&p, "\x7f\x7f\r", false);
    type(&p, "abc\x1b", false);
    panel_ask(&p);
    for (size_t i = 0; i < 3 * PANEL_ANSWER_SIZE; i++) {
        assert_false(panel_type(&p, i < 2 * PANEL_ANSWER_SIZE ? 'a' : '\b'));
        panel_format(&view, view.peak, p.answer, 70, text);
        assert_true(strlen(strstr(text, "model file: ")) <= 71);
    }
    assert_string_equal(p.answer, "");
    panel_format(&view, view.peak, "the end of it", 20, text);
    assert_non_null(strstr(text, "model file: d of it_\n"));
}

static void test_statistics(void **state)
{
    (void)state;
    char path[] = "/tmp/bsm-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    const live_view view = some_view();
    for (size_t i = 0; i < 2; i++) { /* a second run appends */
        stats_log log = {0};
        assert_int_equal(stats_log_open(&log, path, &error), BSM_OK);
        assert_int_equal(stats_log_write(&log, &view, &error), BSM_OK);
        stats_log_close(&log);
    }
    char text[4096];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    assert_true(size > 0);
    text[size] = '\0';
    char *second = strchr(text, '\n');
    assert_non_null(second);
    *second++ = '\0';
    assert_true(second[strlen(second) - 1] == '\n' && strchr(second, '\n')[1] == '\0');
    cJSON *line = cJSON_Parse(text);
    assert_non_null(line);
    assert_string_equal(cJSON_GetObjectItem(line, "model")->valuestring, view.model);
    assert_true(cJSON_GetObjectItem(line, "misses")->valuedouble == 3);
    assert_true(cJSON_GetObjectItem(line, "latency_ms")->valuedouble == 500);
    assert_true(cJSON_GetObjectItem(line, "processed_s")->valuedouble == 2);
    assert_true(fabs(cJSON_GetObjectItem(line, "vocals_peak_db")->valuedouble + 20) < 0.01);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(line, "instrumental_peak_db")));
    cJSON_Delete(line);
    close(fd);
    unlink(path);
}

static void test_statistics_fail(void **state)
{
    (void)state;
    const live_view view = some_view();
    stats_log log = {0};
    assert_int_equal(stats_log_open(&log, "/nowhere/stats", &error), BSM_NOT_FOUND);
    assert_int_equal(stats_log_write(&log, &view, &error), BSM_OK); /* there is no log */
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(stats_log_open(&log, "/dev/full", &error), BSM_OK);
        assert_int_equal(stats_log_write(&log, &view, &error), BSM_NO_SPACE);
        assert_non_null(strstr(error.message, "/dev/full"));
        assert_int_equal(stats_log_write(&log, &view, &error), BSM_OK);
    }
    stats_log_close(&log);
}

/* ---- News ---- */

static void *tell(void *user)
{
    events *e = user;
    for (size_t i = 0; i < 1000; i++) {
        events_xrun(e);
        events_rate(e, 44100);
        events_notice(e, "a notice");
    }
    events_stopped(e, "the end");
    return NULL;
}

static void test_news(void **state)
{
    (void)state;
    events e;
    char text[EVENT_TEXT_SIZE];
    pthread_t threads[3];
    assert_int_equal(events_open(&e, &error), BSM_OK);
    assert_false(event_text_take(&e.stopped, text));
    for (size_t t = 0; t < 3; t++) {
        assert_int_equal(pthread_create(&threads[t], NULL, tell, &e), 0);
    }
    while (!event_text_take(&e.stopped, text)) {
        events_acknowledge(&e);
        if (event_text_take(&e.notice, text)) {
            assert_string_equal(text, "a notice");
        }
    }
    assert_string_equal(text, "the end");
    for (size_t t = 0; t < 3; t++) {
        pthread_join(threads[t], NULL);
    }
    assert_int_equal(atomic_load(&e.xruns), 3000);
    assert_int_equal(atomic_load(&e.rate), 44100);
    events_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_option_defaults),
        cmocka_unit_test(test_every_option),
        cmocka_unit_test(test_wrong_options),
        cmocka_unit_test(test_help_fits),
        cmocka_unit_test(test_old_spellings),
        cmocka_unit_test(test_stream_options),
        cmocka_unit_test(test_panel),
        cmocka_unit_test(test_a_typed_model),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_statistics_fail),
        cmocka_unit_test(test_news),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
