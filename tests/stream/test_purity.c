/* SPDX-License-Identifier: ISC */
/* Inside bsm_stream_process nothing may allocate, lock, wait, read or write. This program's own
 * versions of those functions, which every library here calls, end it if the audio thread does. */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "identity.h"
#include "noise.h"

static _Thread_local bool in_audio_thread;
static _Atomic int forbidden_calls;
static bool counting; /* instead of aborting, for the test of this test */

static void forbid(const char *function)
{
    if (!in_audio_thread) {
        return;
    }
    if (counting) {
        forbidden_calls++;
        return;
    }
    in_audio_thread = false;
    static const char text[] = "called from the audio thread: ";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    ignored = write(STDERR_FILENO, function, strlen(function));
    ignored = write(STDERR_FILENO, "\n", 1);
    (void)ignored;
    abort();
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

void *malloc(size_t size)
{
    forbid("malloc");
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    forbid("calloc");
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    forbid("realloc");
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    forbid("aligned_alloc");
    return __libc_memalign(alignment, size);
}

void free(void *memory)
{
    forbid("free");
    __libc_free(memory);
}

/* The real function is looked up at its first call from outside the audio thread, see main. */
#define FORBID(result, name, parameters, arguments)                                                \
    static result(*real_##name) parameters;                                                        \
    result name parameters                                                                         \
    {                                                                                              \
        forbid(#name);                                                                             \
        if (!real_##name) {                                                                        \
            *(void **)&real_##name = dlsym(RTLD_NEXT, #name);                                      \
        }                                                                                          \
        return real_##name arguments;                                                              \
    }

FORBID(int, pthread_mutex_lock, (pthread_mutex_t * mutex), (mutex))
FORBID(int, pthread_mutex_unlock, (pthread_mutex_t * mutex), (mutex))
FORBID(int, pthread_cond_wait, (pthread_cond_t * cond, pthread_mutex_t *mutex), (cond, mutex))
FORBID(int, sem_wait, (sem_t * sem), (sem))
FORBID(int, sem_timedwait, (sem_t * sem, const struct timespec *until), (sem, until))
FORBID(int, nanosleep, (const struct timespec *time, struct timespec *left), (time, left))
FORBID(int, usleep, (useconds_t time), (time))
FORBID(int, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
FORBID(ssize_t, read, (int fd, void *buffer, size_t size), (fd, buffer, size))
FORBID(ssize_t, write, (int fd, const void *buffer, size_t size), (fd, buffer, size))
FORBID(void *, mmap, (void *place, size_t size, int protection, int flags, int fd, off_t at),
       (place, size, protection, flags, fd, at))
FORBID(int, munmap, (void *place, size_t size), (place, size))

static _Atomic int wakes; /* allowed: at most one for each committed block */
static int (*real_sem_post)(sem_t *);

int sem_post(sem_t *sem)
{
    wakes += in_audio_thread;
    if (!real_sem_post) {
        *(void **)&real_sem_post = dlsym(RTLD_NEXT, "sem_post");
    }
    return real_sem_post(sem);
}

static void test_this_test_sees_calls(void **unused)
{
    (void)unused;
    counting = true;
    in_audio_thread = true;
    void *memory = malloc(10);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    in_audio_thread = false;
    free(memory);
    assert_int_equal(forbidden_calls, 3);
    counting = false;
}

/* Real time, more or less, with resets and models that change, at two rates. */
static void run_purely(size_t rate, double seconds)
{
    enum { COMMIT = 5 };
    bsm_config config = small_stream_config();
    bsm_model *models[2] = {hash_model(&config), identity_model(&config)};
    bsm_stream_options options = {.sample_rate = rate,
                                  .commit = COMMIT,
                                  .lookahead = 5,
                                  .memory = BSM_MEMORY_CARRY,
                                  .threads = 2};
    bsm_stream *stream = open_stream(models[0], &options);
    signal in = noise_signal(8192, 1), out = new_signal(8192), rest = new_signal(8192);
    uint64_t seed = 3, position = 0, requests = 0;
    wakes = 0;
    for (int i = 0; position < (uint64_t)(seconds * (double)rate); i++) {
        size_t count = noise_size(&seed, 1, i % 50 ? 1024 : 8192);
        in_audio_thread = true;
        bsm_stream_process(stream, (const float *const *)in.audio, out.audio, rest.audio, count);
        if (i % 37 == 0) {
            bsm_stream_reset(stream);
            requests++;
        }
        bsm_stream_stats stats;
        bsm_stream_get_stats(stream, &stats);
        in_audio_thread = false;
        if (i % 101 == 0) {
            assert_int_equal(bsm_stream_set_model(stream, models[i % 2], NULL), BSM_OK);
            requests++;
        }
        position += count;
        usleep((useconds_t)(1e6 * (double)count / (double)rate / 2));
    }
    double blocks = (double)position / (COMMIT * 0.01 * (double)rate);
    print_message("%zu Hz: %.0f blocks, %d wakes\n", rate, blocks, wakes);
    /* Each request begins a new sequence of blocks, and wakes the worker itself. */
    assert_true(wakes <= blocks + 3.0 * (double)requests + 2);
    bsm_stream_free(stream);
    free_signal(&in);
    free_signal(&out);
    free_signal(&rest);
    bsm_model_free(models[0]);
    bsm_model_free(models[1]);
}

static void test_process_only_copies(void **unused)
{
    (void)unused;
    run_purely(44100, 6);
    run_purely(48000, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_this_test_sees_calls),
        cmocka_unit_test(test_process_only_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
