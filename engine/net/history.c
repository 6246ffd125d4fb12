/* SPDX-License-Identifier: ISC */
/* What a stream keeps of its past. */
#include "net/history.h"

#include <stdlib.h>
#include <string.h>

#include "signal/signal.h"

/* ---- Rolling memory, counted in frames ---- */

void bsm_roll_reset(bsm_roll *roll)
{
    *roll = (bsm_roll){.rule = roll->rule};
}

void bsm_roll_begin(bsm_roll *roll, const bsm_block *block)
{
    const bsm_rolling *rule = &roll->rule;
    if (rule->segment == 0) {
        return;
    }
    if (roll->age[roll->heard] + block->frames > rule->segment) {
        roll->age[roll->heard] = 0;
        roll->heard = 1 - roll->heard;
    }
    const size_t seen = roll->age[roll->heard] + block->frames;
    const size_t left = seen < rule->segment ? (rule->segment - seen) / block->commit : 0;
    const size_t needed = (rule->warmup + block->commit - 1) / block->commit;
    roll->warms = left < needed || roll->age[1 - roll->heard] > 0;
}

void bsm_roll_end(bsm_roll *roll, const bsm_block *block)
{
    roll->age[roll->heard] += block->commit;
    if (roll->warms) {
        roll->age[1 - roll->heard] += block->commit;
    }
}

/* The last blocks of a stream. Their samples lie in a row, and move to the front of the memory
 * when it is full. A block's look-ahead is in the samples of the blocks that follow it. */

typedef struct block_note {
    size_t start; /* the frame in `samples` at which it starts */
    size_t frames, commit;
} block_note;

struct bsm_history {
    size_t kept, capacity;
    size_t n_fft, hop, channels;
    float **samples; /* [channel]: room for `capacity` frames and the last block's look-ahead */
    size_t count;    /* frames that were committed */
    block_note *blocks;
    size_t num_blocks;
    float *at[BSM_MAX_CHANNELS]; /* the samples of the block that was asked for last */
};

bsm_status bsm_history_new(const bsm_config *config, size_t kept, size_t longest,
                           bsm_history **history, bsm_error *error)
{
    bsm_history *h = calloc(1, sizeof *h);
    if (h) {
        h->n_fft = config->n_fft;
        h->hop = config->hop;
        h->channels = config->channels;
        h->kept = kept;
        h->capacity = 2 * kept + 2 * longest; /* so that samples move only once per `kept` frames */
        h->samples = bsm_planes_new(h->channels, (h->capacity + longest) * h->hop + h->n_fft);
        /* a block commits at least one frame */
        h->blocks = malloc(h->capacity * sizeof *h->blocks);
    }
    if (!h || !h->samples || !h->blocks) {
        bsm_history_free(h);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for %zu frames of a stream", kept);
    }
    *history = h;
    return BSM_OK;
}

void bsm_history_free(bsm_history *history)
{
    if (history) {
        free(history->samples);
        free(history->blocks);
        free(history);
    }
}

void bsm_history_clear(bsm_history *history)
{
    history->count = 0;
    history->num_blocks = 0;
}

/* Forget the oldest blocks as long as `kept` frames remain. */
static void make_room(bsm_history *h)
{
    size_t first = 0;
    while (first < h->num_blocks &&
           h->count - (h->blocks[first].start + h->blocks[first].commit) >= h->kept) {
        first++;
    }
    size_t gone = first < h->num_blocks ? h->blocks[first].start : h->count;
    for (size_t c = 0; c < h->channels; c++) {
        memmove(h->samples[c], h->samples[c] + gone * h->hop,
                (h->count - gone) * h->hop * sizeof **h->samples);
    }
    memmove(h->blocks, h->blocks + first, (h->num_blocks - first) * sizeof *h->blocks);
    h->count -= gone;
    h->num_blocks -= first;
    for (size_t i = 0; i < h->num_blocks; i++) {
        h->blocks[i].start -= gone;
    }
}

void bsm_history_add(bsm_history *h, const bsm_block *block)
{
    if (h->count + block->commit > h->capacity) {
        make_room(h);
    }
    h->blocks[h->num_blocks++] =
        (block_note){.start = h->count, .frames = block->frames, .commit = block->commit};
    const size_t samples = (block->frames - 1) * h->hop + h->n_fft;
    for (size_t c = 0; c < h->channels; c++) {
        memcpy(h->samples[c] + h->count * h->hop, block->audio[c], samples * sizeof **h->samples);
    }
    h->count += block->commit;
}

size_t bsm_history_count(const bsm_history *h)
{
    return h->num_blocks;
}

size_t bsm_history_since(const bsm_history *h, size_t index)
{
    return h->count - h->blocks[index].start;
}

bsm_block bsm_history_at(bsm_history *h, size_t index)
{
    const block_note *note = &h->blocks[index];
    bsm_planes_at(h->samples, h->channels, note->start * h->hop, h->at);
    return (bsm_block){.frames = note->frames,
                       .wanted = note->commit,
                       .commit = note->commit,
                       .audio = (const float *const *)h->at};
}
