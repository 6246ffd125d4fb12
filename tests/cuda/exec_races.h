/* SPDX-License-Identifier: ISC */
/** What ThreadSanitizer has to know of a kernel's threads: that they are threads, though fibres of
 *  one, and what orders them. It then finds two of a block that meet in shared memory without a
 *  barrier between them, as compute-sanitizer's racecheck does on a GPU.
 *
 *  Ordered are: a block after the ones before it; what is behind __syncthreads after what is before
 *  it; and, in a warp, what is behind a shuffle or a product after what is before it, so that a
 *  missing __syncwarp goes unseen where one of these lies between. exec.cc itself is not to be
 *  watched, for it has all of them work with the same variables. */
#ifndef BSM_TESTS_CUDA_EXEC_RACES_H
#define BSM_TESTS_CUDA_EXEC_RACES_H

#include <cstddef>

#ifdef BSM_EXEC_RACES

extern "C" {
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned int flags);
void __tsan_switch_to_fiber(void *fiber, unsigned int flags);
void __tsan_acquire(void *order);
void __tsan_release(void *order);
void __tsan_write_range(void *to, size_t size);
void __tsan_read_range(void *from, size_t size);
}

/** A thread as the sanitizer knows it; `running`: this one. */
inline void *races_thread(bool running)
{
    return running ? __tsan_get_current_fiber() : __tsan_create_fiber(0);
}

/** Go on as another thread, which, if `ordered`, sees what this one has seen. */
inline void races_go_on(void *thread, bool ordered)
{
    enum { NOT_ORDERED = 1 };
    __tsan_switch_to_fiber(thread, ordered ? 0 : NOT_ORDERED);
}

/** What follows a `races_after` of the same address comes after what precedes this. */
inline void races_before(void *order)
{
    __tsan_release(order);
}

inline void races_after(void *order)
{
    __tsan_acquire(order);
}

inline void races_write(void *to, size_t size)
{
    __tsan_write_range(to, size);
}

inline void races_read(const void *from, size_t size)
{
    __tsan_read_range(const_cast<void *>(from), size);
}

#else

inline void *races_thread(bool)
{
    return nullptr;
}
inline void races_go_on(void *, bool) {}
inline void races_before(void *) {}
inline void races_after(void *) {}
inline void races_write(void *, size_t) {}
inline void races_read(const void *, size_t) {}

#endif

#endif
