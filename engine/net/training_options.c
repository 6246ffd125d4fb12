/* SPDX-License-Identifier: ISC */
/* Checks the options of a training, its items and its steps. */
#include "net/training.h"

#include <math.h>

#include "net/place.h"

/* The limit is far above any use; it keeps every product of sizes within 64 bits. */
enum { MAX_SAMPLES = 1 << 26, MAX_WINDOW = 1 << 20, LOWEST_FLOOR = -120 };

bsm_loss_options bsm_loss_published(void)
{
    return (bsm_loss_options){
        .lambda_time = 10,
        .time_norm = BSM_NORM_L1,
        .num_windows = 5,
        .windows = {4096, 2048, 1024, 512, 256},
        .hop = 147,
        .silence_floor = -50,
        .silence_piece = 22050,
    };
}

static bsm_status check_silence(const bsm_loss_options *loss, bsm_error *error)
{
    if (!(loss->lambda_silence >= 0 && isfinite(loss->lambda_silence))) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "loss: lambda_silence is %g, not 0 or more",
                        loss->lambda_silence);
    }
    if (loss->lambda_silence > 0 &&
        !(loss->silence_floor >= LOWEST_FLOOR && loss->silence_floor < 0)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "loss: the silence's floor is %g dB, not %d to below 0",
                        loss->silence_floor, LOWEST_FLOOR);
    }
    if (loss->lambda_silence > 0 && loss->silence_piece < 1) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "loss: the silence's pieces have no samples");
    }
    return BSM_OK;
}

static bsm_status check_loss(const bsm_loss_options *loss, size_t n_fft, bsm_error *error)
{
    if (!(loss->lambda_time >= 0 && isfinite(loss->lambda_time))) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "loss: lambda_time is %g, not 0 or more",
                        loss->lambda_time);
    }
    if (loss->time_norm > BSM_NORM_L2) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "loss: time_norm is %u, not 1 or 2",
                        loss->time_norm);
    }
    if (loss->num_windows > BSM_MAX_LOSS_WINDOWS) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "loss: %zu windows, at most %d",
                        loss->num_windows, BSM_MAX_LOSS_WINDOWS);
    }
    if (loss->num_windows == 0 && loss->lambda_time == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "loss: no windows, and lambda_time is 0");
    }
    for (size_t i = 0; i < loss->num_windows; i++) {
        if (loss->windows[i] < 2 || loss->windows[i] > MAX_WINDOW) {
            return bsm_fail(error, BSM_INVALID_ARGUMENT,
                            "loss: a window of %zu samples, not 2 to %d", loss->windows[i],
                            MAX_WINDOW);
        }
    }
    if (loss->num_windows && (loss->hop < 1 || loss->hop > n_fft)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "loss: hop is %zu, not 1 to n_fft (%zu)",
                        loss->hop, n_fft);
    }
    return check_silence(loss, error);
}

static bsm_status check_options(const bsm_config *config, const bsm_training_options *options,
                                bsm_error *error)
{
    if (options->precision == BSM_PRECISION_INT8) {
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "training: no device trains in int8; float32 works everywhere");
    }
    if (options->precision != BSM_PRECISION_FLOAT32 &&
        options->precision != BSM_PRECISION_BFLOAT16 && options->precision != BSM_PRECISION_TF32) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training: no precision %d",
                        (int)options->precision);
    }
    if (options->samples < config->n_fft || options->samples > MAX_SAMPLES) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT,
                        "training: items of %zu samples, not n_fft (%zu) to %d", options->samples,
                        config->n_fft, MAX_SAMPLES);
    }
    if (!(options->dropout >= 0 && options->dropout < 1)) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "training: dropout is %g, not 0 to below 1",
                        options->dropout);
    }
    return check_loss(&options->loss, config->n_fft, error);
}

bsm_status bsm_training_options_resolve(const bsm_config *config,
                                        const bsm_training_options *options,
                                        bsm_training_options *resolved, bsm_error *error)
{
    bsm_status status = bsm_config_validate(config, error);
    if (!status) {
        status = check_options(config, options, error);
    }
    if (status) {
        return status;
    }
    *resolved = *options;
    return bsm_threads_resolve(options->threads, &resolved->threads, error);
}

static bsm_status check_number(const char *name, double value, double low, double below,
                               bsm_error *error)
{
    if (value >= low && value < below) { /* a NaN fails both comparisons */
        return BSM_OK;
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "AdamW: %s is %g, not %g to below %g", name, value,
                    low, below);
}

bsm_status bsm_adamw_check(const bsm_adamw *step, bsm_error *error)
{
    const struct {
        const char *name;
        double value, low, below;
    } numbers[] = {
        {"the learning rate", step->learning_rate, 0, INFINITY},
        {"beta1", step->beta1, 0, 1},
        {"beta2", step->beta2, 0, 1},
        {"the weight decay", step->weight_decay, 0, INFINITY},
        {"the gradients' scale", step->gradient_scale, 0, INFINITY},
        {"ema", step->ema, 0, nextafter(1, 2)}, /* 1: the average never changes */
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bsm_status status = check_number(numbers[i].name, numbers[i].value, numbers[i].low,
                                         numbers[i].below, error);
        if (status) {
            return status;
        }
    }
    /* Epsilon must not become 0 as float32, either: a weight whose gradient is always 0 would then
     * become 0 / 0. */
    if (!((float)step->epsilon > 0 && isfinite((float)step->epsilon))) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "AdamW: epsilon is %g, not above 0",
                        step->epsilon);
    }
    if (step->step == 0) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "AdamW: steps are counted from 1");
    }
    return BSM_OK;
}
