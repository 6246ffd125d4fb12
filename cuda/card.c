/* SPDX-License-Identifier: ISC */
/* A card by CUDA and cuBLAS. */
#include "card.h"

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* What cuBLAS may use for itself; given to it, because it must not allocate while recording. */
enum { CUBLAS_MEMORY = 32 << 20, OLDEST_MAJOR = 8 };

struct bsm_card {
    cudaStream_t stream;
    cublasHandle_t cublas;
    void *cublas_memory;
    bsm_precision precision;
    bool recording;
    bsm_error failure; /* the first; its status BSM_OK: none */
};

struct bsm_card_recording {
    cudaGraphExec_t graph;
};

/* ---- Which card ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int chosen = -1;
static size_t wanted; /* how many usable cards are left to others */

static void describe(const struct cudaDeviceProp *card, char *text, size_t size)
{
    bsm_format_line(text, size, "%s, compute capability %d.%d, %.0f GB", card->name, card->major,
                    card->minor, (double)card->totalGlobalMem * 1e-9);
}

/* The card in `place` of those that are new enough, and `text` of it; or how many there are, and
 * `text` of the last card. */
static bsm_status look_for(int count, size_t place, size_t *usable, char *text, size_t size,
                           bsm_error *error)
{
    *usable = 0;
    for (int i = 0; i < count; i++) {
        struct cudaDeviceProp card;
        cudaError_t status = cudaGetDeviceProperties(&card, i);
        if (status) {
            return bsm_fail(error, BSM_NO_DEVICE, "cuda: card %d: %s", i,
                            cudaGetErrorString(status));
        }
        describe(&card, text, size);
        *usable += card.major >= OLDEST_MAJOR;
        if (*usable > place) {
            chosen = i;
            return BSM_OK;
        }
    }
    return *usable ? BSM_OK
                   : bsm_fail(error, BSM_NO_DEVICE, "cuda: %s: too old, %d.0 is needed", text,
                              OLDEST_MAJOR);
}

static bsm_status count_cards(int *count, bsm_error *error)
{
    *count = 0;
    cudaError_t status = cudaGetDeviceCount(count);
    if (status) {
        cudaGetLastError(); /* not to be found again by who comes next */
        return bsm_fail(error, BSM_NO_DEVICE, "cuda: no card: %s", cudaGetErrorString(status));
    }
    return *count ? BSM_OK : bsm_fail(error, BSM_NO_DEVICE, "cuda: no card");
}

bsm_status bsm_card_find(char *text, size_t size, bsm_error *error)
{
    int count;
    size_t usable;
    bsm_status status = count_cards(&count, error);
    if (!status) {
        pthread_mutex_lock(&lock);
        status = look_for(count, wanted, &usable, text, size, error);
        pthread_mutex_unlock(&lock);
    }
    return status;
}

bsm_status bsm_card_take(size_t place, size_t processes, bsm_error *error)
{
    int count;
    size_t usable;
    char text[160];
    bsm_status status = count_cards(&count, error);
    if (status) {
        return status;
    }
    pthread_mutex_lock(&lock);
    status = look_for(count, processes - 1, &usable, text, sizeof text, error);
    if (!status && usable < processes) {
        status = bsm_fail(error, BSM_INVALID_ARGUMENT,
                          "cuda: %zu processes on this machine, and %zu of its cards to be used: "
                          "each needs one of its own",
                          processes, usable);
    }
    if (!status) {
        wanted = place;
        status = look_for(count, place, &usable, text, sizeof text, error);
    }
    pthread_mutex_unlock(&lock);
    return status;
}

static int chosen_card(void)
{
    pthread_mutex_lock(&lock);
    int card = chosen;
    pthread_mutex_unlock(&lock);
    return card;
}

/* ---- Failures ---- */

void bsm_card_fail(bsm_card *card, const char *what, const char *why)
{
    if (!card->failure.status) {
        bsm_fail(&card->failure, BSM_DEVICE_FAILED, "cuda: %s: %s", what, why);
    }
}

bool bsm_card_works(const bsm_card *card)
{
    return !card->failure.status;
}

static void check(bsm_card *card, cudaError_t status, const char *what)
{
    if (status) {
        bsm_card_fail(card, what, cudaGetErrorString(status));
    }
}

static void check_cublas(bsm_card *card, cublasStatus_t status, const char *what)
{
    if (status != CUBLAS_STATUS_SUCCESS) {
        bsm_card_fail(card, what, cublasGetStatusString(status));
    }
}

/* Kernels say nothing when they are queued; this is where their launches' errors are found. */
bsm_status bsm_card_status(bsm_card *card, bsm_error *error)
{
    check(card, cudaGetLastError(), "a kernel");
    return card->failure.status ? bsm_fail(error, card->failure.status, "%s", card->failure.message)
                                : BSM_OK;
}

