/* SPDX-License-Identifier: ISC */
/* Implements fft.h with cuFFT. */
#include "fft.h"

#include <cufft.h>
#include <stdlib.h>

struct bsm_gpu_fft {
    cufftHandle forward, inverse;
    bool has_forward, has_inverse;
    size_t bytes; /* scratch: the larger need of the two plans */
};

static const char *what = "a Fourier transform";

static const char *reason(cufftResult result)
{
    switch (result) {
    case CUFFT_ALLOC_FAILED: return "cuFFT has no memory";
    case CUFFT_INVALID_SIZE: return "cuFFT does not know this length";
    case CUFFT_EXEC_FAILED: return "cuFFT failed on the GPU";
    case CUFFT_SETUP_FAILED: return "cuFFT could not be set up";
    default: return "cuFFT failed";
    }
}

/* Make a plan that allocates no memory on the GPU for its scratch. */
static cufftResult make_plan(cufftHandle *plan, bool *made, const bsm_gpu *gpu, cufftType type,
                             size_t length, size_t batch, size_t *bytes)
{
    size_t needed = 0;
    cufftResult result = cufftCreate(plan);
    *made = result == CUFFT_SUCCESS;
    if (!result) {
        result = cufftSetAutoAllocation(*plan, 0);
    }
    if (!result) {
        long long n = (long long)length;
        result = cufftMakePlanMany64(*plan, 1, &n, NULL, 1, 0, NULL, 1, 0, type, (long long)batch,
                                     &needed);
    }
    if (!result) {
        result = cufftSetStream(*plan, bsm_gpu_queue(gpu).stream);
    }
    *bytes = needed > *bytes ? needed : *bytes;
    return result;
}

bsm_status bsm_gpu_fft_new(bsm_gpu *gpu, size_t length, size_t batch, bsm_gpu_fft **out,
                           bsm_error *error)
{
    bsm_gpu_fft *fft = calloc(1, sizeof *fft);
    if (!fft) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for a Fourier transform");
    }
    cufftResult result =
        make_plan(&fft->forward, &fft->has_forward, gpu, CUFFT_R2C, length, batch, &fft->bytes);
    if (!result) {
        result =
            make_plan(&fft->inverse, &fft->has_inverse, gpu, CUFFT_C2R, length, batch, &fft->bytes);
    }
    if (result) {
        bsm_gpu_fft_free(fft);
        return bsm_fail(error, result == CUFFT_ALLOC_FAILED ? BSM_NO_MEMORY : BSM_DEVICE_FAILED,
                        "cuda: transforms of %zu samples: %s", length, reason(result));
    }
    *out = fft;
    return BSM_OK;
}

void bsm_gpu_fft_free(bsm_gpu_fft *fft)
{
    if (!fft) {
        return;
    }
    if (fft->has_forward) {
        cufftDestroy(fft->forward);
    }
    if (fft->has_inverse) {
        cufftDestroy(fft->inverse);
    }
    free(fft);
}

size_t bsm_gpu_fft_bytes(const bsm_gpu_fft *fft)
{
    return fft->bytes;
}

void bsm_gpu_fft_forward(bsm_gpu *gpu, bsm_gpu_fft *fft, float *samples, float *bins, void *scratch)
{
    if (!bsm_gpu_works(gpu)) {
        return;
    }
    cufftResult result = cufftSetWorkArea(fft->forward, scratch);
    if (!result) {
        result = cufftExecR2C(fft->forward, samples, (cufftComplex *)bins);
    }
    if (result) {
        bsm_gpu_fail(gpu, what, reason(result));
    }
}

void bsm_gpu_fft_inverse(bsm_gpu *gpu, bsm_gpu_fft *fft, float *bins, float *samples, void *scratch)
{
    if (!bsm_gpu_works(gpu)) {
        return;
    }
    cufftResult result = cufftSetWorkArea(fft->inverse, scratch);
    if (!result) {
        result = cufftExecC2R(fft->inverse, (cufftComplex *)bins, samples);
    }
    if (result) {
        bsm_gpu_fail(gpu, what, reason(result));
    }
}
