/* SPDX-License-Identifier: ISC */
/* Runs kernels on the host. The threads of a block are fibres that take turns, and the blocks run
 * one after the other. A fibre runs until it waits for its warp or its block. It is used again for
 * the next block. It is started with setcontext and then switched with __builtin_longjmp, because
 * swapcontext would make a system call for the signal mask each time. */
#include "exec.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <ucontext.h>
#include <vector>

#include "exec_races.h"
#include "exec_stream.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

bsm_exec_index threadIdx, blockIdx, blockDim, gridDim;

namespace
{

enum { WARP = 32, STACK = 128 * 1024 };

enum class waits { for_warp, for_block, is_done };

/* An asynchronous copy that has not arrived yet. */
struct copy {
    void *to;
    const void *from; /* NULL: zeros */
    unsigned int group;
};

struct fibre {
    void *place[5]; /* where the fibre waits, for __builtin_longjmp */
    ucontext_t start;
    std::vector<char> stack;
    bool started;
    waits state;
    unsigned int phase; /* number of shuffles so far */
    std::vector<copy> copies;
    unsigned int groups; /* number of groups of copies so far */
    void *fake_stack;
    void *thread;          /* its handle for ThreadSanitizer */
    unsigned int barriers; /* number of barriers so far */
};

struct warp_slots {
    char orders[2];         /* for races_before and races_after; as in `bits` */
    uint64_t bits[2][WARP]; /* of the last two shuffles: one is read while the next is written */
    alignas(8) unsigned char published[2][WARP][bsm_exec_lanes::SIZE]; /* like `bits` */
};

struct block {
    std::vector<std::unique_ptr<fibre>> fibres; /* as many as the largest block so far has needed */
    unsigned int threads;                       /* 0: launched as flat, without barriers */
    std::vector<warp_slots> warps;
    const std::function<void()> *body;
    void *scheduler[5];
    const void *scheduler_stack;
    size_t scheduler_size;
    unsigned int current;
    void *thread;     /* the scheduler's, for ThreadSanitizer */
    char barriers[2]; /* for races_before and races_after: of the last two */
    char end;         /* the same, for the block's end */
};

block running;

[[noreturn]] void die(const char *why)
{
    std::fprintf(stderr, "kernel: %s\n", why);
    std::abort();
}

/* AddressSanitizer has to know which stack is in use. */
void announce_switch(void **keep, const void *stack, size_t size)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(keep, stack, size);
#else
    (void)keep, (void)stack, (void)size;
#endif
}

void announce_arrival(void *kept, const void **from, size_t *size)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(kept, from, size);
#else
    (void)kept, (void)from, (void)size;
#endif
}

/* Not instrumented, since AddressSanitizer would take the jump for the end of all of the stack's
 * functions, and would clear their marks with a system call each time. */
[[gnu::noipa, gnu::no_sanitize_address]] void jump(void **to)
{
    __builtin_longjmp(to, 1);
}

/* Continue at `to`; returns when another fibre or the scheduler jumps to `from`. */
[[gnu::noipa]] void change_place(void **from, void **to)
{
    if (__builtin_setjmp(from) == 0) {
        jump(to);
    }
}

[[gnu::noipa]] void start_fibre(void **from, const ucontext_t *start)
{
    if (__builtin_setjmp(from) == 0) {
        setcontext(start);
    }
}

void wait(waits reason)
{
    const unsigned int index = running.current;
    running.fibres[index]->state = reason;
    announce_switch(&running.fibres[index]->fake_stack, running.scheduler_stack,
                    running.scheduler_size);
    races_go_on(running.thread, false);
    change_place(running.fibres[index]->place, running.scheduler);
    announce_arrival(running.fibres[index]->fake_stack, &running.scheduler_stack,
                     &running.scheduler_size);
}

void run_fibre()
{
    announce_arrival(nullptr, &running.scheduler_stack, &running.scheduler_size);
    for (;;) {
        (*running.body)();
        races_before(&running.end);
        wait(waits::is_done);
    }
}

void add_fibre()
{
    auto f = std::make_unique<fibre>();
    f->stack.resize(STACK);
    getcontext(&f->start);
    f->start.uc_stack.ss_sp = f->stack.data();
    f->start.uc_stack.ss_size = f->stack.size();
    f->start.uc_link = nullptr;
    f->thread = races_thread(false);
    makecontext(&f->start, run_fibre, 0);
    running.fibres.push_back(std::move(f));
}

void prepare(unsigned int threads)
{
    running.threads = threads;
    running.warps.resize(threads / WARP);
    while (running.fibres.size() < threads) {
        add_fibre();
    }
    for (unsigned int i = 0; i < threads; i++) {
        fibre &f = *running.fibres[i];
        f.phase = f.groups = f.barriers = 0;
        if (!f.copies.empty()) {
            die("a thread has ended without waiting for its copies");
        }
    }
}

