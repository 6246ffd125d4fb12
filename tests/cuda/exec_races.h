/* SPDX-License-Identifier: ISC */
/** Tells ThreadSanitizer about a kernel's threads: that they are threads, although they are fibres
 *  of one thread, and what orders them. It then finds two threads of a block that access the same
 *  shared memory without a barrier between the accesses, as compute-sanitizer's racecheck does on a
 *  GPU.
 *
 *  These are ordered: a block after the blocks before it; what follows __syncthreads after what
 *  precedes it; and, in a warp, what follows a shuffle or a product after what precedes it. So a
 *  missing __syncwarp is not found if one of these lies between. exec.cc itself must not be
 *  instrumented, because it lets all threads work with the same variables. */
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

/** Return the sanitizer's handle of a thread: of the running one, or of a new one. */
inline void *races_thread(bool running)
{
    return running ? __tsan_get_current_fiber() : __tsan_create_fiber(0);
}

/** Continue as another thread. If `ordered`, it sees everything that this one has seen. */
inline void races_go_on(void *thread, bool ordered)
{
    enum { NOT_ORDERED = 1 };
    __tsan_switch_to_fiber(thread, ordered ? 0 : NOT_ORDERED);
}

/** Order what precedes this call before what follows a `races_after` of the same address. */
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
