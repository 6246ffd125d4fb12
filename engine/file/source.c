/* SPDX-License-Identifier: ISC */
/* Reads an audio file as a network needs it. */
#include "file/parts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "signal/signal.h"

enum { BLOCK = 4096 };

struct bsm_source {
    size_t channels;
    bsm_audio_reader *reader;
    bsm_sample_queue original;
    bsm_resampled *resampled; /* NULL if the rates are equal */
    bool ended;               /* the file has ended */
    bool keeps_original;
};

/* The input at the file's rate; the original samples go beside it. */
static bsm_status read_file(void *user, float *const *audio, size_t count, size_t *got,
                            bsm_error *error)
{
    bsm_source *source = user;
    *got = 0;
    if (source->ended) {
        return BSM_OK;
    }
    bsm_status status = bsm_audio_reader_read(source->reader, audio, count, got, error);
    if (status) {
        return status;
    }
    source->ended = *got < count;
    for (size_t c = source->original.channels; c < source->channels; c++) {
        memcpy(audio[c], audio[0], *got * sizeof(float));
    }
    return source->keeps_original
               ? bsm_sample_queue_push(&source->original, (const float *const *)audio, *got, error)
               : BSM_OK;
}

bsm_status bsm_source_open(const char *path, size_t rate, size_t channels, bsm_source **source,
                           bsm_error *error)
{
    *source = NULL;
    bsm_source *made = calloc(1, sizeof *made);
    if (!made) {
        return bsm_fail(error, BSM_NO_MEMORY, "%s: out of memory", path);
    }
    bsm_status status = bsm_audio_reader_open(path, &made->reader, error);
    if (!status) {
        const bsm_audio_info *info = bsm_audio_reader_info(made->reader);
        made->channels = channels > info->channels ? channels : info->channels;
        bsm_sample_queue_init(&made->original, info->channels);
        if (info->rate != rate) {
            status = bsm_resampled_new((bsm_signal){made, read_file}, info->rate, rate,
                                       made->channels, BLOCK, &made->resampled, error);
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
        bsm_resampled_free(source->resampled);
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

bsm_signal bsm_source_signal(bsm_source *source)
{
    return source->resampled ? bsm_resampled_signal(source->resampled)
                             : (bsm_signal){source, read_file};
}

bsm_sample_queue *bsm_source_original(bsm_source *source)
{
    source->keeps_original = true;
    return &source->original;
}
