/* SPDX-License-Identifier: ISC */
/* The host does the card's Fourier transforms, by the engine's own. */
#include "fft.h"

#include "exec_stream.h"

extern "C" {
#include "signal/fft.h"
}

struct bsm_card_fft {
    size_t length, batch;
    bsm_fft *forward, *inverse;
};

bsm_status bsm_card_fft_new(bsm_card *, size_t length, size_t batch, bsm_card_fft **out,
                            bsm_error *error)
{
    auto *fft = new bsm_card_fft{length, batch, nullptr, nullptr};
    bsm_status status = bsm_fft_new(length, false, &fft->forward, error);
    if (!status) {
        status = bsm_fft_new(length, true, &fft->inverse, error);
    }
    if (status) {
        bsm_card_fft_free(fft);
        return status;
    }
    *out = fft;
    return BSM_OK;
}

void bsm_card_fft_free(bsm_card_fft *fft)
{
    if (fft) {
        bsm_fft_free(fft->forward);
        bsm_fft_free(fft->inverse);
        delete fft;
    }
}

/* Some, so that it has to be there. */
size_t bsm_card_fft_bytes(const bsm_card_fft *fft)
{
    return fft->length * sizeof(float);
}

static void queue(bsm_card *card, const std::function<void()> &work)
{
    if (bsm_card_works(card)) {
        static_cast<bsm_exec_stream *>(bsm_card_queue(card).stream)->queue(work);
    }
}

void bsm_card_fft_forward(bsm_card *card, bsm_card_fft *fft, float *samples, float *bins,
                          void *scratch)
{
    queue(card, [=]() {
        for (size_t i = 0; i < fft->batch; i++) {
            bsm_fft_forward(fft->forward, samples + i * fft->length,
                            bins + i * 2 * (fft->length / 2 + 1));
        }
        static_cast<float *>(scratch)[fft->length - 1] = 0;
    });
}

void bsm_card_fft_inverse(bsm_card *card, bsm_card_fft *fft, float *bins, float *samples,
                          void *scratch)
{
    queue(card, [=]() {
        for (size_t i = 0; i < fft->batch; i++) {
            bsm_fft_inverse(fft->inverse, bins + i * 2 * (fft->length / 2 + 1),
                            samples + i * fft->length);
        }
        static_cast<float *>(scratch)[fft->length - 1] = 0;
    });
}
