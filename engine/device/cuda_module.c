/* SPDX-License-Identifier: ISC */
/* Finds and opens libbsm-cuda.so: beside the code that asks (libbsm, or a plugin that contains
 * it), then where it is installed, then wherever the linker looks. */
#include "device/cuda_module.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MODULE_FILE "libbsm-cuda.so"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const bsm_cuda_module *opened; /* NULL: `refusal` says why */
static bool installed;
static bsm_error refusal;

bsm_status bsm_cuda_module_check(const char *path, const bsm_cuda_module *module, bsm_error *error)
{
    if (module->abi != BSM_CUDA_MODULE_ABI) {
        return bsm_fail(error, BSM_NO_DEVICE, "cuda: %s: interface %u, this bsm needs %d", path,
                        module->abi, BSM_CUDA_MODULE_ABI);
    }
    if (strcmp(module->version, BSM_VERSION) != 0) {
        return bsm_fail(error, BSM_NO_DEVICE, "cuda: %s: of bsm %s, this is bsm " BSM_VERSION, path,
                        module->version);
    }
    if (module->config_size != sizeof(bsm_config) || module->weights_size != sizeof(bsm_weights) ||
        module->device_size != sizeof(bsm_device)) {
        return bsm_fail(error, BSM_NO_DEVICE, "cuda: %s: built from another bsm " BSM_VERSION,
                        path);
    }
    return BSM_OK;
}

static void use(const char *path, void *library)
{
    void *symbol = dlsym(library, BSM_CUDA_MODULE_ENTRY);
    if (!symbol) {
        bsm_fail(&refusal, BSM_NO_DEVICE, "cuda: %s: not a module of bsm", path);
        return;
    }
    bsm_cuda_module_function *entry;
    memcpy(&entry, &symbol, sizeof entry);
    const bsm_cuda_module *module = entry();
    if (!bsm_cuda_module_check(path, module, &refusal)) {
        opened = module;
    }
}

/* False if there is no such file; a file that cannot be opened ends the search. */
static bool try_path(const char *path)
{
    if (access(path, F_OK)) {
        return false;
    }
    installed = true;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library) {
        use(path, library);
    } else {
        bsm_fail(&refusal, BSM_NO_DEVICE, "cuda: %s", dlerror());
    }
    return true;
}

static bool try_beside_this(void)
{
    Dl_info info;
    char path[PATH_MAX];
    if (!dladdr(&once, &info) || !info.dli_fname) {
        return false;
    }
    const char *slash = strrchr(info.dli_fname, '/');
    int folder = slash ? (int)(slash + 1 - info.dli_fname) : 0;
    int length = snprintf(path, sizeof path, "%.*s" MODULE_FILE, folder, info.dli_fname);
    return slash && length < (int)sizeof path && try_path(path);
}

static void try_linker(void)
{
    void *library = dlopen(MODULE_FILE, RTLD_NOW | RTLD_LOCAL);
    if (library) {
        installed = true;
        use(MODULE_FILE, library);
        return;
    }
    const char *why = dlerror();
    installed = strncmp(why, MODULE_FILE ": cannot open", strlen(MODULE_FILE ": cannot open")) != 0;
    if (installed) {
        bsm_fail(&refusal, BSM_NO_DEVICE, "cuda: %s", why);
    } else {
        bsm_fail(&refusal, BSM_NO_DEVICE, "cuda: " MODULE_FILE " is not installed");
    }
}

static void open_module(void)
{
    if (!try_beside_this() && !try_path(BSM_LIBDIR "/" MODULE_FILE)) {
        try_linker();
    }
}

bsm_status bsm_cuda_module_get(const bsm_cuda_module **module, bsm_error *error)
{
    pthread_once(&once, open_module);
    if (!opened) {
        return bsm_fail(error, BSM_NO_DEVICE, "%s", refusal.message);
    }
    char text[256];
    bsm_status status = opened->find(text, sizeof text, error);
    if (!status) {
        *module = opened;
    }
    return status;
}

bool bsm_cuda_module_installed(void)
{
    pthread_once(&once, open_module);
    return installed;
}
