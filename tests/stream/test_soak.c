/* SPDX-License-Identifier: ISC */
/* Tests a live stream with everything that can go wrong, all at once and for a long time: blocks of
 * random sizes, a worker that stalls, changes of the model, resets, freewheeling on and off, bursts
 * of NaN.
 *
 *      test_soak SECONDS SPEED
 *
 * The models' masks are 1, so each sample of the vocals must be that of the delayed input, except
 * for those that the stream itself counts as dry; and the sum must be the delayed input
 * everywhere. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "identity.h"
#include "noise.h"
#include "stream/state.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

static double seconds = 8, speed = 4;

/* ---- A worker that stalls: the linker puts this in front of the network ---- */

static _Atomic int stall_ms;

bsm_status __real_bsm_network_run(bsm_network *network, const bsm_block *block, bsm_error *error);
bsm_status __wrap_bsm_network_run(bsm_network *network, const bsm_block *block, bsm_error *error);

static void sleep_seconds(double duration)
{
    struct timespec time = {(time_t)duration, (long)(1e9 * (duration - floor(duration)))};
    nanosleep(&time, NULL);
}

bsm_status __wrap_bsm_network_run(bsm_network *network, const bsm_block *block, bsm_error *error)
{
    int stall = atomic_exchange(&stall_ms, 0);
    if (stall > 0) {
        sleep_seconds(stall / 1000.0);
    }
    return __real_bsm_network_run(network, block, error);
}

/* ---- The rest of the world ---- */

typedef struct soak {
    bsm_stream *stream;
    bsm_model *models[2];
    size_t rate, latency;
    float *history[2]; /* the input without NaN: a ring buffer */
    size_t mask;
    uint64_t position;
    uint64_t dry; /* samples of the vocals that differ from the delayed input */
    uint64_t swaps, resets, toggles, stalls;
    _Atomic bool over;
} soak;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Run on another thread, and change things at random times. */
static void *disturb(void *user)
{
    soak *s = user;
    uint64_t seed = 77;
    while (!atomic_load(&s->over)) {
        sleep_seconds((0.02 + 0.2 * fabs((double)noise_float(&seed))) / speed * 4);
        switch (noise_size(&seed, 0, 15)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
        case 5:
            assert_int_equal(
                bsm_stream_set(s->stream, s->models[noise_size(&seed, 0, 1)], NULL, NULL), BSM_OK);
            s->swaps++;
            break;
        case 6:
        case 7:
        case 8:
            bsm_stream_reset(s->stream);
            s->resets++;
            break;
        case 9: /* most are short, some very long */
            atomic_store(&stall_ms,
                         (int)(noise_size(&seed, 0, 3) == 0 ? noise_size(&seed, 500, 3000)
                                                            : noise_size(&seed, 1, 300)));
            s->stalls++;
            break;
        default:
            bsm_stream_set_freewheel(s->stream, noise_size(&seed, 0, 2) == 0);
            s->toggles++;
            break;
        }
    }
    return NULL;
}

/* Return noise that is never close to zero, so that a wrong gain is visible in every sample. */
static float next_input(uint64_t *seed)
{
    float x = noise_float(seed);
    return x < 0 ? x * 0.5f - 0.25f : x * 0.5f + 0.25f;
}

static void make_input(soak *s, uint64_t *seed, float *in[2], size_t count)
{
    bool burst = noise_size(seed, 0, 99) == 0;
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < count; i++) {
            float sample = next_input(seed);
            bool odd = burst && c == 0 && i % 3 == 0; /* the right channel shows the gain */
            in[c][i] = odd ? NAN : sample;
            s->history[c][(s->position + i) & s->mask] = odd ? 0 : sample;
        }
    }
}

static void check_output(soak *s, float *const vocals[2], float *const instrumental[2],
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t time = s->position + i;
        bool dry = false;
        for (size_t c = 0; c < 2; c++) {
            float expected = time < s->latency ? 0 : s->history[c][(time - s->latency) & s->mask];
            float difference = vocals[c][i] + instrumental[c][i] - expected;
            if (!(fabsf(difference) < 1e-6f)) {
                fail_msg("sample %llu, channel %zu: %g + %g is not %g", (unsigned long long)time, c,
                         (double)vocals[c][i], (double)instrumental[c][i], (double)expected);
            }
            dry = dry || fabsf(vocals[c][i] - expected) > 1e-4f;
        }
        s->dry += dry;
    }
}

