/* SPDX-License-Identifier: ISC */
/* Measures the memory of a stream, and of further streams of the same model: these need memory for
 * their state but not for the weights.
 *
 *      test_memory [PRESET [STREAMS]]
 *
 * With a preset, it prints the memory that models of this shape need; their state is as large as
 * their weights. Otherwise it is a test, with a model that has a small state. */
#include <malloc.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "identity.h"

enum { MAX_STREAMS = 16 };

static const char *preset;
static size_t streams = 2;
static bsm_error error;

static void expect_ok(bsm_status status)
{
    if (status) {
        fail_msg("%s", error.message);
    }
}

/* Return the MiB of this process in memory, with a share of the pages that it shares with
 * others. */
static double memory_now(void)
{
    char line[256];
    double kilobytes = 0;
    malloc_trim(0);
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        if (!strncmp(line, "Pss:", 4)) {
            kilobytes = strtod(line + 4, NULL);
        }
    }
    fclose(file);
    assert_true(kilobytes > 0);
    return kilobytes / 1024;
}

static void choose_shape(bsm_config *config)
{
    expect_ok(bsm_config_preset(preset ? preset : "lite", config, &error));
    if (!preset) {
        config->depth = 2;
        config->d_state = 8;
    }
}

/* Write a model file, which hosts have, too; return the size of its weights in MiB. */
static double save_model(char path[])
{
    bsm_config config;
    bsm_model *model = NULL;
    choose_shape(&config);
    expect_ok(bsm_model_new_untrained(&config, &model, &error));
    expect_ok(bsm_model_save(model, path, BSM_F32, true, &error));
    bsm_model_free(model);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    double megabytes = (double)ftell(file) / 1048576;
    fclose(file);
    return megabytes;
}

/* Open the file again, like an instance of the plugin, and let the stream use all the memory that
 * it needs. */
static bsm_stream *start(const char *path, const signal *in)
{
    bsm_model *model = NULL;
    expect_ok(bsm_model_open(path, NULL, &model, &error));
    bsm_stream_options options = {.sample_rate = 48000,
                                  .memory = BSM_MEMORY_CARRY,
                                  .device = BSM_DEVICE_CPU,
                                  .threads = 2,
                                  .freewheel = true};
    bsm_stream *stream = open_stream(model, &options);
    stream_result out = play_signal(stream, in, 512);
    free_result(&out);
    bsm_stream_stats stats;
    bsm_stream_get_stats(stream, &stats);
    assert_true(stats.blocks >= 2);
    bsm_model_free(model);
    return stream;
}

static void test_more_streams_add_their_state(void **state)
{
    (void)state;
    char path[] = "/tmp/bsm-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    double weights = save_model(path), before = memory_now(), most = 0, first = 0;
    signal in = noise_signal(40000, 3);
    bsm_stream *made[MAX_STREAMS];
    print_message("%.1f MiB of weights\n", weights);
    for (size_t i = 0; i < streams; i++) {
        made[i] = start(path, &in);
        double now = memory_now(), added = now - before;
        print_message("stream %zu adds %.1f MiB\n", i + 1, added);
        most = i > 0 ? fmax(most, added) : most;
        first = i > 0 ? first : added;
        before = now;
    }
    for (size_t i = 0; i < streams; i++) {
        bsm_stream_free(made[i]);
    }
    free_signal(&in);
    unlink(path);
    if (!preset) {
        assert_true(weights > 20); /* otherwise a copy would not be noticed */
        assert_true(most < weights / 2);
        assert_true(first < 1.9 * weights); /* the weights are packed, and not also mapped */
    }
}

int main(int argc, char **argv)
{
    preset = argc > 1 ? argv[1] : preset;
    streams = argc > 2 ? strtoul(argv[2], NULL, 10) : streams;
    if (streams < 2 || streams > MAX_STREAMS) {
        fprintf(stderr, "test_memory: 2 to %d streams\n", MAX_STREAMS);
        return 2;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_streams_add_their_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
