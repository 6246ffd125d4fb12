/* SPDX-License-Identifier: ISC */
/* Defines this program's own versions of the functions that an audio thread must not call. All
 * libraries in this process call these; they end the program if the audio thread does. */
#include "purity.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Everything else in our programs is hidden, but shared libraries must see these. */
#pragma GCC visibility push(default)

/* This is volatile because the compiler assumes that the C library does not call functions defined
 * here. */
static _Thread_local volatile bool in_audio_thread;
static _Atomic int forbidden_calls, wakes;
static bool counting; /* count calls instead of aborting, to test this file itself */

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

/* The real function is looked up at its first call from outside the audio thread; see main. */
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

static int (*real_sem_post)(sem_t *);

int sem_post(sem_t *sem)
{
    wakes += in_audio_thread;
    if (!real_sem_post) { /* the look-up frees memory, which is not the audio thread's fault */
        const bool audio = in_audio_thread;
        in_audio_thread = false;
        *(void **)&real_sem_post = dlsym(RTLD_NEXT, "sem_post");
        in_audio_thread = audio;
    }
    return real_sem_post(sem);
}

#pragma GCC visibility pop

void purity_enter(void)
{
    in_audio_thread = true;
}

void purity_leave(void)
{
    in_audio_thread = false;
}

int purity_wakes(void)
{
    return atomic_exchange(&wakes, 0);
}

/* volatile, so that the compiler cannot compute the copy */
static const char *volatile function_name = "malloc";

int purity_self_test(void)
{
    counting = true;
    in_audio_thread = true;
    void *memory = malloc(10);
    char *copy = strdup(function_name); /* calls malloc inside the C library */
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    in_audio_thread = false;
    counting = false;
    free(copy);
    free(memory);
    return atomic_exchange(&forbidden_calls, 0);
}
