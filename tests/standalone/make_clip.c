/* SPDX-License-Identifier: ISC */
/* make_clip FOLDER: writes five seconds of a made-up song, vocals.wav and mixture.wav. A
 * source-filter voice sings vowels on a melody, in the middle; chords on both sides, a bass and
 * drums accompany it. The samples are the same on every machine, except for the rounding of sin and
 * exp. */
#include <math.h>
#include <sndfile.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { RATE = 44100, SECONDS = 5, FRAMES = RATE * SECONDS, LEFT = 0, RIGHT = 1, CHANNELS = 2 };
enum { NOTES = 10, NOTE = FRAMES / NOTES, FORMANTS = 4, MOST_HARMONICS = 40 };

static float vocals[FRAMES * CHANNELS], mixture[FRAMES * CHANNELS];

/* Return a random number from -1 to 1. */
static double noise(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (double)(*state >> 8) / 8388608.0 - 1;
}

static double semitones(double from, double count)
{
    return from * pow(2, count / 12);
}

/* ---- The voice ---- */

/* Resonances of the vocal tract for a, e, i, o and u, in Hz (Peterson and Barney, 1952). */
static const double formants[][FORMANTS] = {
    {730, 1090, 2440, 3400}, {530, 1840, 2480, 3500}, {270, 2290, 3010, 3600},
    {570, 840, 2410, 3300},  {300, 870, 2240, 3200},
};
static const double widths[FORMANTS] = {90, 110, 170, 250};
static const int melody[NOTES] = {0, 3, 5, 7, 5, 3, 7, 10, 8, 3}; /* semitones above A3 */

/* Return the gain of the vocal tract at a frequency. */
static double resonance(const double *tract, double frequency)
{
    double sum = 0;
    for (int f = 0; f < FORMANTS; f++) {
        const double distance = (frequency - tract[f]) / widths[f];
        sum += 1 / (1 + distance * distance) / (1 + f);
    }
    return sum;
}

/* Glide from one note or vowel to the next within a tenth of a second. */
static double glide(size_t frame, double before, double now)
{
    const double part = (double)(frame % NOTE) / (RATE / 10.0);
    return part < 1 ? before + (now - before) * part : now;
}

static double pitch(size_t frame)
{
    const size_t note = frame / NOTE, before = note ? note - 1 : 0;
    const double vibrato = 0.3 * sin(2 * M_PI * 5.5 * (double)frame / RATE);
    return semitones(220, glide(frame, melody[before], melody[note]) + vibrato);
}

static void find_tract(size_t frame, double *tract)
{
    enum { VOWELS = sizeof formants / sizeof *formants };
    const size_t note = frame / NOTE, before = note ? note - 1 : 0;
    for (int f = 0; f < FORMANTS; f++) {
        tract[f] = glide(frame, formants[before % VOWELS][f], formants[note % VOWELS][f]);
    }
}

/* Notes swell and fade; there is a breath before the sixth. */
static double loudness(size_t frame)
{
    const double place = (double)(frame % NOTE) / NOTE;
    return frame / NOTE == 5 && place < 0.6 ? 0 : 0.22 * sin(M_PI * (0.1 + 0.85 * place));
}

static void sing(void)
{
    double phase = 0, weights[MOST_HARMONICS] = {0}, tract[FORMANTS];
    uint32_t breath = 1;
    for (size_t i = 0; i < FRAMES; i++) {
        const double f0 = pitch(i);
        if (i % 64 == 0) { /* the mouth moves slowly */
            find_tract(i, tract);
            for (int h = 0; h < MOST_HARMONICS; h++) {
                weights[h] = resonance(tract, (h + 1) * f0) / (h + 1);
            }
        }
        double sample = 0.02 * noise(&breath);
        for (int h = 0; h < MOST_HARMONICS; h++) {
            sample += weights[h] * sin((h + 1) * phase);
        }
        phase = fmod(phase + 2 * M_PI * f0 / RATE, 2 * M_PI);
        for (size_t c = 0; c < CHANNELS; c++) {
            vocals[i * CHANNELS + c] = (float)(loudness(i) * sample);
        }
    }
}

/* ---- The music ---- */

static double saw(double frequency, size_t frame)
{
    const double turns = frequency * (double)frame / RATE;
    return 2 * (turns - floor(turns)) - 1;
}

/* Minor chords of two beats each, slightly out of tune between left and right. */
static double chord(size_t frame, size_t channel)
{
    static const int roots[] = {-12, -16, -9, -14, -12};
    static const int tones[] = {0, 3, 7};
    const double root = roots[frame / RATE];
    double sum = 0;
    for (size_t t = 0; t < sizeof tones / sizeof *tones; t++) {
        const double cents = channel == LEFT ? 0.06 : -0.06;
        sum += saw(semitones(220, root + tones[t] + cents), frame + channel * 311);
    }
    return 0.035 * sum + 0.08 * sin(2 * M_PI * semitones(55, root + 12) * (double)frame / RATE);
}

/* There is a hit on each quarter of a second, alternating between low and noisy ones. */
static double drum(size_t frame, uint32_t *state)
{
    const size_t beat = frame / (RATE / 4);
    const double time = (double)(frame % (RATE / 4)) / RATE;
    const double hiss = noise(state);
    return beat % 2 ? 0.12 * hiss * exp(-40 * time)
                    : 0.4 * sin(2 * M_PI * 55 * time) * exp(-20 * time);
}

static void accompany(void)
{
    uint32_t states[CHANNELS] = {7, 8};
    for (size_t i = 0; i < FRAMES; i++) {
        for (size_t c = 0; c < CHANNELS; c++) {
            mixture[i * CHANNELS + c] =
                vocals[i * CHANNELS + c] + (float)(chord(i, c) + drum(i, &states[c]));
        }
    }
}

/* ---- Files ---- */

static int write_file(const char *folder, const char *name, const float *samples)
{
    char path[4096];
    SF_INFO info = {
        .samplerate = RATE, .channels = CHANNELS, .format = SF_FORMAT_WAV | SF_FORMAT_FLOAT};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    const int good = file && sf_writef_float(file, samples, FRAMES) == FRAMES;
    if (!good || sf_close(file)) {
        fprintf(stderr, "make_clip: %s: cannot write\n", path);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("usage: make_clip FOLDER\n", stderr);
        return 2;
    }
    sing();
    accompany();
    return write_file(argv[1], "vocals.wav", vocals) || write_file(argv[1], "mixture.wav", mixture);
}
