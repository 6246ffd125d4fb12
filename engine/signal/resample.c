/* SPDX-License-Identifier: ISC */
/* Streaming conversion between sample rates, over libsoxr. */
#include "signal/resample.h"

#include <soxr.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bsm_resampler {
    soxr_t soxr;
    size_t from_rate, to_rate, channels;
    uint64_t taken, given; /* samples so far */
};

bsm_status bsm_resampler_new(size_t from_rate, size_t to_rate, size_t channels,
                             bsm_resampler **resampler, bsm_error *error)
{
    *resampler = NULL;
    if (!from_rate || !to_rate || from_rate > INT32_MAX || to_rate > INT32_MAX || !channels ||
        channels > INT32_MAX) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "cannot resample %zu channels from %zu to %zu Hz", channels, from_rate,
                        to_rate);
    }
    bsm_resampler *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "resampler: out of memory");
    }
    *made = (bsm_resampler){.from_rate = from_rate, .to_rate = to_rate, .channels = channels};
    const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_S, SOXR_FLOAT32_S);
    /* Without the default roll-off of 0.01 dB, which alone would leave -78 dB of error. */
    const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, SOXR_ROLLOFF_NONE);
    const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    soxr_error_t reason = NULL;
    made->soxr = soxr_create((double)from_rate, (double)to_rate, (unsigned)channels, &reason, &io,
                             &quality, &runtime);
    if (!made->soxr || reason) {
        bsm_resampler_free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "resampler from %zu to %zu Hz: %s", from_rate,
                        to_rate, reason ? reason : "out of memory");
    }
    *resampler = made;
    return BSM_OK;
}

void bsm_resampler_free(bsm_resampler *resampler)
{
    if (resampler) {
        soxr_delete(resampler->soxr);
        free(resampler);
    }
}

/* How many samples are to come after the input's end, of which libsoxr gave `made`. It keeps to
 * this length itself but for ratios that a double rounds; then a sample of silence makes it up. */
static size_t fill_to_length(bsm_resampler *r, float *const *out, size_t room, size_t made)
{
    uint64_t length = (2 * r->taken * r->to_rate + r->from_rate) / (2 * (uint64_t)r->from_rate);
    uint64_t left = length > r->given ? length - r->given : 0;
    size_t count = left < room ? (size_t)left : room;
    for (size_t c = 0; c < r->channels && made < count; c++) {
        memset(out[c] + made, 0, (count - made) * sizeof **out);
    }
    return count;
}

bsm_status bsm_resampler_process(bsm_resampler *resampler, const float *const *in, size_t count,
                                 size_t *used, float *const *out, size_t room, size_t *made,
                                 bsm_error *error)
{
    *used = 0;
    *made = 0;
    soxr_error_t reason =
        soxr_process(resampler->soxr, in, in ? count : 0, used, (soxr_out_t)out, room, made);
    if (reason) {
        return bsm_fail(error, BSM_NO_MEMORY, "resampler from %zu to %zu Hz: %s",
                        resampler->from_rate, resampler->to_rate, reason);
    }
    resampler->taken += *used;
    if (!in) {
        *made = fill_to_length(resampler, out, room, *made);
    }
    resampler->given += *made;
    return BSM_OK;
}
