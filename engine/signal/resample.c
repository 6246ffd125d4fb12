/* SPDX-License-Identifier: ISC */
/* Streaming conversion between sample rates, by libsoxr. */
#include "signal/signal.h"

#include <soxr.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/config.h"

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
    /* The default roll-off of 0.01 dB would leave an error of -78 dB by itself, so it is turned
     * off. */
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

/* How many samples are still to come after the input's end, of which libsoxr gave `made`. libsoxr
 * yields the exact length, except for ratios that a double cannot represent; then a sample of
 * silence is appended. */
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

/* ---- A signal at another rate ---- */

struct bsm_resampled {
    bsm_signal from;
    bsm_resampler *resampler;
    size_t step;
    float **planes;  /* [channels][step]: samples that were read ... */
    size_t at, have; /* ... but are not in the resampler yet: `have` samples from `at` on */
};

bsm_status bsm_resampled_new(bsm_signal from, size_t from_rate, size_t to_rate, size_t channels,
                             size_t step, bsm_resampled **resampled, bsm_error *error)
{
    *resampled = NULL;
    bsm_resampled *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "resampler: out of memory");
    }
    made->from = from;
    made->step = step;
    made->planes = bsm_planes_new(channels, step);
    bsm_status status =
        made->planes ? bsm_resampler_new(from_rate, to_rate, channels, &made->resampler, error)
                     : bsm_fail(error, BSM_NO_MEMORY, "resampler: out of memory");
    if (status) {
        bsm_resampled_free(made);
        return status;
    }
    *resampled = made;
    return BSM_OK;
}

void bsm_resampled_free(bsm_resampled *resampled)
{
    if (resampled) {
        bsm_resampler_free(resampled->resampler);
        free(resampled->planes);
        free(resampled);
    }
}

static bsm_status read_resampled(void *user, float *const *audio, size_t count, size_t *got,
                                 bsm_error *error)
{
    bsm_resampled *r = user;
    const size_t channels = r->resampler->channels;
    bsm_status status = BSM_OK;
    bool drained = false;
    *got = 0;
    while (*got < count && !drained && !status) {
        if (r->have == 0) {
            r->at = 0;
            status = r->from.read(r->from.user, r->planes, r->step, &r->have, error);
        }
        const float *in[BSM_MAX_CHANNELS];
        float *out[BSM_MAX_CHANNELS];
        size_t used = 0, made = 0;
        const bool ended = r->have == 0;
        bsm_planes_at(r->planes, channels, r->at, (float **)in);
        bsm_planes_at(audio, channels, *got, out);
        if (!status) {
            status = bsm_resampler_process(r->resampler, ended ? NULL : in, r->have, &used, out,
                                           count - *got, &made, error);
        }
        r->at += used;
        r->have -= used;
        *got += made;
        drained = ended && made == 0;
    }
    return status;
}

bsm_signal bsm_resampled_signal(bsm_resampled *resampled)
{
    return (bsm_signal){resampled, read_resampled};
}
