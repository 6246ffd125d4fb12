/* SPDX-License-Identifier: ISC */
/** A loader of small generated files, for its tests. Any error fails the test. */
#ifndef BSM_TESTS_LOADER_CASE_H
#define BSM_TESTS_LOADER_CASE_H

#include "data/loader.h"

enum {
    CASE_RATE = 8000,
    CASE_SAMPLES = 2000, /* samples of an example */
    CASE_MAX_ROOTS = 4,
    CASE_MAX_LINES = 64,
};

/** By default: sources vocals and other, both of them stems, random mixes, no silent sources, no
 *  augmentation, loudness 1, windows of 1 s in ten chunks, one worker. */
typedef struct loader_case {
    char *folder;
    bsm_data_root roots[CASE_MAX_ROOTS];
    double silent[2];
    bsm_augmentation augmentations[2];
    bsm_config model;
    bsm_data_options data;
    bsm_loader_options options;
    char lines[CASE_MAX_LINES][600]; /**< of the log, at most CASE_MAX_LINES */
    size_t num_lines;
    bsm_data_loader *loader;
} loader_case;

/** Make a case with a new folder for its files and without roots. */
loader_case *case_new(void);
void case_free(loader_case *c);

/** Make a case with tracks, pools, files of two rates, and a probability above 0 for every
 *  augmentation. */
loader_case *case_rich(void);

/** Add the root NAME in the case's folder. */
void case_root(loader_case *c, const char *name, double weight);

/** Write a file of `seconds` of noise from -level to level at CASE_RATE, which is the same for the
 *  same seed. */
void case_noise(const loader_case *c, const char *name, size_t channels, double seconds,
                float level, uint64_t seed);

/** Write a file in which all samples have one value, which identifies the file. */
void case_constant(const loader_case *c, const char *name, double seconds, float value);

/** Write a file of a sine. */
void case_sine(const loader_case *c, const char *name, int rate, size_t channels, double seconds,
               double frequency);

/** Write a FLAC file of noise, and cut it after the first `part` (0 to 1). */
void case_cut_flac(const loader_case *c, const char *name, double seconds, double part);

/** Start the loader; replaces the last one. */
void case_start(loader_case *c);

/** Return the next example. */
const bsm_example *case_next(loader_case *c);

/** Return how many lines of the log contain a text. */
size_t case_lines(const loader_case *c, const char *text);

/** Return the mean square of a plane of CASE_SAMPLES. */
double case_energy(const float *plane);

/** Return the frequency of a sine, from its upward zero crossings. */
double case_frequency(const float *plane, size_t samples, double rate);

/** Check that `hits` of `count` fit the probability p: within five standard deviations. */
void case_assert_chance(size_t hits, size_t count, double p);

/** Return whether both are equal except for rounding. */
bool case_near(float value, float expected);

#endif
