/* SPDX-License-Identifier: ISC */
/* The only file that uses oneDNN. Its API differs between 2.x (Debian 12) and 3.x, but not in the
 * functions used here. */
#include "device/cpu/matrix.h"

#include <stdio.h>
#ifdef __SSE2__
#include <xmmintrin.h>
#endif
#ifdef BSM_ONEDNN
#include <dlfcn.h>
#include <dnnl.h>
#include <dnnl_version.h>
#include <pthread.h>
#endif

#ifdef BSM_ONEDNN
#define QUOTED_VALUE(x) #x
#define QUOTED(x) QUOTED_VALUE(x)
#define ONEDNN_VERSION                                                                             \
    QUOTED(DNNL_VERSION_MAJOR) "." QUOTED(DNNL_VERSION_MINOR) "." QUOTED(DNNL_VERSION_PATCH)

void bsm_cpu_product(const bsm_kernels *kernels, const bsm_product *p)
{
    dnnl_status_t status =
        dnnl_sgemm(p->transpose_a ? 'T' : 'N', p->transpose_b ? 'T' : 'N', (dnnl_dim_t)p->m,
                   (dnnl_dim_t)p->n, (dnnl_dim_t)p->k, 1.0f, p->a, (dnnl_dim_t)p->lda, p->b,
                   (dnnl_dim_t)p->ldb, p->beta, p->c, (dnnl_dim_t)p->ldc);
    if (status != dnnl_success) {
        /* oneDNN had no memory for its packing buffers; ours are on the stack */
        kernels->product(p);
    }
}

const char *bsm_cpu_product_name(void)
{
    return "oneDNN " ONEDNN_VERSION;
}

/* The functions by which oneDNN, if it is built with OpenMP, finds its number of threads. They are
 * looked up in the process, so that we need not link with the OpenMP library that it happens to
 * use. */
static struct {
    int (*max_threads)(void);
    void (*set_threads)(int);
} openmp;

static void find_openmp(void)
{
    *(void **)&openmp.max_threads = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    *(void **)&openmp.set_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
}

/* Set how many threads oneDNN may use when this thread calls it. Returns the number before. */
static int limit_threads(int threads)
{
    static pthread_once_t found = PTHREAD_ONCE_INIT;
    pthread_once(&found, find_openmp);
    if (!openmp.max_threads || !openmp.set_threads) {
        return threads;
    }
    const int before = openmp.max_threads();
    openmp.set_threads(threads);
    return before;
}
#else
void bsm_cpu_product(const bsm_kernels *kernels, const bsm_product *p)
{
    kernels->product(p);
}

const char *bsm_cpu_product_name(void)
{
    return "plain C";
}

static int limit_threads(int threads)
{
    return threads;
}
#endif

bsm_thread_mode bsm_cpu_enter_thread(void)
{
    bsm_thread_mode mode = {0};
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &mode.signals);
#ifdef __SSE2__
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 };
    mode.float_control = _mm_getcsr();
    _mm_setcsr(mode.float_control | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
#endif
    /* otherwise oneDNN starts a team of its own, which spins */
    mode.library_threads = limit_threads(1);
    return mode;
}

void bsm_cpu_leave_thread(bsm_thread_mode mode)
{
    limit_threads(mode.library_threads);
#ifdef __SSE2__
    _mm_setcsr(mode.float_control);
#endif
    pthread_sigmask(SIG_SETMASK, &mode.signals, NULL);
}
