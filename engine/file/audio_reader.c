/* SPDX-License-Identifier: ISC */
/* Reading audio files through libsndfile. */
#include "file/audio_reader.h"

#include <math.h>
#include <sndfile.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "regular_file.h"

enum {
    MAX_CHANNELS = 2,
    BLOCK = 4096,
    MIN_RATE = 1000,
    MAX_RATE = 768000,
    RUN_IN = 16384, /* samples: two of the longest blocks of Vorbis; Opus asks for 3840 */
};

struct bsm_audio_reader {
    int fd;
    SNDFILE *file;
    char *path;
    bsm_audio_info info;
    uint64_t position;
    bool remembers; /* what the decoder gives right after a seek depends on where it was */
    float block[BLOCK * MAX_CHANNELS]; /* interleaved */
};

static bsm_status check_info(const char *path, const SF_INFO *info, bsm_error *error)
{
    if (info->channels < 1 || info->channels > MAX_CHANNELS) {
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: has %d channels, not 1 or 2", path,
                        info->channels);
    }
    if (info->samplerate < MIN_RATE || info->samplerate > MAX_RATE) {
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: has a sample rate of %d Hz, not %d to %d", path,
                        info->samplerate, MIN_RATE, MAX_RATE);
    }
    if (info->frames < 1) {
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: holds no samples", path);
    }
    return BSM_OK;
}

/* libsndfile ends some of its texts with a full stop or a line end. */
static bsm_status fail_sndfile(bsm_error *error, bsm_status status, const char *path,
                               const char *what, SNDFILE *file)
{
    const char *text = sf_strerror(file);
    size_t length = strlen(text);
    while (length && strchr(".\r\n ", text[length - 1])) {
        length--;
    }
    return bsm_fail(error, status, "%s: %s: %.*s", path, what, (int)length, text);
}

/* Codecs whose blocks overlap. libsndfile 1.2 gives wrong samples right after it went to a place in
 * Vorbis. */
static bool remembers(int format)
{
    switch (format & SF_FORMAT_SUBMASK) {
    case SF_FORMAT_VORBIS:
    case SF_FORMAT_OPUS:
    case SF_FORMAT_MPEG_LAYER_I:
    case SF_FORMAT_MPEG_LAYER_II:
    case SF_FORMAT_MPEG_LAYER_III: return true;
    default: return false;
    }
}

bsm_status bsm_audio_reader_open(const char *path, bsm_audio_reader **reader, bsm_error *error)
{
    *reader = NULL;
    bsm_audio_reader *made = calloc(1, sizeof *made);
    if (!made || !(made->path = strdup(path))) {
        free(made);
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    SF_INFO info = {0};
    struct stat file;
    made->fd = -1;
    bsm_status status = bsm_open_regular(path, BSM_BAD_AUDIO, &made->fd, &file, error);
    if (!status) {
        /* Not by name: libsndfile would take "-" for the standard input. */
        made->file = sf_open_fd(made->fd, SFM_READ, &info, SF_FALSE);
        status = made->file ? check_info(path, &info, error)
                            : fail_sndfile(error, BSM_BAD_AUDIO, path,
                                           "not an audio file that libsndfile reads", NULL);
    }
    if (status) {
        bsm_audio_reader_free(made);
        return status;
    }
    made->info = (bsm_audio_info){.rate = (size_t)info.samplerate,
                                  .channels = (size_t)info.channels,
                                  .frames = info.frames == SF_COUNT_MAX ? BSM_UNKNOWN_FRAMES
                                                                        : (uint64_t)info.frames};
    made->remembers = remembers(info.format);
    *reader = made;
    return BSM_OK;
}

void bsm_audio_reader_free(bsm_audio_reader *reader)
{
    if (reader) {
        sf_close(reader->file);
        if (reader->fd >= 0) {
            close(reader->fd);
        }
        free(reader->path);
        free(reader);
    }
}

const bsm_audio_info *bsm_audio_reader_info(const bsm_audio_reader *reader)
{
    return &reader->info;
}

static void deinterleave(bsm_audio_reader *reader, float *const *audio, size_t offset, size_t count)
{
    const size_t channels = reader->info.channels;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < count; i++) {
            float sample = reader->block[i * channels + c];
            if (!isfinite(sample)) {
                sample = 0.0F;
                reader->info.nonfinite++;
            }
            audio[c][offset + i] = sample;
        }
    }
}

bsm_status bsm_audio_reader_read(bsm_audio_reader *reader, float *const *audio, size_t count,
                                 size_t *got, bsm_error *error)
{
    const uint64_t left = reader->info.frames - reader->position;
    count = left < count ? (size_t)left : count;
    *got = 0;
    while (*got < count) {
        size_t block = count - *got < BLOCK ? count - *got : BLOCK;
        sf_count_t read = sf_readf_float(reader->file, reader->block, (sf_count_t)block);
        if (read <= 0) {
            break;
        }
        deinterleave(reader, audio, *got, (size_t)read);
        *got += (size_t)read;
    }
    reader->position += *got;
    /* Any other error than the system's is a damaged file: what came before it is good. */
    if (*got < count && sf_error(reader->file) == SF_ERR_SYSTEM) {
        return fail_sndfile(error, BSM_IO, reader->path, "cannot read", reader->file);
    }
    return BSM_OK;
}

/* Decode what lies before a place that was sought, until the decoder is settled. */
static bool run_in(bsm_audio_reader *reader, sf_count_t count)
{
    while (count > 0) {
        const sf_count_t read =
            sf_readf_float(reader->file, reader->block, count < BLOCK ? count : BLOCK);
        if (read <= 0) {
            return false;
        }
        count -= read;
    }
    return true;
}

bsm_status bsm_audio_reader_seek(bsm_audio_reader *reader, uint64_t frame, bsm_error *error)
{
    if (frame > reader->info.frames || frame > INT64_MAX) {
        return bsm_fail(error, BSM_INVALID_ARGUMENT, "%s: has no sample %llu", reader->path,
                        (unsigned long long)frame);
    }
    const sf_count_t place = (sf_count_t)frame;
    const sf_count_t before = !reader->remembers ? 0 : place < RUN_IN ? place : RUN_IN;
    if ((reader->remembers && sf_seek(reader->file, 0, SEEK_SET) != 0) ||
        sf_seek(reader->file, place - before, SEEK_SET) != place - before ||
        !run_in(reader, before)) {
        return fail_sndfile(error, BSM_UNSUPPORTED, reader->path, "cannot seek", reader->file);
    }
    reader->position = frame;
    return BSM_OK;
}
