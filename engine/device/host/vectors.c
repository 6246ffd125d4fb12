/* SPDX-License-Identifier: ISC */
/* The memory of a training on the host, its vectors, and the optimiser. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/team.h"
#include "device/host/host.h"
#include "model/weight_vector.h"

/* The part of training that all devices on host memory share: construction and memory. */

bsm_status bsm_host_plan(const bsm_config *config, const bsm_training_options *options,
                         bsm_training_memory *memory, bsm_error *error)
{
    size_t size;
    bsm_status status = bsm_vector_size(config, &size, error);
    if (!status) {
        memory->parameters += BSM_NUM_TRAINING_VECTORS * size * sizeof(float);
        memory->scratch += bsm_host_signals_bytes(config, options);
    }
    return status;
}

bsm_status bsm_host_init(bsm_host *host, const bsm_config *config,
                         const bsm_training_options *options, const float *parameters,
                         bsm_error *error)
{
    *host = (bsm_host){
        .config = *config, .options = *options, .frames = 1 + options->samples / config->hop};
    bsm_team_join(options->threads);
    bsm_status status = bsm_host_vectors_new(host, parameters, error);
    if (!status) {
        status = bsm_host_signals_new(host, error);
    }
    if (status) {
        bsm_host_clear(host);
    }
    return status;
}

void bsm_host_clear(bsm_host *host)
{
    bsm_team_leave();
    bsm_host_vectors_free(host);
    bsm_host_signals_free(host->signals);
    *host = (bsm_host){0};
}

/* The vectors of a training, and the optimiser, which is the only code that processes whole
 * vectors.
 *
 * Threads get pieces with fixed bounds, so that the number of threads does not change a bit. */

enum { PIECES = 256, LANES = 8 };

/* ---- Memory ---- */

static bsm_status allocate(bsm_host *host, bsm_error *error)
{
    const size_t bytes = host->size * sizeof(float);
    for (int v = BSM_PARAMETERS + 1; v < BSM_NUM_TRAINING_VECTORS; v++) {
        host->vectors[v] = bsm_large_alloc(bytes);
        if (!host->vectors[v]) {
            return bsm_fail(error, BSM_NO_MEMORY, "training: no memory for %zu weights",
                            host->size);
        }
        memset(host->vectors[v], 0, bytes);
    }
    return BSM_OK;
}

bsm_status bsm_host_vectors_new(bsm_host *host, const float *parameters, bsm_error *error)
{
    bsm_weights *weights = NULL;
    bsm_status status = bsm_vector_size(&host->config, &host->size, error);
    if (!status) {
        status = bsm_vector_model_new(&host->config, "training", "training", &host->model,
                                      &host->vectors[BSM_PARAMETERS], error);
    }
    if (!status) {
        status = bsm_weights_new(host->model, &weights, error);
        host->weights = weights;
    }
    if (!status) {
        status = allocate(host, error);
    }
    if (!status) {
        memcpy(host->vectors[BSM_PARAMETERS], parameters, host->size * sizeof *parameters);
        memcpy(host->vectors[BSM_AVERAGES], parameters, host->size * sizeof *parameters);
    }
    return status;
}

void bsm_host_vectors_free(bsm_host *host)
{
    for (int v = BSM_PARAMETERS + 1; v < BSM_NUM_TRAINING_VECTORS; v++) {
        free(host->vectors[v]);
    }
    bsm_weights_free((bsm_weights *)host->weights);
    bsm_model_free(host->model);
}

bsm_status bsm_host_read(void *space, bsm_training_vector vector, float *values, bsm_error *error)
{
    (void)error;
    const bsm_host *host = space;
    memcpy(values, host->vectors[vector], host->size * sizeof *values);
    return BSM_OK;
}

bsm_status bsm_host_write(void *space, bsm_training_vector vector, const float *values,
                          bsm_error *error)
{
    (void)error;
    const bsm_host *host = space;
    memcpy(host->vectors[vector], values, host->size * sizeof *values);
    return BSM_OK;
}

/* ---- Norm ---- */

static size_t piece_size(const bsm_host *host)
{
    return bsm_vector_padded((host->size + PIECES - 1) / PIECES);
}

/* The end of piece `index`. */
static size_t piece_end(const bsm_host *host, size_t index)
{
    size_t end = (index + 1) * piece_size(host);
    return end < host->size ? end : host->size;
}

