/* SPDX-License-Identifier: ISC */
/* Computes the emulated GPU's Fourier transforms on the host, with the engine's own functions. */
#include "fft.h"

#include "exec_stream.h"

extern "C" {
#include "signal/fft.h"
}

struct bsm_gpu_fft {
    size_t length, batch;
    bsm_fft *forward, *inverse;
};

bsm_status bsm_gpu_fft_new(bsm_gpu *, size_t length, size_t batch, bsm_gpu_fft **out,
                           bsm_error *error)
{
    auto *fft = new bsm_gpu_fft{length, batch, nullptr, nullptr};
    bsm_status status = bsm_fft_new(length, false, &fft->forward, error);
    if (!status) {
        status = bsm_fft_new(length, true, &fft->inverse, error);
    }
    if (status) {
        bsm_gpu_fft_free(fft);
        return status;
    }
    *out = fft;
    return BSM_OK;
}

void bsm_gpu_fft_free(bsm_gpu_fft *fft)
{
    if (fft) {
        bsm_fft_free(fft->forward);
        bsm_fft_free(fft->inverse);
        delete fft;
    }
}

/* Any number above 0 will do, so that the caller must provide the work area. */
size_t bsm_gpu_fft_bytes(const bsm_gpu_fft *fft)
{
    return fft->length * sizeof(float);
}

static void queue(bsm_gpu *gpu, const std::function<void()> &work)
{
    if (bsm_gpu_works(gpu)) {
        static_cast<bsm_exec_stream *>(bsm_gpu_queue(gpu).stream)->queue(work);
    }
}

void bsm_gpu_fft_forward(bsm_gpu *gpu, bsm_gpu_fft *fft, float *samples, float *bins, void *scratch)
{
    queue(gpu, [=]() {
        for (size_t i = 0; i < fft->batch; i++) {
            bsm_fft_forward(fft->forward, samples + i * fft->length,
                            bins + i * 2 * (fft->length / 2 + 1));
        }
        static_cast<float *>(scratch)[fft->length - 1] = 0;
    });
}

void bsm_gpu_fft_inverse(bsm_gpu *gpu, bsm_gpu_fft *fft, float *bins, float *samples, void *scratch)
{
    queue(gpu, [=]() {
        for (size_t i = 0; i < fft->batch; i++) {
            bsm_fft_inverse(fft->inverse, bins + i * 2 * (fft->length / 2 + 1),
                            samples + i * fft->length);
        }
        static_cast<float *>(scratch)[fft->length - 1] = 0;
    });
}
