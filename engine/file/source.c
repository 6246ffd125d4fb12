/* SPDX-License-Identifier: ISC */
/* An audio file as a network wants it, and its delayed original. */
#include "file/source.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bsm/config.h"
#include "signal/planes.h"
#include "signal/resample.h"
#include "signal/sample_queue.h"

enum { BLOCK = 4096, MAX_CHANNELS = BSM_MAX_CHANNELS };

struct bsm_source {
    size_t channels;
    bsm_audio_reader *reader;
    pthread_mutex_t lock; /* of `original`: another thread may take what this one reads */
    bsm_sample_queue original;
    bsm_resampler *resampler; /* NULL where the rates are equal */
    float **block;            /* [channels][BLOCK]: read from the file ... */
    size_t at, have;          /* ... and as yet not in the resampler: `have` samples from `at` */
    bool ended;               /* the file has no more */
    bool drops_original;
};

bsm_status bsm_source_open(const char *path, size_t rate, size_t channels, bsm_source **source,
                           bsm_error *error)
{
    *source = NULL;
    bsm_source *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    pthread_mutex_init(&made->lock, NULL);
    bsm_status status = bsm_audio_reader_open(path, &made->reader, error);
    if (!status) {
        const bsm_audio_info *info = bsm_audio_reader_info(made->reader);
        made->channels = channels > info->channels ? channels : info->channels;
        bsm_sample_queue_init(&made->original, info->channels);
        made->block = bsm_planes_new(made->channels, BLOCK);
        if (!made->block) {
            status = bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
        } else if (info->rate != rate) {
            status = bsm_resampler_new(info->rate, rate, made->channels, &made->resampler, error);
        }
    }
    if (status) {
        bsm_source_free(made);
        return status;
    }
    *source = made;
    return BSM_OK;
}

void bsm_source_free(bsm_source *source)
{
    if (source) {
        bsm_audio_reader_free(source->reader);
        bsm_sample_queue_clear(&source->original);
        bsm_resampler_free(source->resampler);
        pthread_mutex_destroy(&source->lock);
        free(source->block);
        free(source);
    }
}

const bsm_audio_info *bsm_source_info(const bsm_source *source)
{
    return bsm_audio_reader_info(source->reader);
}

void bsm_source_tags(bsm_source *source, bsm_audio_tags *tags)
{
    bsm_audio_reader_tags(source->reader, tags);
}

size_t bsm_source_channels(const bsm_source *source)
{
    return source->channels;
}

static bsm_status keep_original(bsm_source *source, float *const *audio, size_t count,
                                bsm_error *error)
{
    pthread_mutex_lock(&source->lock);
    const bsm_status status =
        bsm_sample_queue_push(&source->original, (const float *const *)audio, count, error);
    pthread_mutex_unlock(&source->lock);
    return status;
}

/* Read from the file into `audio`, and keep the original. */
static bsm_status read_file(bsm_source *source, float *const *audio, size_t count, size_t *got,
                            bsm_error *error)
{
    *got = 0;
    if (source->ended) {
        return BSM_OK;
    }
    bsm_status status = bsm_audio_reader_read(source->reader, audio, count, got, error);
    if (status) {
        return status;
    }
    source->ended = *got < count;
    for (size_t c = bsm_source_info(source)->channels; c < source->channels; c++) {
        memcpy(audio[c], audio[0], *got * sizeof(float));
    }
    return source->drops_original ? BSM_OK : keep_original(source, audio, *got, error);
}

static bsm_status read_resampled(bsm_source *source, float *const *audio, size_t count, size_t *got,
                                 bsm_error *error)
{
    bsm_status status = BSM_OK;
    bool drained = false;
    while (*got < count && !drained && !status) {
        if (source->have == 0) {
            source->at = 0;
            status = read_file(source, source->block, BLOCK, &source->have, error);
        }
        float *in[MAX_CHANNELS], *out[MAX_CHANNELS];
        size_t used = 0, made = 0;
        const bool end = source->have == 0;
        bsm_planes_at(source->block, source->channels, source->at, in);
        bsm_planes_at(audio, source->channels, *got, out);
        if (!status) {
            status = bsm_resampler_process(source->resampler, end ? NULL : (const float *const *)in,
                                           source->have, &used, out, count - *got, &made, error);
        }
        source->at += used;
        source->have -= used;
        *got += made;
        drained = end && made == 0;
    }
    return status;
}

static bsm_status read_signal(void *user, float *const *audio, size_t count, size_t *got,
                              bsm_error *error)
{
    bsm_source *source = user;
    *got = 0;
    return source->resampler ? read_resampled(source, audio, count, got, error)
                             : read_file(source, audio, count, got, error);
}

bsm_signal bsm_source_signal(bsm_source *source)
{
    return (bsm_signal){source, read_signal};
}

void bsm_source_drop_original(bsm_source *source)
{
    source->drops_original = true;
    bsm_sample_queue_clear(&source->original);
}

size_t bsm_source_take_original(bsm_source *source, float *const *audio, size_t count)
{
    pthread_mutex_lock(&source->lock);
    const size_t taken = bsm_sample_queue_pop(&source->original, audio, count);
    pthread_mutex_unlock(&source->lock);
    return taken;
}
