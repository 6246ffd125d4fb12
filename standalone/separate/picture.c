/* SPDX-License-Identifier: ISC */
/* bsm-separate --picture: collects the separated blocks and writes the picture's file. */
#include "picture.h"

#include "bsm/separate.h"

bsm_status picture_begin(picture *p, const char *input, const bsm_separate_options *options,
                         bsm_error *error)
{
    *p = (picture){.input = input, .force = options->force};
    bsm_status status = bsm_separate_name(input, options, "picture", "png", p->path, error);
    return status ? status : bsm_new_file_begin(p->path, p->force, &p->file, error);
}

void picture_listen(void *listener, const bsm_separated_block *block)
{
    picture *p = listener;
    if (!p->spectrogram && !p->error.status &&
        spectrogram_new(block->rate, block->channels, &p->spectrogram, &p->error)) {
        return;
    }
    if (p->spectrogram) {
        spectrogram_add(p->spectrogram, block);
    }
}

static bsm_status write_some(void *file, const void *data, size_t size, bsm_error *error)
{
    return bsm_new_file_write(file, data, size, error);
}

static bsm_status draw(picture *p, bsm_error *error)
{
    if (p->error.status) {
        return bsm_fail(error, p->error.status, "%s: %s", p->path, p->error.message);
    }
    if (!p->spectrogram) { /* a file that was cut off before its first sample */
        return bsm_fail(error, BSM_BAD_AUDIO, "%s: there is nothing to draw", p->path);
    }
    spectrogram_finish(p->spectrogram);
    return draw_png(p->spectrogram, p->input, write_some, &p->file, error);
}

bsm_status picture_finish(picture *p, bsm_error *error)
{
    bsm_status status = draw(p, error);
    if (status) {
        picture_abandon(p);
        return status;
    }
    spectrogram_free(p->spectrogram);
    p->spectrogram = NULL;
    return bsm_new_file_commit(&p->file, p->force, error);
}

void picture_abandon(picture *p)
{
    spectrogram_free(p->spectrogram);
    p->spectrogram = NULL;
    bsm_new_file_abandon(&p->file);
}