void resume(unsigned int index)
{
    fibre &f = *running.fibres[index];
    void *fake_stack = nullptr;
    running.current = index;
    threadIdx.x = index;
    announce_switch(&fake_stack, f.stack.data(), f.stack.size());
    races_go_on(f.thread, true);
    if (f.started) {
        change_place(running.scheduler, f.place);
    } else {
        f.started = true;
        start_fibre(running.scheduler, &f.start);
    }
    announce_arrival(fake_stack, nullptr, nullptr);
}

/* Return what the fibres from `first` to `last` wait for; it must be the same for all. */
waits common_state(unsigned int first, unsigned int last)
{
    const waits state = running.fibres[first]->state;
    for (unsigned int i = first; i < last; i++) {
        if (running.fibres[i]->state != state) {
            die("some threads wait where others do not: a barrier or a shuffle is not reached by "
                "all");
        }
    }
    return state;
}

void run_warp(unsigned int first)
{
    waits state;
    do {
        for (unsigned int i = first; i < first + WARP; i++) {
            resume(i);
        }
        state = common_state(first, first + WARP);
    } while (state == waits::for_warp);
}

void run_block(unsigned int threads)
{
    prepare(threads);
    running.thread = races_thread(true);
    waits state;
    do {
        for (unsigned int first = 0; first < threads; first += WARP) {
            run_warp(first);
        }
        state = common_state(0, threads);
    } while (state == waits::for_block);
    races_after(&running.end);
}

void run_grid(bsm_exec_kind kind, unsigned int blocks, unsigned int threads,
              const std::function<void()> &body)
{
    if (threads == 0 || threads % WARP || threads > 1024) {
        die("a block has 32 to 1024 threads, in whole warps");
    }
    gridDim.x = blocks;
    blockDim.x = threads;
    running.body = &body;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
        if (kind == BSM_EXEC_FIBRES) {
            run_block(threads);
            continue;
        }
        running.threads = 0;
        for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++) {
            body();
        }
    }
}

} // namespace

void bsm_exec_launch(bsm_exec_kind kind, unsigned int blocks, unsigned int threads, void *stream,
                     std::function<void()> body)
{
    auto work = [=]() { run_grid(kind, blocks, threads, body); };
    if (stream) {
        static_cast<bsm_exec_stream *>(stream)->queue(work);
    } else {
        work();
    }
}

void __syncthreads()
{
    if (running.threads == 0) {
        die("__syncthreads in a kernel that is launched as flat");
    }
    char *order = &running.barriers[running.fibres[running.current]->barriers++ % 2];
    races_before(order);
    wait(waits::for_block);
    races_after(order);
}

unsigned int bsm_exec_lane()
{
    return threadIdx.x % WARP;
}

/* Return the slot, 0 or 1, in which this thread leaves its data. */
static unsigned int next_slot()
{
    if (running.threads == 0) {
        die("a shuffle in a kernel that is launched as flat");
    }
    return running.fibres[running.current]->phase++ % 2;
}

/* Wait until all threads of the warp have arrived. */
static void meet_warp(char *order)
{
    races_before(order);
    wait(waits::for_warp);
    races_after(order);
}

uint64_t bsm_exec_shuffle(uint64_t bits, unsigned int lane)
{
    const unsigned int index = running.current, slot = next_slot();
    warp_slots &warp = running.warps[index / WARP];
    warp.bits[slot][index % WARP] = bits;
    meet_warp(&warp.orders[slot]);
    return warp.bits[slot][lane];
}

bsm_exec_lanes bsm_exec_publish(const void *mine, unsigned int size)
{
    const unsigned int index = running.current, slot = next_slot();
    warp_slots &warp = running.warps[index / WARP];
    if (size > bsm_exec_lanes::SIZE) {
        die("too much is published");
    }
    std::memcpy(warp.published[slot][index % WARP], mine, size);
    meet_warp(&warp.orders[slot]);
    return {warp.published[slot][0]};
}

enum { COPY = 16 };

static fibre &copying_fibre()
{
    if (running.threads == 0) {
        die("a copy in the background in a kernel that is launched as flat");
    }
    return *running.fibres[running.current];
}

void bsm_exec_copy_later(void *to, const void *from)
{
    fibre &f = copying_fibre();
    if ((uintptr_t)to % COPY || (uintptr_t)from % COPY) {
        die("a copy in the background that is not at a multiple of 16 bytes");
    }
    std::memset(to, 0xff, COPY);
    races_write(to, COPY);
    f.copies.push_back({to, from, f.groups});
}

void bsm_exec_commit_copies()
{
    copying_fibre().groups++;
}

void bsm_exec_wait_for_copies(unsigned int groups)
{
    static const unsigned char zeros[COPY] = {};
    fibre &f = copying_fibre();
    std::vector<copy> left;
    for (const copy &c : f.copies) {
        if (c.group + groups >= f.groups) {
            left.push_back(c);
        } else {
            std::memcpy(c.to, c.from ? c.from : zeros, COPY);
            races_write(c.to, COPY);
            if (c.from) {
                races_read(c.from, COPY);
            }
        }
    }
    f.copies.swap(left);
}
