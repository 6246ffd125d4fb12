/* SPDX-License-Identifier: ISC */
/** Networks and blocks of samples for the tests of the network. Samples are [channel][samples that
 *  `frames` frames cover]. */
#ifndef BSM_TESTS_NET_BLOCKS_H
#define BSM_TESTS_NET_BLOCKS_H

#include "bsm/network.h"
#include "golden.h"

/** Return an untrained model of a preset or a configuration. An error fails the test. */
bsm_model *open_preset(const char *name);
bsm_model *open_config(const bsm_config *config);

bsm_network *open_network(bsm_model *model, bsm_device_kind device, size_t threads,
                          size_t max_frames);

/** Return the number of samples per channel that frames cover, and a buffer for them. */
size_t covered(const bsm_config *config, size_t frames);
float *new_samples(const bsm_config *config, size_t frames);

/** Return noise, which is the same for the same seed. */
float *noise_samples(const bsm_config *config, size_t frames, unsigned int seed);

/** Separate the first stem of `frames` frames as a window, or as a stream with `commit` and
 *  `lookahead` from a zero state. The result is the sum of the frames' windowed inverse
 *  transforms. */
void run_window(bsm_network *network, const float *samples, size_t frames, float *out);
void run_stream(bsm_network *network, const float *samples, size_t frames, size_t commit,
                size_t lookahead, float *out);

/** Run one block, from frame `start` on, and add the stem to the sums in `out`. */
bsm_status run_block(bsm_network *network, const float *samples, size_t frames, size_t start,
                     bsm_block block, float *out, bsm_error *error);

#endif
