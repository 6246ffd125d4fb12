/* SPDX-License-Identifier: ISC */
/** All that the device asks of CUDA and cuBLAS, but for the kernels: memory, copies, matrix
 *  products and recording, in the order of one stream. card.c does it on a card; the tests have the
 *  host play one (tests/cuda/played_card.cc).
 *
 *  What is queued returns nothing. After a failure nothing more is done, and bsm_card_status says
 *  what failed first. Any thread, one at a time. */
#ifndef BSM_CUDA_CARD_H
#define BSM_CUDA_CARD_H

#include <stdbool.h>
#include <stddef.h>

#include "bsm/device.h"
#include "bsm/status.h"
#include "kernels.h"

BSM_BEGIN_DECLS

typedef struct bsm_card bsm_card;

/** One line on the card in use, "NVIDIA H100 80GB HBM3, compute capability 9.0, 81 GB" and the
 *  like. BSM_NO_DEVICE: there is no card that this module can use, and why. */
bsm_status bsm_card_find(char *text, size_t size, bsm_error *error);

/** From now on the card in use is number `place` of those that can be used. As
 *  bsm_device_take_card. */
bsm_status bsm_card_take(size_t place, size_t processes, bsm_error *error);

/** A stream of work, with products of the given precision. BSM_NO_DEVICE, BSM_NO_MEMORY,
 *  BSM_DEVICE_FAILED. */
bsm_status bsm_card_new(bsm_precision precision, bsm_card **card, bsm_error *error);

/** Waits for what is queued. */
void bsm_card_free(bsm_card *card);

/** Make the card the calling thread's. Before anything else of a call from outside. */
void bsm_card_use(bsm_card *card);

/** Where kernels are to be queued, and the products' precision. */
bsm_kernel_queue bsm_card_queue(const bsm_card *card);

/** Memory of the card, aligned to 256 bytes; `what` is for the message. BSM_NO_MEMORY. */
bsm_status bsm_card_allocate(bsm_card *card, size_t bytes, const char *what, void **memory,
                             bsm_error *error);

/** Memory of the host that the card can read and write. BSM_NO_MEMORY. */
bsm_status bsm_card_allocate_host(bsm_card *card, size_t bytes, void **memory, bsm_error *error);

/** Free memory of either kind, which no queued work uses; NULL is allowed. */
void bsm_card_release(void *memory);
void bsm_card_release_host(void *memory);

/** Copies; the host's memory is of bsm_card_allocate_host. */
void bsm_card_upload(bsm_card *card, void *to, const void *host, size_t bytes);
void bsm_card_download(bsm_card *card, void *host, const void *from, size_t bytes);
void bsm_card_zero(bsm_card *card, void *memory, size_t bytes);

/** c = a b + beta c for each of a batch of row-major matrices; a is m x k, b is k x n as they are
 *  after the transpositions. a and b hold values (kernels.h). */
typedef struct bsm_card_product {
    size_t m, n, k, batches;
    const void *a, *b;
    void *c;
    size_t lda, ldb, ldc;                /**< from row to row, in numbers */
    size_t stride_a, stride_b, stride_c; /**< from matrix to matrix, in numbers */
    bool transpose_a, transpose_b;
    bool c_is_values; /**< else float32 */
    float beta;
} bsm_card_product;
void bsm_card_multiply(bsm_card *card, const bsm_card_product *product);

/** Wait until all that was queued is done. */
void bsm_card_wait(bsm_card *card);

/** True while something that was queued is not done; false after a failure. */
bool bsm_card_busy(bsm_card *card);

/** Nothing has failed so far. */
bool bsm_card_works(const bsm_card *card);

/** Something that card.h does not know of has failed. */
void bsm_card_fail(bsm_card *card, const char *what, const char *why);

/** BSM_OK, or BSM_DEVICE_FAILED and what failed first. */
bsm_status bsm_card_status(bsm_card *card, bsm_error *error);

/** Record what is queued from here on instead of doing it. */
void bsm_card_record(bsm_card *card);

/** End recording. NULL if something could not be recorded, which is forgotten with it. */
typedef struct bsm_card_recording bsm_card_recording;
bsm_card_recording *bsm_card_recorded(bsm_card *card);
void bsm_card_play(bsm_card *card, bsm_card_recording *recording);
void bsm_card_recording_free(bsm_card_recording *recording);

BSM_END_DECLS

#endif
