/* SPDX-License-Identifier: ISC */
/* Tests what happens if there is no GPU, or if its memory is full: `cuda` is an error, `auto`
 * continues on the CPU, both with a message that says why.
 *
 *      fallbacks none      there is no GPU (CUDA_VISIBLE_DEVICES= empty)
 *      fallbacks memory    there is one; fills its memory */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/log.h"
#include "bsm/network.h"
#include "device_under_test.h"

static bsm_model *model;

static bsm_status open_network(bsm_device_kind kind, size_t frames, bsm_network **network,
                               bsm_error *error)
{
    bsm_network_options options = {.device = kind, .max_frames = frames, .streaming = true};
    *network = NULL;
    return bsm_network_new(model, &options, network, error);
}

static void check_auto(size_t frames)
{
    bsm_network *network;
    bsm_error error = {0};
    expect(!open_network(BSM_DEVICE_AUTO, frames, &network, &error), "auto: %s", error.message);
    if (network) {
        printf("auto: %s\n", bsm_network_device_name(network));
        expect(!strncmp(bsm_network_device_name(network), "cpu", 3), "auto is not the CPU");
    }
    bsm_network_free(network);
}

static void check_without_a_gpu(void)
{
    bsm_network *network;
    bsm_error error = {0};
    bsm_status status = open_network(BSM_DEVICE_CUDA, 10, &network, &error);
    printf("cuda: %s\n", error.message);
    expect(status == BSM_NO_DEVICE, "cuda without a GPU is status %d", (int)status);
    bsm_network_free(network);
    check_auto(10);
}

static void check_full_memory(void)
{
    enum { FRAMES = 20000, MOST = 200 };
    bsm_network *networks[MOST];
    size_t count = 0;
    bsm_error error = {0};
    bsm_status status = BSM_OK;
    while (count < MOST && !status) {
        status = open_network(BSM_DEVICE_CUDA, FRAMES, &networks[count], &error);
        count += !status;
    }
    printf("%zu networks of %d frames, then: %s\n", count, FRAMES, error.message);
    expect(count > 0, "not even one network");
    expect(status == BSM_NO_MEMORY, "a full GPU is status %d", (int)status);
    check_auto(FRAMES);
    for (size_t i = 0; i < count; i++) {
        bsm_network_free(networks[i]);
    }
    bsm_network *network;
    expect(!open_network(BSM_DEVICE_CUDA, 10, &network, &error), "afterwards: %s", error.message);
    bsm_network_free(network);
}

int main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "";
    bsm_config config;
    bsm_error error = {0};
    if (bsm_config_preset("paper", &config, &error) ||
        bsm_model_new_untrained(&config, &model, &error)) {
        puts(error.message);
        return 1;
    }
    int result = 2;
    if (!strcmp(which, "none")) {
        check_without_a_gpu();
        result = failures() ? 1 : 0;
    } else if (!strcmp(which, "memory")) {
        bool gpu = device_under_test() != NULL;
        if (gpu) {
            check_full_memory();
        }
        result = !gpu ? TEST_SKIPPED : failures() ? 1 : 0;
    }
    bsm_model_free(model);
    return result;
}
