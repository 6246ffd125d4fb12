/* SPDX-License-Identifier: ISC */
/** A loader over small generated files, for its tests. Any failure fails the test. */
#ifndef BSM_TESTS_LOADER_CASE_H
#define BSM_TESTS_LOADER_CASE_H

#include "data/loader.h"

enum {
    CASE_RATE = 8000,
    CASE_SAMPLES = 2000, /* of an example */
    CASE_MAX_ROOTS = 4,
    CASE_MAX_LINES = 64,
};

/** The defaults: sources vocals and other, both of them stems, random mixes, nothing silent, no
 *  augmentation, loudness 1, windows of 1 s in ten chunks, one worker. */
typedef struct loader_case {
    char *folder;
    bsm_data_root roots[CASE_MAX_ROOTS];
    double silent[2];
    bsm_augmentation augmentations[2];
    bsm_config model;
    bsm_data_options data;
    bsm_loader_options options;
    char lines[CASE_MAX_LINES][600]; /**< of the log, CASE_MAX_LINES at most */
    size_t num_lines;
    bsm_data_loader *loader;
} loader_case;

/** A case with a new folder for its files, and no root. */
loader_case *case_new(void);
void case_free(loader_case *c);

/** A case with tracks, pools, files of two rates, and every augmentation with a chance. */
loader_case *case_rich(void);

/** Add the root NAME in the case's folder. */
void case_root(loader_case *c, const char *name, double weight);

/** A file of `seconds` of noise from -level to level at CASE_RATE, the same for the same seed. */
void case_noise(const loader_case *c, const char *name, size_t channels, double seconds,
                float level, uint64_t seed);

/** A file of one value, by which it can be told. */
void case_constant(const loader_case *c, const char *name, double seconds, float value);

/** A sine. */
void case_sine(const loader_case *c, const char *name, int rate, size_t channels, double seconds,
               double frequency);

/** A FLAC file of noise of which only the first `part` (0 to 1) is there. */
void case_cut_flac(const loader_case *c, const char *name, double seconds, double part);

/** Make the loader, in place of the last one. */
void case_start(loader_case *c);

/** The next example. */
const bsm_example *case_next(loader_case *c);

/** How many lines of the log hold a text. */
size_t case_lines(const loader_case *c, const char *text);

/** Mean square of a plane of CASE_SAMPLES. */
double case_energy(const float *plane);

/** Frequency of a sine, from its upward zero crossings. */
double case_frequency(const float *plane, size_t samples, double rate);

/** `hits` of `count` are as many as a probability gives: within five standard deviations. */
void case_assert_chance(size_t hits, size_t count, double p);

/** Equal but for rounding. */
bool case_near(float value, float expected);

#endif
