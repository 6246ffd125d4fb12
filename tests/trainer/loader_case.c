/* SPDX-License-Identifier: ISC */
/* A loader of small generated files, for its tests. */
#include "loader_case.h"

#include <math.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "data_folder.h"
#include "noise.h"

static const char *const sources[] = {"vocals", "other"};

loader_case *case_new(void)
{
    loader_case *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->folder = data_folder_new();
    c->model = (bsm_config){
        .sample_rate = CASE_RATE, .channels = 2, .num_stems = 2, .stems = {"vocals", "other"}};
    c->data = (bsm_data_options){.roots = c->roots,
                                 .sources = sources,
                                 .num_sources = 2,
                                 .random_mix = 1,
                                 .silent_prob = c->silent,
                                 .loudness = {1, 1},
                                 .level = {0, -1},
                                 .augmentations = c->augmentations,
                                 .sad = {true, 1, 10, 0.15, 1e-3, 0.5}};
    c->options = (bsm_loader_options){
        .seed = 7, .processes = 1, .workers = 1, .samples = CASE_SAMPLES, .model = &c->model};
    return c;
}

void case_free(loader_case *c)
{
    bsm_loader_free(c->loader);
    for (size_t r = 0; r < c->data.num_roots; r++) {
        free((char *)c->roots[r].path);
    }
    data_folder_remove(c->folder);
    free(c);
}

void case_root(loader_case *c, const char *name, double weight)
{
    char *path = strdup(data_folder_path(c->folder, name));
    assert_true(path && c->data.num_roots < CASE_MAX_ROOTS);
    c->roots[c->data.num_roots++] = (bsm_data_root){path, BSM_LAYOUT_AUTO, weight};
}

/* ---- Files ---- */

static float *new_samples(size_t count)
{
    float *samples = calloc(count + 1, sizeof *samples);
    assert_non_null(samples);
    return samples;
}

void case_noise(const loader_case *c, const char *name, size_t channels, double seconds,
                float level, uint64_t seed)
{
    const size_t frames = (size_t)(seconds * CASE_RATE);
    float *samples = new_samples(frames * channels);
    noise_fill(&seed, samples, frames * channels);
    for (size_t i = 0; i < frames * channels; i++) {
        samples[i] *= level;
    }
    data_folder_audio(c->folder, name, CASE_RATE, (int)channels, samples, frames);
    free(samples);
}

void case_constant(const loader_case *c, const char *name, double seconds, float value)
{
    const size_t frames = (size_t)(seconds * CASE_RATE);
    float *samples = new_samples(frames);
    for (size_t i = 0; i < frames; i++) {
        samples[i] = value;
    }
    data_folder_audio(c->folder, name, CASE_RATE, 1, samples, frames);
    free(samples);
}

void case_sine(const loader_case *c, const char *name, int rate, size_t channels, double seconds,
               double frequency)
{
    const size_t frames = (size_t)(seconds * rate);
    float *samples = new_samples(frames * channels);
    for (size_t i = 0; i < frames * channels; i++) {
        samples[i] = (float)(0.3 * sin(2 * M_PI * frequency * (double)(i / channels) / rate));
    }
    data_folder_audio(c->folder, name, rate, (int)channels, samples, frames);
    free(samples);
}

void case_cut_flac(const loader_case *c, const char *name, double seconds, double part)
{
    const size_t frames = (size_t)(seconds * CASE_RATE);
    float *samples = new_samples(frames);
    uint64_t seed = 1;
    noise_fill(&seed, samples, frames);
    const char *path = data_folder_make(c->folder, name);
    SF_INFO info = {
        .samplerate = CASE_RATE, .channels = 1, .format = SF_FORMAT_FLAC | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    assert_int_equal(sf_writef_float(file, samples, (sf_count_t)frames), frames);
    assert_int_equal(sf_close(file), 0);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, (off_t)((double)status.st_size * part)), 0);
    free(samples);
}

loader_case *case_rich(void)
{
    loader_case *c = case_new();
    char name[64];
    for (unsigned t = 0; t < 3; t++) {
        snprintf(name, sizeof name, "songs/track %u/vocals.wav", t);
        case_noise(c, name, 1 + t % 2, 2 + t, 0.2F, t);
        snprintf(name, sizeof name, "songs/track %u/other.wav", t);
        case_noise(c, name, 2, 2 + t, 0.4F, 10 + t);
        snprintf(name, sizeof name, "pool/vocals/voice %u.wav", t);
        case_noise(c, name, 1, 1.5, 0.9F, 20 + t);
    }
    case_sine(c, "pool/other/fast.wav", 11025, 2, 3, 300);
    case_root(c, "songs", 2);
    case_root(c, "pool", 1);
    c->silent[0] = c->silent[1] = 0.1;
    c->data.random_mix = 0.5;
    c->data.loudness = (bsm_range){0.5, 1.5};
    c->data.level = (bsm_range){-15, 5};
    for (size_t s = 0; s < 2; s++) {
        c->augmentations[s] = (bsm_augmentation){.channel_swap = 0.5,
                                                 .polarity = 0.5,
                                                 .eq = 0.5,
                                                 .pitch = 0.5,
                                                 .semitones = {-3, 3},
                                                 .layers = 0.5,
                                                 .compression = 0.5,
                                                 .reverb = 0.5,
                                                 .doubling = 0.5,
                                                 .width = 0.5,
                                                 .pan = 0.5};
    }
    return c;
}

/* ---- The loader ---- */

static void keep_line(void *user, const char *line)
{
    loader_case *c = user;
    if (c->num_lines < CASE_MAX_LINES) {
        snprintf(c->lines[c->num_lines++], sizeof c->lines[0], "%s", line);
    }
}

void case_start(loader_case *c)
{
    bsm_error error = {0};
    bsm_loader_free(c->loader);
    c->num_lines = 0;
    if (bsm_loader_new(&c->data, &c->options, keep_line, c, &c->loader, &error)) {
        fail_msg("%s", error.message);
    }
}

const bsm_example *case_next(loader_case *c)
{
    const bsm_example *example = NULL;
    bsm_error error = {0};
    if (bsm_loader_next(c->loader, &example, &error)) {
        fail_msg("%s", error.message);
    }
    return example;
}

size_t case_lines(const loader_case *c, const char *text)
{
    size_t count = 0;
    for (size_t i = 0; i < c->num_lines; i++) {
        count += strstr(c->lines[i], text) != NULL;
    }
    return count;
}

double case_energy(const float *plane)
{
    double sum = 0;
    for (size_t i = 0; i < CASE_SAMPLES; i++) {
        sum += (double)plane[i] * (double)plane[i];
    }
    return sum / CASE_SAMPLES;
}

double case_frequency(const float *plane, size_t samples, double rate)
{
    double first = -1, last = -1;
    size_t count = 0;
    for (size_t i = 1; i < samples; i++) {
        if (plane[i - 1] < 0 && plane[i] >= 0) {
            const double between = (double)(plane[i - 1] / (plane[i - 1] - plane[i]));
            last = (double)(i - 1) + between;
            first = count++ ? first : last;
        }
    }
    assert_true(count > 2);
    return (double)(count - 1) * rate / (last - first);
}

void case_assert_chance(size_t hits, size_t count, double p)
{
    const double expected = (double)count * p, spread = sqrt((double)count * p * (1 - p));
    if (fabs((double)hits - expected) > 5 * spread) {
        fail_msg("%zu of %zu, expected %.1f +- %.1f", hits, count, expected, spread);
    }
}

bool case_near(float value, float expected)
{
    return fabsf(value - expected) < 1e-5F;
}
