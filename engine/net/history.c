/* SPDX-License-Identifier: ISC */
/* The last blocks of a stream: its frames in a row, which moves to the front of its memory when
 * that is full. A block looks ahead into the frames of those that follow it. */
#include "net/history.h"

#include <stdlib.h>
#include <string.h>

typedef struct block_note {
    size_t start; /* of its frames in `frames` */
    size_t frames, commit;
} block_note;

struct bsm_history {
    size_t kept, longest, capacity;
    bsm_history_rows rows;
    float *frames; /* [row][capacity][frame], and room for the last block's look-ahead and extra */
    size_t count;  /* frames committed */
    block_note *blocks;
    size_t num_blocks;
};

bsm_status bsm_history_new(size_t most, size_t kept, size_t longest, bsm_history **history,
                           bsm_error *error)
{
    bsm_history *h = calloc(1, sizeof *h);
    if (h) {
        h->rows = (bsm_history_rows){.rows = 1, .frame = most};
        h->kept = kept;
        h->longest = longest;
        h->capacity = 2 * kept + 2 * longest; /* so that it moves once per `kept` frames */
        h->frames = malloc((h->capacity + longest) * most * sizeof *h->frames);
        h->blocks = malloc(h->capacity * sizeof *h->blocks); /* a block commits a frame at least */
    }
    if (!h || !h->frames || !h->blocks) {
        bsm_history_free(h);
        return bsm_fail(error, BSM_NO_MEMORY, "no memory for %zu frames of a stream", kept);
    }
    *history = h;
    return BSM_OK;
}

void bsm_history_free(bsm_history *history)
{
    if (history) {
        free(history->frames);
        free(history->blocks);
        free(history);
    }
}

void bsm_history_clear(bsm_history *history)
{
    history->count = 0;
    history->num_blocks = 0;
}

void bsm_history_begin(bsm_history *history, const bsm_history_rows *rows)
{
    bsm_history_clear(history);
    history->rows = *rows;
}

/* Where a frame of a row is. */
static float *frame_at(const bsm_history *h, size_t row, size_t frame)
{
    const size_t length = (h->capacity + h->longest) * h->rows.frame + h->rows.extra;
    return h->frames + row * length + frame * h->rows.frame;
}

/* Forget the oldest blocks, as long as `kept` frames stay. */
static void make_room(bsm_history *h)
{
    size_t first = 0;
    while (first < h->num_blocks &&
           h->count - (h->blocks[first].start + h->blocks[first].commit) >= h->kept) {
        first++;
    }
    size_t gone = first < h->num_blocks ? h->blocks[first].start : h->count;
    for (size_t row = 0; row < h->rows.rows; row++) {
        memmove(frame_at(h, row, 0), frame_at(h, row, gone),
                (h->count - gone) * h->rows.frame * sizeof *h->frames);
    }
    memmove(h->blocks, h->blocks + first, (h->num_blocks - first) * sizeof *h->blocks);
    h->count -= gone;
    h->num_blocks -= first;
    for (size_t i = 0; i < h->num_blocks; i++) {
        h->blocks[i].start -= gone;
    }
}

void bsm_history_add(bsm_history *h, const float *const *rows, size_t frames, size_t commit)
{
    if (h->count + commit > h->capacity) {
        make_room(h);
    }
    h->blocks[h->num_blocks++] =
        (block_note){.start = h->count, .frames = frames, .commit = commit};
    for (size_t row = 0; row < h->rows.rows; row++) {
        memcpy(frame_at(h, row, h->count), rows[row],
               (frames * h->rows.frame + h->rows.extra) * sizeof *h->frames);
    }
    h->count += commit;
}

size_t bsm_history_count(const bsm_history *h)
{
    return h->num_blocks;
}

bsm_history_block bsm_history_at(const bsm_history *h, size_t index)
{
    const block_note *block = &h->blocks[index];
    bsm_history_block found = {.frames = block->frames, .commit = block->commit};
    for (size_t row = 0; row < h->rows.rows; row++) {
        found.rows[row] = frame_at(h, row, block->start);
    }
    return found;
}
