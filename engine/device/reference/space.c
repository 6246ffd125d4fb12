/* SPDX-License-Identifier: ISC */
/* The memory for training: one block, whose size is planned beforehand. */
#include "device/reference/space.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/schema.h"
#include "model/weight_vector.h"

/* The floats of all tensors whose names start with `prefix`, as they lie in a vector. */
typedef struct span {
    const char *prefix;
    size_t size;
} span;

static bsm_status add_to_span(void *user, const bsm_schema_entry *entry, bsm_error *error)
{
    (void)error;
    span *s = user;
    if (strncmp(entry->name, s->prefix, strlen(s->prefix)) == 0) {
        s->size += bsm_vector_padded(entry->count);
    }
    return BSM_OK;
}

/* The weights of the largest part of the network whose gradients are summed at once: a path, or a
 * band's mask, which is larger than its band split. */
static bsm_status largest_part(const bsm_config *config, size_t *size, bsm_error *error)
{
    char mask[BSM_MAX_TENSOR_NAME];
    snprintf(mask, sizeof mask, "mask_estimators.0.to_freqs.%zu.",
             bsm_reference_widest_band(config));
    span spans[] = {{.prefix = "layers.0.0."}, {.prefix = mask}};
    bsm_status status = BSM_OK;
    *size = 0;
    for (size_t i = 0; !status && i < 2; i++) {
        status = bsm_schema_visit(config, add_to_span, &spans[i], error);
        *size = spans[i].size > *size ? spans[i].size : *size;
    }
    return status;
}

static double *carve_doubles(bsm_carver *carver, size_t count)
{
    return bsm_carve(carver, count * sizeof(double));
}

static bsm_reference_thread carve_thread(const bsm_config *config, size_t length, size_t part,
                                         bsm_carver *carver)
{
    size_t dim = config->dim, hidden = config->mask_expansion * dim;
    size_t values = 2 * bsm_reference_band_features(config, bsm_reference_widest_band(config));
    bsm_reference_thread t;
    t.x = bsm_carve_floats(carver, length * dim);
    t.y = bsm_carve_floats(carver, length * dim);
    t.dx = carve_doubles(carver, length * dim);
    t.dy = carve_doubles(carver, length * dim);
    t.path = bsm_reference_path_carve(config, length, carver);
    t.mask.normed = bsm_carve_floats(carver, dim);
    t.mask.hidden = bsm_carve_floats(carver, hidden);
    t.mask.values = bsm_carve_floats(carver, values);
    t.dmask.normed = carve_doubles(carver, dim);
    t.dmask.hidden = carve_doubles(carver, hidden);
    t.dmask.values = carve_doubles(carver, values);
    t.gradients = carve_doubles(carver, part);
    return t;
}

/* Returns the bytes that are kept from forward to backward; the carver counts all bytes. */
static size_t carve_space(const bsm_config *config, const bsm_training_options *options,
                          size_t part, bsm_carver *carver, bsm_reference_space *space)
{
    size_t bands = config->num_bands, frames = 1 + options->samples / config->hop;
    size_t features = bands * frames * config->dim;
    size_t length = frames > bands ? frames : bands;
    space->kept = bsm_carve_floats(carver, 2 * config->depth * features);
    space->x = bsm_carve_floats(carver, features);
    size_t kept = carver->used;
    space->dx = carve_doubles(carver, features);
    space->dfinal_norm = carve_doubles(carver, bands * config->dim);
    space->threads = bsm_carve(carver, options->threads * sizeof *space->threads);
    for (size_t t = 0; t < options->threads; t++) {
        bsm_reference_thread thread = carve_thread(config, length, part, carver);
        if (space->threads) {
            space->threads[t] = thread;
        }
    }
    return kept;
}

static bsm_status check_precision(const bsm_training_options *options, bsm_error *error)
{
    return options->precision == BSM_PRECISION_FLOAT32
               ? BSM_OK
               : bsm_fail(error, BSM_UNSUPPORTED,
                          "training: the reference device computes in float32 only");
}

bsm_status bsm_reference_plan(const bsm_config *config, const bsm_training_options *options,
                              bsm_training_memory *memory, bsm_error *error)
{
    size_t part;
    *memory = (bsm_training_memory){0};
    bsm_status status = check_precision(options, error);
    if (!status) {
        status = bsm_host_plan(config, options, memory, error);
    }
    if (!status) {
        status = largest_part(config, &part, error);
    }
    if (!status) {
        bsm_carver carver = {0};
        bsm_reference_space none;
        size_t kept = carve_space(config, options, part, &carver, &none);
        memory->activations += kept;
        memory->scratch += carver.used - kept;
    }
    return status;
}

/* Allocate the block of a space whose host part is made. */
static bsm_status allocate(bsm_reference_space *space, bsm_error *error)
{
    const bsm_config *config = &space->host.config;
    const bsm_training_options *options = &space->host.options;
    size_t part;
    bsm_status status = largest_part(config, &part, error);
    if (status) {
        return status;
    }
    bsm_carver size = {0};
    carve_space(config, options, part, &size, space);
    space->block = aligned_alloc(BSM_CARVE_ALIGNMENT, size.used);
    if (!space->block) {
        return bsm_fail(error, BSM_NO_MEMORY, "training: no memory for %zu bytes", size.used);
    }
    carve_space(config, options, part, &(bsm_carver){.block = space->block}, space);
    return BSM_OK;
}

bsm_status bsm_reference_space_new(const bsm_config *config, const bsm_training_options *options,
                                   const float *parameters, void **space, bsm_error *error)
{
    bsm_status status = check_precision(options, error);
    if (status) {
        return status;
    }
    bsm_reference_space *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "training: no memory");
    }
    status = bsm_host_init(&made->host, config, options, parameters, error);
    if (status) {
        free(made);
        return status;
    }
    status = allocate(made, error);
    if (status) {
        bsm_reference_space_free(made);
        return status;
    }
    *space = made;
    return BSM_OK;
}

void bsm_reference_space_free(void *opaque)
{
    bsm_reference_space *space = opaque;
    bsm_host_clear(&space->host);
    free(space->block);
    free(space);
}

void bsm_reference_clear_gradients(const bsm_reference_thread *thread, size_t count)
{
    memset(thread->gradients, 0, count * sizeof *thread->gradients);
}

void bsm_reference_add_gradients(const bsm_reference_space *space,
                                 const bsm_reference_thread *threads, size_t num_threads,
                                 const float *first, size_t count)
{
    float *gradients = bsm_host_gradient(&space->host, first);
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (size_t t = 0; t < num_threads; t++) {
            sum += threads[t].gradients[i];
        }
        gradients[i] += (float)sum;
    }
}
