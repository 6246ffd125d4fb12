/* SPDX-License-Identifier: ISC */
/** Networks and spectra for the tests of the network. */
#ifndef BSM_TESTS_NET_SPECTRA_H
#define BSM_TESTS_NET_SPECTRA_H

#include "bsm/network.h"
#include "bsm/stft.h"
#include "golden.h"

/** An untrained model of a preset or a configuration. A failure fails the test. */
bsm_model *open_preset(const char *name);
bsm_model *open_config(const bsm_config *config);

bsm_network *open_network(bsm_model *model, bsm_device_kind device, size_t threads,
                          size_t max_frames);

/** Room for `frames` frames of a model's spectrum. */
float *new_spectrum(const bsm_config *config, size_t frames);

/** Spectrum of a waveform tensor [channels][samples]. */
float *spectrum_of(const bsm_config *config, const golden_tensor *audio, size_t *frames);

/** Waveform [channels][samples] of a spectrum. */
float *waveform_of(const bsm_config *config, const float *spectrum, size_t frames, size_t samples);

/** Spectrum of noise, the same for the same seed. */
float *noise_spectrum(const bsm_config *config, size_t frames, unsigned int seed);

/** Separate `frames` frames as a stream with commit C and look-ahead L, from a zero state. */
void run_stream(bsm_network *network, const float *spectrum, size_t frames, size_t commit,
                size_t lookahead, float *out);

/** Separate one window. */
void run_window(bsm_network *network, const float *spectrum, size_t frames, float *out);

#endif
