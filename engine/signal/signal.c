/* SPDX-License-Identifier: ISC */
/* Blocks and queues of samples. */
#include "signal/signal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- A block of samples, a plane per channel, in one allocation ---- */

float **bsm_planes_new(size_t channels, size_t samples)
{
    size_t pointers, data_bytes, bytes;
    if (__builtin_mul_overflow(channels, sizeof(float *), &pointers) ||
        __builtin_mul_overflow(samples, channels * sizeof(float), &data_bytes) ||
        __builtin_add_overflow(pointers, data_bytes, &bytes)) {
        return NULL;
    }
    float **planes = calloc(1, bytes);
    if (planes) {
        float *data = (float *)(planes + channels);
        for (size_t c = 0; c < channels; c++) {
            planes[c] = data + c * samples;
        }
    }
    return planes;
}

void bsm_planes_at(float *const *planes, size_t channels, size_t offset, float **at)
{
    for (size_t c = 0; c < channels; c++) {
        at[c] = planes[c] + offset;
    }
}

/* ---- A queue of samples, a plane per channel ---- */

enum { FIRST_CAPACITY = 16384 };

void bsm_sample_queue_init(bsm_sample_queue *queue, size_t channels)
{
    *queue = (bsm_sample_queue){.channels = channels};
}

void bsm_sample_queue_clear(bsm_sample_queue *queue)
{
    free(queue->data);
    bsm_sample_queue_init(queue, queue->channels);
}

static bsm_status grow(bsm_sample_queue *queue, size_t needed, bsm_error *error)
{
    size_t capacity = queue->capacity ? queue->capacity : FIRST_CAPACITY;
    while (capacity < needed) {
        if (capacity > SIZE_MAX / 2 / sizeof(float) / queue->channels) {
            return bsm_fail(error, BSM_NO_MEMORY, "queue of %zu samples: out of memory", needed);
        }
        capacity *= 2;
    }
    float *data = malloc(capacity * queue->channels * sizeof *data);
    if (!data) {
        return bsm_fail(error, BSM_NO_MEMORY, "queue of %zu samples: out of memory", needed);
    }
    for (size_t c = 0; c < queue->channels && queue->count; c++) {
        memcpy(data + c * capacity, queue->data + c * queue->capacity + queue->start,
               queue->count * sizeof *data);
    }
    free(queue->data);
    queue->data = data;
    queue->capacity = capacity;
    queue->start = 0;
    return BSM_OK;
}

static void move_to_front(bsm_sample_queue *queue)
{
    for (size_t c = 0; c < queue->channels; c++) {
        float *plane = queue->data + c * queue->capacity;
        memmove(plane, plane + queue->start, queue->count * sizeof *plane);
    }
    queue->start = 0;
}

/* Make room for `count` more samples. Moving only if at least half of the plane is free keeps the
 * cost per sample constant. */
static bsm_status make_room(bsm_sample_queue *queue, size_t count, bsm_error *error)
{
    if (queue->start + queue->count + count <= queue->capacity) {
        return BSM_OK;
    }
    if (queue->count + count <= queue->capacity / 2) {
        move_to_front(queue);
        return BSM_OK;
    }
    return grow(queue, 2 * (queue->count + count), error);
}

bsm_status bsm_sample_queue_push(bsm_sample_queue *queue, const float *const *audio, size_t count,
                                 bsm_error *error)
{
    bsm_status status = make_room(queue, count, error);
    for (size_t c = 0; c < queue->channels && !status && count; c++) {
        memcpy(queue->data + c * queue->capacity + queue->start + queue->count, audio[c],
               count * sizeof(float));
    }
    queue->count += status ? 0 : count;
    return status;
}

size_t bsm_sample_queue_pop(bsm_sample_queue *queue, float *const *audio, size_t count)
{
    count = count < queue->count ? count : queue->count;
    for (size_t c = 0; c < queue->channels && count; c++) {
        memcpy(audio[c], queue->data + c * queue->capacity + queue->start, count * sizeof(float));
    }
    queue->start += count;
    queue->count -= count;
    return count;
}

bsm_status bsm_sample_queue_move(bsm_sample_queue *queue, bsm_sample_queue *from, bsm_error *error)
{
    if (queue->count == 0) {
        const bsm_sample_queue empty = *queue;
        *queue = *from;
        *from = empty;
        return BSM_OK;
    }
    bsm_status status = make_room(queue, from->count, error);
    for (size_t c = 0; c < queue->channels && !status && from->count; c++) {
        memcpy(queue->data + c * queue->capacity + queue->start + queue->count,
               from->data + c * from->capacity + from->start, from->count * sizeof(float));
    }
    if (!status) {
        queue->count += from->count;
        from->start += from->count;
        from->count = 0;
    }
    return status;
}
