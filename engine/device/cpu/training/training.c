/* SPDX-License-Identifier: ISC */
/* The CPU device's function table for training. */
#include "device/training.h"

#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "device/cpu/training/space.h"
#include "model/schema.h"
#include "model/weight_vector.h"

/* The weights of every path have the layout of the first path's: one after the other, with
 * padding. */
static bsm_status count_path(void *user, const bsm_schema_entry *entry, bsm_error *error)
{
    (void)error;
    static const char prefix[] = "layers.0.0.";
    size_t *size = user;
    if (!strncmp(entry->name, prefix, sizeof prefix - 1)) {
        *size +=
            (entry->count + BSM_VECTOR_ALIGNMENT - 1) / BSM_VECTOR_ALIGNMENT * BSM_VECTOR_ALIGNMENT;
    }
    return BSM_OK;
}

static bsm_status check_precision(const bsm_training_options *options, bsm_error *error)
{
    if (options->precision == BSM_PRECISION_BFLOAT16 && !bsm_packed_bf16()) {
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "training: this processor multiplies bfloat16 no faster than float32 (it "
                        "would take AMX or AVX512-BF16): train in float32");
    }
    if (options->precision == BSM_PRECISION_TF32) {
        return bsm_fail(error, BSM_UNSUPPORTED,
                        "training: a processor computes in float32 or bfloat16, not in tf32");
    }
    return BSM_OK;
}

/* Set everything that follows from host.config, host.options and host.frames, except memory. */
static bsm_status measure(bsm_cpu_training_space *space, size_t *activations, size_t *size,
                          bsm_error *error)
{
    bsm_carver sizing = {0};
    space->kernels = bsm_kernels_get();
    space->bf16 =
        space->host.options.precision == BSM_PRECISION_BFLOAT16 ? bsm_packed_bf16() : NULL;
    bsm_status status = bsm_schema_visit(&space->host.config, count_path, &space->path_size, error);
    if (!status) {
        bsm_cpu_training_divide(space, &sizing, activations);
        *size = sizing.used;
    }
    return status;
}

static bsm_status plan(const bsm_config *config, const bsm_training_options *options,
                       bsm_training_memory *memory, bsm_error *error)
{
    *memory = (bsm_training_memory){0};
    bsm_status status = check_precision(options, error);
    if (!status) {
        status = bsm_host_plan(config, options, memory, error);
    }
    if (status) {
        return status;
    }
    size_t activations, size;
    bsm_cpu_training_space space = {.host = {.config = *config,
                                             .options = *options,
                                             .frames = 1 + options->samples / config->hop}};
    status = measure(&space, &activations, &size, error);
    if (!status) {
        memory->activations += activations;
        memory->scratch += size - activations;
    }
    return status;
}

static bsm_status allocate(bsm_cpu_training_space *space, bsm_error *error)
{
    size_t activations, size;
    bsm_status status = measure(space, &activations, &size, error);
    if (status) {
        return status;
    }
    space->memory = bsm_large_alloc(size);
    if (!space->memory) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for training: %zu MB for %zu frames",
                        size / 1000000, space->host.frames);
    }
    bsm_carver real = {.block = space->memory};
    bsm_cpu_training_divide(space, &real, &activations);
    return BSM_OK;
}

static void space_free(void *opaque)
{
    bsm_cpu_training_space *space = opaque;
    if (space) {
        bsm_host_clear(&space->host);
        free(space->memory);
        free(space);
    }
}

static bsm_status space_new(const bsm_config *config, const bsm_training_options *options,
                            const float *parameters, void **out, bsm_error *error)
{
    bsm_status status = check_precision(options, error);
    if (status) {
        return status;
    }
    bsm_cpu_training_space *space = calloc(1, sizeof *space);
    if (!space) {
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for training");
    }
    status = bsm_host_init(&space->host, config, options, parameters, error);
    if (status) {
        free(space);
        return status;
    }
    status = allocate(space, error);
    if (status) {
        space_free(space);
        return status;
    }
    *out = space;
    return BSM_OK;
}

const bsm_training_device bsm_cpu_training = {
    .plan = plan,
    .space_new = space_new,
    .space_free = space_free,
    .read = bsm_host_read,
    .write = bsm_host_write,
    .load = bsm_host_load,
    .band_split = bsm_cpu_training_band_split,
    .path = bsm_cpu_training_path,
    .mask = bsm_cpu_training_mask,
    .loss = bsm_host_loss,
    .mask_backward = bsm_cpu_training_mask_backward,
    .path_backward = bsm_cpu_training_path_backward,
    .band_split_backward = bsm_cpu_training_band_split_backward,
    .norm = bsm_host_norm,
    .update = bsm_host_update,
};
