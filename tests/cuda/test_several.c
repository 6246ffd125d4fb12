/* SPDX-License-Identifier: ISC */
/* Runs several networks on one emulated GPU: of different models, and of one model in another
 * precision, each with a stream of its own. Whether their blocks take turns or come from several
 * threads, the output of each stream is bit-identical to that of the stream alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "device.h"
#include "emulated_gpu.h"
#include "golden.h"
#include "net/place.h"
#include "noise.h"

enum {
    N_FFT = 16,
    HOP = 5,
    CHANNELS = 2,
    FRAMES = 9,
    COMMIT = 4,
    CALLS = 6,
    SAMPLES = (FRAMES + CALLS * COMMIT - 1) * HOP + N_FFT,
    GIVEN = (COMMIT - 1) * HOP + N_FFT,
    MODELS = 2,
    STREAMS = 3,
};

/* The output of each call. */
typedef float outcome[CALLS][CHANNELS][GIVEN];

/* A stream with its network, its signal and its output. */
typedef struct one_stream {
    bsm_network *network;
    float audio[CHANNELS][SAMPLES];
    outcome out;
    bsm_status status;
} one_stream;

static bsm_model *models[MODELS];
static one_stream streams[STREAMS];
static outcome alone[STREAMS];

static const struct {
    size_t model;
    bsm_precision precision;
} kinds[STREAMS] = {
    {0, BSM_PRECISION_FLOAT32}, {1, BSM_PRECISION_FLOAT32}, {0, BSM_PRECISION_BFLOAT16}};

static void open_stream(size_t s)
{
    const bsm_network_options options = {
        .threads = 1, .max_frames = FRAMES, .streaming = true, .precision = kinds[s].precision};
    uint64_t seed = 3 + s;
    noise_fill(&seed, streams[s].audio[0], CHANNELS * SAMPLES);
    memset(streams[s].out, 0, sizeof streams[s].out);
    assert_int_equal(bsm_network_new_on(&bsm_cuda_device, NULL, models[kinds[s].model], &options,
                                        &streams[s].network, NULL),
                     BSM_OK);
}

static void run_block(one_stream *s, size_t call)
{
    const size_t at = call * COMMIT * HOP;
    const float *in[CHANNELS] = {s->audio[0] + at, s->audio[1] + at};
    float *planes[CHANNELS] = {s->out[call][0], s->out[call][1]};
    float *const *stems[BSM_MAX_STEMS] = {planes};
    const bsm_block block = {
        .frames = FRAMES, .wanted = COMMIT, .commit = COMMIT, .audio = in, .stems = stems};
    bsm_status status = bsm_network_run(s->network, &block, NULL);
    s->status = s->status ? s->status : status;
}

static void *run_stream(void *stream)
{
    for (size_t call = 0; call < CALLS; call++) {
        run_block(stream, call);
    }
    return NULL;
}

static int open_models(void **unused)
{
    (void)unused;
    const bsm_config config = {.dim = 6,
                               .depth = 2,
                               .expand = 2,
                               .headdim = 4,
                               .d_state = 3,
                               .d_conv = 3,
                               .mask_expansion = 2,
                               .num_bands = 3,
                               .bands = {1, 2, 6},
                               .n_fft = N_FFT,
                               .hop = HOP,
                               .sample_rate = 8000,
                               .channels = CHANNELS,
                               .num_stems = 1,
                               .stems = {"vocals"},
                               .segment = 1};
    bsm_status status = BSM_OK;
    for (size_t m = 0; m < MODELS && !status; m++) {
        status = bsm_model_new_initialised(&config, 1 + m, &models[m], NULL);
    }
    for (size_t s = 0; s < STREAMS && !status; s++) {
        open_stream(s);
        run_stream(&streams[s]);
        status = streams[s].status;
        memcpy(alone[s], streams[s].out, sizeof alone[s]);
        bsm_network_free(streams[s].network);
    }
    return (int)status;
}

static int close_models(void **unused)
{
    (void)unused;
    for (size_t m = 0; m < MODELS; m++) {
        bsm_model_free(models[m]);
    }
    return the_emulated_gpu.used == 0 ? 0 : 1;
}

static void check_streams(void)
{
    for (size_t s = 0; s < STREAMS; s++) {
        assert_int_equal(streams[s].status, BSM_OK);
        assert_memory_equal(streams[s].out, alone[s], sizeof alone[s]);
        bsm_network_free(streams[s].network);
    }
    assert_int_equal(the_emulated_gpu.graphs, STREAMS);
    assert_int_equal(the_emulated_gpu.plays, STREAMS * (CALLS - 1));
}

/* If two streams were equal, the other tests would prove nothing. */
static void test_alone_they_differ(void **unused)
{
    (void)unused;
    const size_t count = sizeof alone[0] / sizeof(float);
    for (size_t s = 0; s < STREAMS; s++) {
        const size_t next = (s + 1) % STREAMS;
        assert_true(golden_relative_error(alone[s][0][0], alone[next][0][0], count) > 1e-2);
    }
}

static void test_taking_turns(void **unused)
{
    (void)unused;
    the_emulated_gpu.graphs = the_emulated_gpu.plays = 0;
    for (size_t s = 0; s < STREAMS; s++) {
        open_stream(s);
    }
    for (size_t call = 0; call < CALLS; call++) {
        for (size_t s = 0; s < STREAMS; s++) {
            run_block(&streams[s], call);
        }
    }
    check_streams();
}

static void test_from_threads(void **unused)
{
    (void)unused;
    enum { ROUNDS = 3 };
    for (size_t round = 0; round < ROUNDS; round++) {
        pthread_t threads[STREAMS];
        the_emulated_gpu.graphs = the_emulated_gpu.plays = 0;
        for (size_t s = 0; s < STREAMS; s++) {
            open_stream(s);
        }
        for (size_t s = 0; s < STREAMS; s++) {
            assert_int_equal(pthread_create(&threads[s], NULL, run_stream, &streams[s]), 0);
        }
        for (size_t s = 0; s < STREAMS; s++) {
            assert_int_equal(pthread_join(threads[s], NULL), 0);
        }
        check_streams();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone_they_differ),
        cmocka_unit_test(test_taking_turns),
        cmocka_unit_test(test_from_threads),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}
