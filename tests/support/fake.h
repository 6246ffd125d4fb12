/* SPDX-License-Identifier: ISC */
/** Stand-ins for the network and for a signal, and audio files for tests. */
#ifndef BSM_TESTS_FILE_FAKE_H
#define BSM_TESTS_FILE_FAKE_H

#include <stddef.h>
#include <stdint.h>

#include "separate/separation.h"

enum { FAKE_MAX_CALLS = 4096 };

/** A "network": stem s is gain[s] times the mixture. If `ramp` is set, the gain of a frame grows
 *  with its index in the window or block. It remembers how it was called. */
typedef struct fake_network {
    bsm_config config;
    float gain[BSM_MAX_STEMS];
    float ramp;
    size_t fail_at; /**< the call, from 1, that fails with BSM_DEVICE_FAILED; 0: none */
    size_t calls, resets;
    size_t frames[FAKE_MAX_CALLS], commit[FAKE_MAX_CALLS]; /**< commit 0: a window */
} fake_network;

/** Return a network that passes everything on as vocals, with `channels` channels at 44.1 kHz. */
fake_network fake_identity(size_t n_fft, size_t hop, size_t channels);

bsm_separator fake_separator(fake_network *network);

/** A signal of noise in memory. */
typedef struct fake_signal {
    size_t channels, samples, position;
    float *audio[2];
} fake_signal;

fake_signal fake_noise(size_t channels, size_t samples, uint64_t seed);
void fake_signal_clear(fake_signal *signal);
bsm_signal fake_reader(fake_signal *signal);

/** Make a new folder for files; fake_folder_remove removes it with everything in it. */
char *fake_folder(void);
void fake_folder_remove(char *folder);

/** Return the number of files in a folder whose names end in `end`. */
size_t fake_count_files(const char *folder, const char *end);

/** Write interleaved samples as a file of this libsndfile format. */
void fake_write(const char *path, int format, int rate, int channels, const float *samples,
                size_t frames);

/** A whole audio file, interleaved. */
typedef struct fake_audio {
    int rate, channels, format;
    size_t frames;
    float *samples;
} fake_audio;

/** Read a file; fails the test if it does not exist. The caller frees `samples`. */
fake_audio fake_read(const char *path);

#endif
