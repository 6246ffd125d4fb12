/* SPDX-License-Identifier: ISC */
/* usdr REFERENCE ESTIMATE: prints the signal to distortion ratio of all samples together, in dB. */
#include <math.h>
#include <sndfile.h>
#include <stdio.h>

enum { BLOCK = 1024, MAX_CHANNELS = 2 };

static SNDFILE *open_file(const char *path, SF_INFO *info)
{
    SNDFILE *file = sf_open(path, SFM_READ, info);
    if (!file || info->channels > MAX_CHANNELS) {
        fprintf(stderr, "usdr: %s: %s\n", path, file ? "too many channels" : sf_strerror(NULL));
        return NULL;
    }
    return file;
}

int main(int argc, char **argv)
{
    SF_INFO infos[2] = {{0}, {0}};
    static float reference[BLOCK * MAX_CHANNELS], estimate[BLOCK * MAX_CHANNELS];
    double target = 0, distortion = 0;
    if (argc != 3) {
        fputs("usage: usdr REFERENCE ESTIMATE\n", stderr);
        return 2;
    }
    SNDFILE *first = open_file(argv[1], &infos[0]), *second = open_file(argv[2], &infos[1]);
    if (!first || !second || infos[0].channels != infos[1].channels ||
        infos[0].frames != infos[1].frames || infos[0].samplerate != infos[1].samplerate) {
        fputs("usdr: the files cannot be compared\n", stderr);
        return 1;
    }
    sf_count_t count;
    while ((count = sf_readf_float(first, reference, BLOCK)) > 0) {
        if (sf_readf_float(second, estimate, BLOCK) != count) {
            return 1;
        }
        for (sf_count_t i = 0; i < count * infos[0].channels; i++) {
            const double t = (double)reference[i], d = t - (double)estimate[i];
            target += t * t;
            distortion += d * d;
        }
    }
    sf_close(first);
    sf_close(second);
    printf("%.3f\n", 10 * log10(target / distortion));
    return 0;
}
