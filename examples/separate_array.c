/* SPDX-License-Identifier: ISC */
/* separate_array MODEL <IN >OUT: separates samples in memory. IN is 10 s of stereo music at
 * 44.1 kHz, and OUT is the first stem of the model, such as the vocals. Both are float samples: all
 * of the left channel, then all of the right one. */
#include <bsm/separate.h>
#include <stdio.h>

enum { SAMPLES = 441000 };

static float song[2][SAMPLES], vocals[2][SAMPLES];

int main(int argc, char **argv)
{
    if (argc != 2 || fread(song, sizeof song, 1, stdin) != 1) {
        fprintf(stderr, "usage: separate_array MODEL <SAMPLES >VOCALS\n");
        return 2;
    }
    const bsm_separate_options options = {.overlap = 0.5};
    bsm_network_options wanted = {.device = BSM_DEVICE_AUTO};
    bsm_network *network = NULL;
    bsm_model *model = NULL;
    bsm_error error = {0};
    const float *audio[] = {song[0], song[1]};
    float *channels[] = {vocals[0], vocals[1]};
    float *const *stems[BSM_MAX_STEMS] = {channels};
    bsm_status status = bsm_model_open(argv[1], NULL, &model, &error);
    status = status ? status : bsm_separate_network(model, &options, &wanted, &error);
    status = status ? status : bsm_network_new(model, &wanted, &network, &error);
    status =
        status ? status : bsm_separate_array(network, audio, 2, SAMPLES, &options, stems, &error);
    if (status) {
        fprintf(stderr, "%s\n", error.message);
    } else {
        fwrite(vocals, sizeof vocals, 1, stdout);
    }
    bsm_network_free(network);
    bsm_model_free(model);
    return status ? 1 : 0;
}
