/* SPDX-License-Identifier: ISC */
/* Stand-ins for the network and for a signal, and audio files for tests. */
#include "fake.h"

#include <dirent.h>
#include <setjmp.h>
#include <sndfile.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/place.h"
#include "noise.h"

fake_network fake_identity(size_t n_fft, size_t hop, size_t channels)
{
    fake_network network = {.config = {.n_fft = n_fft,
                                       .hop = hop,
                                       .sample_rate = 44100,
                                       .channels = channels,
                                       .num_stems = 1,
                                       .stems = {"vocals"},
                                       .segment = 0.5}};
    network.gain[0] = 1;
    return network;
}

static bsm_status fake_run(void *user, const bsm_block *block, bsm_error *error)
{
    fake_network *network = user;
    assert_true(network->calls < FAKE_MAX_CALLS);
    network->frames[network->calls] = block->frames;
    network->commit[network->calls++] = block->commit;
    if (network->calls == network->fail_at) {
        return bsm_fail(error, BSM_DEVICE_FAILED, "the fake network fails");
    }
    bsm_host_stft *stft;
    bsm_status status = bsm_host_stft_new(&network->config, block->frames, &stft, error);
    if (status) { /* test_separate_memory.c lets this fail */
        return status;
    }
    bsm_host_stft_analyse(stft, block);
    const size_t features = bsm_config_features(&network->config);
    for (size_t s = 0; s < network->config.num_stems; s++) {
        for (size_t f = 0; block->stems[s] && f < block->wanted; f++) {
            float gain = network->gain[s] + network->ramp * (float)f;
            for (size_t i = f * features; i < (f + 1) * features; i++) {
                bsm_host_stft_stem(stft)[i] = gain * bsm_host_stft_mixture(stft)[i];
            }
        }
        if (block->stems[s]) {
            bsm_host_stft_synthesise(stft, s, block);
        }
    }
    bsm_host_stft_free(stft);
    return BSM_OK;
}

static void fake_reset(void *user)
{
    ((fake_network *)user)->resets++;
}

bsm_separator fake_separator(fake_network *network)
{
    return (bsm_separator){.user = network, .run = fake_run, .reset = fake_reset};
}

fake_signal fake_noise(size_t channels, size_t samples, uint64_t seed)
{
    fake_signal signal = {.channels = channels, .samples = samples};
    for (size_t c = 0; c < channels; c++) {
        signal.audio[c] = calloc(samples + 1, sizeof(float));
        noise_fill(&seed, signal.audio[c], samples);
    }
    return signal;
}

void fake_signal_clear(fake_signal *signal)
{
    free(signal->audio[0]);
    free(signal->audio[1]);
}

static bsm_status read_noise(void *user, float *const *audio, size_t count, size_t *got,
                             bsm_error *error)
{
    (void)error;
    fake_signal *signal = user;
    const size_t left = signal->samples - signal->position;
    *got = left < count ? left : count;
    for (size_t c = 0; c < signal->channels; c++) {
        memcpy(audio[c], signal->audio[c] + signal->position, *got * sizeof(float));
    }
    signal->position += *got;
    return BSM_OK;
}

bsm_signal fake_reader(fake_signal *signal)
{
    return (bsm_signal){signal, read_noise};
}

char *fake_folder(void)
{
    char *folder = strdup("/tmp/bsm-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

void fake_folder_remove(char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] != '.') {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}

size_t fake_count_files(const char *folder, const char *end)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        count += entry->d_name[0] != '.' && length >= strlen(end) &&
                 strcmp(entry->d_name + length - strlen(end), end) == 0;
    }
    closedir(dir);
    return count;
}

void fake_write(const char *path, int format, int rate, int channels, const float *samples,
                size_t frames)
{
    SF_INFO info = {.samplerate = rate, .channels = channels, .format = format};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    assert_non_null(file);
    assert_int_equal(sf_writef_float(file, samples, (sf_count_t)frames), frames);
    assert_int_equal(sf_close(file), 0);
}

fake_audio fake_read(const char *path)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    if (!file) {
        fail_msg("%s: %s", path, sf_strerror(NULL));
    }
    fake_audio audio = {.rate = info.samplerate,
                        .channels = info.channels,
                        .format = info.format,
                        .frames = (size_t)info.frames};
    audio.samples = calloc(audio.frames * (size_t)audio.channels + 1, sizeof(float));
    assert_int_equal(sf_readf_float(file, audio.samples, info.frames), info.frames);
    sf_close(file);
    return audio;
}
