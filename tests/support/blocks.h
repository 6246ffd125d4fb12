/* SPDX-License-Identifier: ISC */
/** Networks and blocks of samples for the tests of the network. Samples are [channel][what `frames`
 *  frames cover]. */
#ifndef BSM_TESTS_NET_BLOCKS_H
#define BSM_TESTS_NET_BLOCKS_H

#include "bsm/network.h"
#include "golden.h"

/** An untrained model of a preset or a configuration. A failure fails the test. */
bsm_model *open_preset(const char *name);
bsm_model *open_config(const bsm_config *config);

bsm_network *open_network(bsm_model *model, bsm_device_kind device, size_t threads,
                          size_t max_frames);

/** Samples per channel that frames cover, and room for them. */
size_t covered(const bsm_config *config, size_t frames);
float *new_samples(const bsm_config *config, size_t frames);

/** Noise, the same for the same seed. */
float *noise_samples(const bsm_config *config, size_t frames, unsigned int seed);

/** Separate the first stem of `frames` frames as a window, or as a stream with commit C and
 *  look-ahead L from a zero state: what the frames' windowed inverse transforms add up to. */
void run_window(bsm_network *network, const float *samples, size_t frames, float *out);
void run_stream(bsm_network *network, const float *samples, size_t frames, size_t commit,
                size_t lookahead, float *out);

/** One block of it, from frame `start` on, into the stem's sums in `out`. */
bsm_status run_block(bsm_network *network, const float *samples, size_t frames, size_t start,
                     bsm_block block, float *out, bsm_error *error);

#endif