/* ---- Opening ---- */

void bsm_card_use(bsm_card *card)
{
    check(card, cudaSetDevice(chosen_card()), "choosing the card");
}

/* Where a product's result is bfloat16, cuBLAS might add up what it has computed apart in bfloat16,
 * too. TF32 is chosen product by product (multiply_some), never by this mode. */
static void open_cublas(bsm_card *card)
{
    const int mode = CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION;
    check_cublas(card, cublasCreate(&card->cublas), "opening cuBLAS");
    if (bsm_card_works(card)) {
        check_cublas(card, cublasSetMathMode(card->cublas, (cublasMath_t)mode), "cuBLAS's sums");
        check_cublas(card, cublasSetStream(card->cublas, card->stream), "cuBLAS's stream");
        check_cublas(card, cublasSetWorkspace(card->cublas, card->cublas_memory, CUBLAS_MEMORY),
                     "cuBLAS's memory");
    }
}

bsm_status bsm_card_new(bsm_precision precision, bsm_card **out, bsm_error *error)
{
    char text[160];
    bsm_status status = bsm_card_find(text, sizeof text, error);
    if (status) {
        return status;
    }
    bsm_card *card = calloc(1, sizeof *card);
    if (!card) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a card");
    }
    card->precision = precision;
    bsm_card_use(card);
    if (bsm_card_works(card)) {
        check(card, cudaStreamCreateWithFlags(&card->stream, cudaStreamNonBlocking), "a stream");
    }
    if (bsm_card_works(card)) {
        status = bsm_card_allocate(card, CUBLAS_MEMORY, "cuBLAS", &card->cublas_memory, error);
    }
    if (!status && bsm_card_works(card)) {
        open_cublas(card);
    }
    status = status ? status : bsm_card_status(card, error);
    if (status) {
        bsm_card_free(card);
        return status;
    }
    *out = card;
    return BSM_OK;
}

void bsm_card_free(bsm_card *card)
{
    if (!card) {
        return;
    }
    cudaSetDevice(chosen_card());
    if (card->stream) {
        cudaStreamSynchronize(card->stream);
    }
    if (card->cublas) {
        cublasDestroy(card->cublas);
    }
    bsm_card_release(card->cublas_memory);
    if (card->stream) {
        cudaStreamDestroy(card->stream);
    }
    cudaGetLastError(); /* a broken card's errors end with it */
    free(card);
}

bsm_kernel_queue bsm_card_queue(const bsm_card *card)
{
    return (bsm_kernel_queue){.stream = card->stream,
                              .bf16 = card->precision == BSM_PRECISION_BFLOAT16};
}

/* ---- Memory ---- */

/* Running out leaves the card as good as it was. */
static bsm_status allocation_failed(cudaError_t status, size_t bytes, const char *what,
                                    bsm_error *error)
{
    size_t left = 0, all = 0;
    cudaGetLastError();
    if (status != cudaErrorMemoryAllocation) {
        return bsm_fail(error, BSM_DEVICE_FAILED, "cuda: memory for %s: %s", what,
                        cudaGetErrorString(status));
    }
    if (cudaMemGetInfo(&left, &all)) {
        cudaGetLastError();
    }
    return bsm_fail(error, BSM_NO_MEMORY,
                    "cuda: no memory for %s: %zu MB needed, %zu MB of %zu MB left", what,
                    bytes / 1000000, left / 1000000, all / 1000000);
}

bsm_status bsm_card_allocate(bsm_card *card, size_t bytes, const char *what, void **memory,
                             bsm_error *error)
{
    (void)card;
    *memory = NULL;
    cudaError_t status = cudaMalloc(memory, bytes);
    return status ? allocation_failed(status, bytes, what, error) : BSM_OK;
}

bsm_status bsm_card_allocate_host(bsm_card *card, size_t bytes, void **memory, bsm_error *error)
{
    (void)card;
    *memory = NULL;
    cudaError_t status = cudaMallocHost(memory, bytes);
    return status ? allocation_failed(status, bytes, "the host's side", error) : BSM_OK;
}

/* Without bsm_card_use: CUDA knows where memory is. A card that has failed cannot free it. */
void bsm_card_release(void *memory)
{
    if (memory && cudaFree(memory)) {
        cudaGetLastError();
    }
}

void bsm_card_release_host(void *memory)
{
    if (memory && cudaFreeHost(memory)) {
        cudaGetLastError();
    }
}

void bsm_card_upload(bsm_card *card, void *to, const void *host, size_t bytes)
{
    if (bsm_card_works(card)) {
        check(card, cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, card->stream),
              "copying to the card");
    }
}

