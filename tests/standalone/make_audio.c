/* SPDX-License-Identifier: ISC */
/* make_audio FORMAT RATE CHANNELS FRAMES FILE: writes tones, for the tests of the programs. */
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024, MAX_CHANNELS = 64 };

static int format_of(const char *name)
{
    static const struct {
        const char *name;
        int format;
    } formats[] = {
        {"wav", SF_FORMAT_WAV | SF_FORMAT_FLOAT},
        {"wav16", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
        {"flac", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
        {"ogg", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
        {"mp3", SF_FORMAT_MPEG | SF_FORMAT_MPEG_LAYER_III},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(name, formats[i].name) == 0) {
            return formats[i].format;
        }
    }
    return 0;
}

static void fill(float *block, long start, long count, const SF_INFO *info)
{
    for (long i = 0; i < count; i++) {
        const double t = (double)(start + i) / info->samplerate;
        for (int c = 0; c < info->channels; c++) {
            block[i * info->channels + c] =
                (float)(0.3 * sin(1700 * t + c) + 0.3 * sin(5000 * t + c * 0.7));
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fputs("usage: make_audio FORMAT RATE CHANNELS FRAMES FILE\n", stderr);
        return 2;
    }
    SF_INFO info = {
        .format = format_of(argv[1]), .samplerate = atoi(argv[2]), .channels = atoi(argv[3])};
    const long frames = atol(argv[4]);
    static float block[BLOCK * MAX_CHANNELS];
    SNDFILE *file = sf_open(argv[5], SFM_WRITE, &info);
    if (!file || info.channels > MAX_CHANNELS) {
        fprintf(stderr, "%s: %s\n", argv[5], sf_strerror(file));
        return 77; /* libsndfile was built without this format */
    }
    for (long i = 0; i < frames; i += BLOCK) {
        const long count = frames - i < BLOCK ? frames - i : BLOCK;
        fill(block, i, count, &info);
        if (sf_writef_float(file, block, count) != count) {
            return 1;
        }
    }
    return sf_close(file);
}