static void run_audio(soak *s, double end)
{
    uint64_t seed = s->position + 5;
    float memory[6][4096], *in[2] = {memory[0], memory[1]};
    float *vocals[2] = {memory[2], memory[3]}, *instrumental[2] = {memory[4], memory[5]};
    double start = now() - (double)s->position / (double)s->rate / speed;
    uint64_t total = (uint64_t)(end * (double)s->rate);
    while (s->position < total) {
        size_t count =
            noise_size(&seed, 0, 3) ? noise_size(&seed, 1, 512) : noise_size(&seed, 1, 4096);
        make_input(s, &seed, in, count);
        bsm_stream_process(s->stream, (const float *const *)in, vocals, instrumental, count);
        check_output(s, vocals, instrumental, count);
        s->position += count;
        double ahead = (double)s->position / (double)s->rate / speed - (now() - start);
        if (ahead > 0) {
            sleep_seconds(ahead);
        } else if (ahead < -0.5) {
            start -= ahead; /* freewheeling took its time, which need not be made up for */
        }
    }
}

/* Left alone while freewheeling, the stream recovers: nothing is missing any more. */
static void check_recovery(soak *s)
{
    bsm_stream_stats before, after;
    double time = (double)s->position / (double)s->rate;
    bsm_stream_set_freewheel(s->stream, true);
    run_audio(s, time + 3); /* late blocks and the latency have passed */
    bsm_stream_get_stats(s->stream, &before);
    run_audio(s, time + 5);
    bsm_stream_get_stats(s->stream, &after);
    assert_int_equal(after.dry_samples, before.dry_samples);
    assert_int_equal(after.dropped, before.dropped);
}

/* Return the megabytes that are allocated and not freed; -1: unknown. Resident memory also contains
 * holes between allocations, and a busy machine, where networks come and go later, leaves more of
 * them. */
static double used_megabytes(void)
{
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd) / 1e6;
#else
    return -1;
#endif
}

static void open_soak(soak *s, size_t rate)
{
    bsm_config config = small_stream_config();
    *s = (soak){.rate = rate, .mask = (1 << 18) - 1};
    s->models[0] = identity_model(&config);
    s->models[1] = identity_model(&config);
    for (size_t c = 0; c < 2; c++) {
        s->history[c] = calloc(s->mask + 1, sizeof(float));
        assert_non_null(s->history[c]);
    }
    bsm_stream_options options = {.sample_rate = rate,
                                  .commit = 10,
                                  .lookahead = 10,
                                  .memory = BSM_MEMORY_CARRY,
                                  .threads = 1};
    s->stream = open_stream(s->models[0], &options);
    s->latency = bsm_stream_latency(s->stream);
}

static void close_soak(soak *s)
{
    bsm_stream_free(s->stream);
    for (size_t i = 0; i < 2; i++) {
        bsm_model_free(s->models[i]);
        free(s->history[i]);
    }
}

/* Disturb the stream for so many seconds of audio, then wait until it has recovered. */
static void disturb_for(soak *s, double duration)
{
    pthread_t thread;
    atomic_store(&s->over, false);
    assert_int_equal(pthread_create(&thread, NULL, disturb, s), 0);
    run_audio(s, (double)s->position / (double)s->rate + duration);
    atomic_store(&s->over, true);
    pthread_join(thread, NULL);
}

static void check_counts(soak *s, bool exact)
{
    bsm_stream_stats stats;
    bsm_stream_get_stats(s->stream, &stats);
    print_message("%zu Hz: %.0f s, %llu swaps, %llu resets, %llu freewheel changes, %llu stalls; "
                  "%llu misses, %llu dry samples, %llu dropped\n",
                  s->rate, (double)s->position / (double)s->rate, (unsigned long long)s->swaps,
                  (unsigned long long)s->resets, (unsigned long long)s->toggles,
                  (unsigned long long)s->stalls, (unsigned long long)stats.misses,
                  (unsigned long long)stats.dry_samples, (unsigned long long)stats.dropped);
    assert_int_equal(stats.misses > 0, stats.dry_samples > 0);
    assert_int_equal(stats.status, BSM_OK);
    if (exact) {
        assert_int_equal(stats.dry_samples, s->dry);
    }
}

/* At other rates a resampler changes the noise, so only the sum is checked there. Memory is
 * compared after the stream has recovered: before that, a model that was set and is not in use yet
 * has a second network. */
static void check_rate(size_t rate, bool exact)
{
    soak s;
    open_soak(&s, rate);
    disturb_for(&s, fmax(0.25 * seconds, 6));
    check_recovery(&s);
    const double before = used_megabytes();
    disturb_for(&s, 0.75 * seconds);
    check_counts(&s, exact);
    check_recovery(&s);
    const double growth = used_megabytes() - before;
    print_message("memory: %.2f MB, and %.2f MB more\n", before, growth);
    if (!(growth < 1)) {
        fail_msg("%.2f MB more than after the first seconds", growth);
    }
    close_soak(&s);
}

static void test_at_the_model_rate(void **unused)
{
    (void)unused;
    check_rate(44100, true);
}

static void test_at_another_rate(void **unused)
{
    (void)unused;
    check_rate(48000, false);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        seconds = atof(argv[1]);
        speed = atof(argv[2]);
    }
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1); /* otherwise a thread's own heap could grow at any time */
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_the_model_rate),
        cmocka_unit_test(test_at_another_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