void bsm_card_download(bsm_card *card, void *host, const void *from, size_t bytes)
{
    if (bsm_card_works(card)) {
        check(card, cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, card->stream),
              "copying from the card");
    }
}

void bsm_card_zero(bsm_card *card, void *memory, size_t bytes)
{
    if (bsm_card_works(card)) {
        check(card, cudaMemsetAsync(memory, 0, bytes, card->stream), "zeroing memory");
    }
}

/* ---- Products ---- */

static size_t bytes_of(cudaDataType_t type)
{
    return type == CUDA_R_16BF ? 2 : sizeof(float);
}

static const void *matrix_at(const void *matrix, size_t index, cudaDataType_t type)
{
    return (const unsigned char *)matrix + index * bytes_of(type);
}

/* cuBLAS takes columns first, so it is given the transposed product: c' = b' a'. */
static void multiply_some(bsm_card *card, const bsm_card_product *p, size_t first, size_t count)
{
    const float one = 1;
    bool bf16 = card->precision == BSM_PRECISION_BFLOAT16;
    cudaDataType_t values = bf16 ? CUDA_R_16BF : CUDA_R_32F;
    cudaDataType_t c_type = p->c_is_values ? values : CUDA_R_32F;
    void *c = (unsigned char *)p->c + first * p->stride_c * bytes_of(c_type);
    cublasStatus_t status = cublasGemmStridedBatchedEx(
        card->cublas, p->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
        p->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, (int)p->n, (int)p->m, (int)p->k, &one,
        matrix_at(p->b, first * p->stride_b, values), values, (int)p->ldb, (long long)p->stride_b,
        matrix_at(p->a, first * p->stride_a, values), values, (int)p->lda, (long long)p->stride_a,
        &p->beta, c, c_type, (int)p->ldc, (long long)p->stride_c, (int)count,
        card->precision == BSM_PRECISION_TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
        CUBLAS_GEMM_DEFAULT);
    check_cublas(card, status, "a matrix product");
}

void bsm_card_multiply(bsm_card *card, const bsm_card_product *product)
{
    enum { MOST_BATCHES = 32768 }; /* a grid's third side ends at 65535 */
    for (size_t first = 0; first < product->batches && bsm_card_works(card);
         first += MOST_BATCHES) {
        size_t left = product->batches - first;
        multiply_some(card, product, first, left < MOST_BATCHES ? left : MOST_BATCHES);
    }
}

/* ---- Order ---- */

void bsm_card_wait(bsm_card *card)
{
    if (bsm_card_works(card)) {
        check(card, cudaStreamSynchronize(card->stream), "waiting for the card");
    }
}

bool bsm_card_busy(bsm_card *card)
{
    if (!bsm_card_works(card)) {
        return false;
    }
    cudaError_t status = cudaStreamQuery(card->stream);
    if (status == cudaErrorNotReady) {
        cudaGetLastError(); /* it is no failure */
        return true;
    }
    check(card, status, "waiting for the card");
    return false;
}

/* Other threads may go on allocating meanwhile. */
void bsm_card_record(bsm_card *card)
{
    if (bsm_card_works(card)) {
        check(card, cudaStreamBeginCapture(card->stream, cudaStreamCaptureModeThreadLocal),
              "recording");
        card->recording = bsm_card_works(card);
    }
}

static bsm_card_recording *instantiate(cudaGraph_t graph)
{
    bsm_card_recording *recording = calloc(1, sizeof *recording);
    if (recording && cudaGraphInstantiate(&recording->graph, graph, 0)) {
        free(recording);
        recording = NULL;
    }
    return recording;
}

/* What goes wrong only because it is recorded does not harm the card. */
bsm_card_recording *bsm_card_recorded(bsm_card *card)
{
    cudaGraph_t graph = NULL;
    if (!card->recording) {
        return NULL;
    }
    card->recording = false;
    bool whole = !cudaStreamEndCapture(card->stream, &graph) && bsm_card_works(card);
    bsm_card_recording *recording = whole ? instantiate(graph) : NULL;
    if (graph) {
        cudaGraphDestroy(graph);
    }
    cudaGetLastError();
    card->failure.status = BSM_OK;
    return recording;
}

void bsm_card_play(bsm_card *card, bsm_card_recording *recording)
{
    if (bsm_card_works(card)) {
        check(card, cudaGraphLaunch(recording->graph, card->stream), "playing a recording");
    }
}

void bsm_card_recording_free(bsm_card_recording *recording)
{
    if (recording) {
        cudaGraphExecDestroy(recording->graph);
        free(recording);
    }
}
