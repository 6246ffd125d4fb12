/* SPDX-License-Identifier: ISC */
/* separate_file MODEL SONG: writes the vocals and the instrumental of a song to files beside it. */
#include <bsm/separate.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: separate_file MODEL SONG\n");
        return 2;
    }
    bsm_separate_result result = {0};
    bsm_separate_options options = {.overlap = 0.5};
    bsm_network_options wanted = {.device = BSM_DEVICE_AUTO};
    bsm_network *network = NULL;
    bsm_model *model = NULL;
    bsm_error error = {0};
    bsm_status status = bsm_model_open(argv[1], NULL, &model, &error);
    status = status ? status : bsm_separate_network(model, &options, &wanted, &error);
    status = status ? status : bsm_network_new(model, &wanted, &network, &error);
    status = status ? status : bsm_separate_file(network, argv[2], &options, &result, &error);
    for (size_t i = 0; i < result.num_outputs; i++) {
        puts(result.outputs[i]);
    }
    if (status) {
        fprintf(stderr, "%s\n", error.message);
    }
    bsm_separate_result_free(&result);
    bsm_network_free(network);
    bsm_model_free(model);
    return status ? 1 : 0;
}