static double sum_of_squares(const float *values, size_t count)
{
    double lanes[LANES] = {0}, sum = 0;
    for (size_t i = 0; i < count; i += LANES) { /* a multiple of BSM_VECTOR_ALIGNMENT */
        for (size_t j = 0; j < LANES; j++) {
            lanes[j] += (double)values[i + j] * (double)values[i + j];
        }
    }
    for (size_t j = 0; j < LANES; j++) {
        sum += lanes[j];
    }
    return sum;
}

/* Compute the sum of squares of each piece. */
typedef struct squares {
    const bsm_host *host;
    double sums[PIECES];
} squares;

static void sum_pieces(void *job, size_t thread, bsm_region *region)
{
    (void)thread;
    squares *s = job;
    const float *gradients = s->host->vectors[BSM_GRADIENTS];
    for (size_t p; bsm_region_next(region, &p);) {
        const size_t begin = p * piece_size(s->host), end = piece_end(s->host, p);
        if (begin < end) {
            s->sums[p] = sum_of_squares(gradients + begin, end - begin);
        }
    }
}

bsm_status bsm_host_norm(void *space, double *norm, bsm_error *error)
{
    (void)error;
    const bsm_host *host = space;
    squares s = {.host = host};
    double sum = 0;
    bsm_team_run(host->options.threads, PIECES, sum_pieces, &s);
    for (size_t p = 0; p < PIECES; p++) {
        sum += s.sums[p];
    }
    *norm = sqrt(sum);
    return BSM_OK;
}

/* ---- AdamW ---- */

/* The factors of a step that are the same for every weight. */
typedef struct factors {
    float scale;                        /* of the gradient */
    float beta1, share1, beta2, share2; /* share = 1 - beta */
    float keep;                         /* of the weight, after its decay */
    float step;                         /* learning rate / correction of the first moments */
    float correct2;                     /* 1 / root of the correction of the second moments */
    float epsilon;
    float ema_share; /* 1 - ema */
} factors;

static factors factors_of(const bsm_adamw *step)
{
    const double number = (double)step->step;
    return (factors){
        .scale = (float)step->gradient_scale,
        .beta1 = (float)step->beta1,
        .share1 = (float)(1 - step->beta1),
        .beta2 = (float)step->beta2,
        .share2 = (float)(1 - step->beta2),
        .keep = (float)(1 - step->learning_rate * step->weight_decay),
        .step = (float)(step->learning_rate / (1 - pow(step->beta1, number))),
        .correct2 = (float)(1 / sqrt(1 - pow(step->beta2, number))),
        .epsilon = (float)step->epsilon,
        .ema_share = (float)(1 - step->ema),
    };
}

static void move(const factors *f, size_t count, float *restrict weight, float *restrict gradient,
                 float *restrict first, float *restrict second, float *restrict average)
{
    const factors k = *f;
    for (size_t i = 0; i < count; i++) {
        float g = k.scale * gradient[i];
        first[i] = k.beta1 * first[i] + k.share1 * g;
        second[i] = k.beta2 * second[i] + k.share2 * g * g;
        float size = sqrtf(second[i]) * k.correct2 + k.epsilon;
        weight[i] = k.keep * weight[i] - k.step * first[i] / size;
        average[i] += k.ema_share * (weight[i] - average[i]);
        gradient[i] = 0;
    }
}

/* Apply a step to all weights. */
typedef struct update {
    const bsm_host *host;
    factors factors;
} update;

static void move_pieces(void *job, size_t thread, bsm_region *region)
{
    (void)thread;
    const update *u = job;
    float *const *v = u->host->vectors;
    for (size_t p; bsm_region_next(region, &p);) {
        const size_t begin = p * piece_size(u->host), end = piece_end(u->host, p);
        if (begin < end) {
            move(&u->factors, end - begin, v[BSM_PARAMETERS] + begin, v[BSM_GRADIENTS] + begin,
                 v[BSM_FIRST_MOMENTS] + begin, v[BSM_SECOND_MOMENTS] + begin,
                 v[BSM_AVERAGES] + begin);
        }
    }
}

bsm_status bsm_host_update(void *space, const bsm_adamw *step, bsm_error *error)
{
    (void)error;
    const bsm_host *host = space;
    bsm_team_run(host->options.threads, PIECES, move_pieces, &(update){host, factors_of(step)});
    return BSM_OK;
}
