/* SPDX-License-Identifier: ISC */
/* The list of devices, and the choice between them. */
#include "device/device.h"

#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "device/cuda_module.h"

bsm_status bsm_device_kind_parse(const char *name, bsm_device_kind *kind, bsm_error *error)
{
    static const struct {
        const char *name;
        bsm_device_kind kind;
    } kinds[] = {
        {"auto", BSM_DEVICE_AUTO},
        {"cpu", BSM_DEVICE_CPU},
        {"reference", BSM_DEVICE_REFERENCE},
        {"cuda", BSM_DEVICE_CUDA},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!strcmp(name, kinds[i].name)) {
            *kind = kinds[i].kind;
            return BSM_OK;
        }
    }
    return bsm_fail(error, BSM_NOT_FOUND, "device '%s': expected auto, cpu, reference or cuda",
                    name);
}

const char *bsm_precision_name(bsm_precision precision)
{
    switch (precision) {
    case BSM_PRECISION_FLOAT32: return "float32";
    case BSM_PRECISION_BFLOAT16: return "bfloat16";
    case BSM_PRECISION_TF32: return "tf32";
    case BSM_PRECISION_INT8: return "int8";
    }
    return NULL;
}

/* Accepts the spellings of other programs for neural networks, too. */
bsm_status bsm_precision_parse(const char *name, bsm_precision *precision, bsm_error *error)
{
    static const struct {
        const char *name;
        bsm_precision precision;
    } names[] = {
        {"float32", BSM_PRECISION_FLOAT32},    {"fp32", BSM_PRECISION_FLOAT32},
        {"f32", BSM_PRECISION_FLOAT32},        {"float", BSM_PRECISION_FLOAT32},
        {"single", BSM_PRECISION_FLOAT32},     {"32", BSM_PRECISION_FLOAT32},
        {"32-true", BSM_PRECISION_FLOAT32},    {"bfloat16", BSM_PRECISION_BFLOAT16},
        {"bf16", BSM_PRECISION_BFLOAT16},      {"bf16-mixed", BSM_PRECISION_BFLOAT16},
        {"bf16-true", BSM_PRECISION_BFLOAT16}, {"tf32", BSM_PRECISION_TF32},
        {"tfloat32", BSM_PRECISION_TF32},      {"tensorfloat32", BSM_PRECISION_TF32},
        {"int8", BSM_PRECISION_INT8},          {"i8", BSM_PRECISION_INT8},
    };
    static const char *const halves[] = {"fp16", "float16", "f16", "half", "16", "16-mixed"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcasecmp(name, names[i].name)) {
            *precision = names[i].precision;
            return BSM_OK;
        }
    }
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        if (!strcasecmp(name, halves[i])) {
            return bsm_fail(error, BSM_NOT_FOUND,
                            "precision '%s': no device computes in float16; of 16 bits there is "
                            "bfloat16",
                            name);
        }
    }
    return bsm_fail(error, BSM_NOT_FOUND,
                    "precision '%s': expected float32, bfloat16, tf32 or int8", name);
}

static bsm_status find_cuda(const bsm_device **device, bsm_error *error)
{
    const bsm_cuda_module *module = NULL;
    bsm_status status = bsm_cuda_module_get(&module, error);
    if (!status) {
        *device = module->device;
    }
    return status;
}

/* Log this once: it would be the same for every network. */
static void log_refusal(const char *why)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (bsm_cuda_module_installed() && !atomic_flag_test_and_set(&said)) {
        bsm_log("%s; computing on the CPU", why);
    }
}

static const bsm_device *find_fastest(void)
{
    const bsm_device *device = NULL;
    bsm_error why;
    if (find_cuda(&device, &why)) {
        log_refusal(why.message);
        return &bsm_cpu_device;
    }
    return device;
}

bsm_status bsm_device_find(bsm_device_kind kind, const bsm_device **device, bsm_error *error)
{
    switch (kind) {
    case BSM_DEVICE_AUTO: *device = find_fastest(); return BSM_OK;
    case BSM_DEVICE_CPU: *device = &bsm_cpu_device; return BSM_OK;
    case BSM_DEVICE_REFERENCE: *device = &bsm_reference_device; return BSM_OK;
    case BSM_DEVICE_CUDA: return find_cuda(device, error);
    }
    return bsm_fail(error, BSM_INVALID_ARGUMENT, "device %d: no such kind", (int)kind);
}

const bsm_device *bsm_device_for(const bsm_device *device, bsm_precision precision)
{
    return device == &bsm_cpu_device ? bsm_cpu_device_for(precision) : device;
}

bsm_status bsm_device_take_gpu(size_t place, size_t processes, bsm_error *error)
{
    const bsm_cuda_module *module = NULL;
    bsm_status status = bsm_cuda_module_get(&module, error);
    return status ? status : module->take(place, processes, error);
}

bsm_status bsm_device_describe(bsm_device_kind kind, char *text, size_t size, bsm_error *error)
{
    const bsm_device *device = NULL;
    bsm_status status = bsm_device_find(kind, &device, error);
    if (!status) {
        device->describe(text, size);
    }
    if (!status && device == &bsm_cpu_device) {
        size_t length = strlen(text);
        bsm_cpu_describe_precisions(text + length, size - length);
    }
    return status;
}
